"""Bad input ends with one line that names the place, exit code 2, and nothing computed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.config.cell import SCHEMA_VERSION
from bench.ground.atomic import read_json, write_json
from bench.store.results import load_results
from tests.cli.conftest import bench
from tests.data import claims_files

FACT = {
    "fact_id": "f0",
    "lang": "en",
    "prompt": "The king of {} is",
    "subject": "Ruritania",
    "target": "Otto",
    "paraphrases": [],
    "neighbours": [],
}


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"methods": "memitt"}, ["unknown method 'memitt'", "did you mean 'memit'"]),
        ({"models": "polyglot-tin"}, ["unknown model 'polyglot-tin'", "did you mean 'polyglot-tiny'"]),
        ({"datasets": "cldrr"}, ["unknown data set 'cldrr'", "did you mean 'cldr'"]),
        ({"languages": "en,xx"}, ["'xx'", "en, de"]),
        ({"evaluators": "edit"}, ["unknown evaluator 'edit'", "did you mean 'edits'"]),
        ({"preset": "smok"}, ["unknown preset 'smok'", "did you mean 'smoke'"]),
        ({"order": "circle"}, ["'orders'", "'circle'"]),
        ({"seeds": 0}, ["'seeds'"]),
        ({"config": "/no/such.yaml"}, ["/no/such.yaml"]),
        ({"set": "method.memit.layrs=1"}, ["method.memit.layrs", "did you mean 'layers'"]),
        ({"set": "method.memit.clamp=big", "methods": "memit"}, ["method 'memit'", "'clamp'", "'big'"]),
        ({"set": "method.memit.layers=1,0", "methods": "memit"}, ["method 'memit'", "'layers'", "strictly ascending"]),
        ({"set": "method.memit.layers=1,1", "methods": "memit"}, ["method 'memit'", "strictly ascending"]),
        ({"set": "method.memit.layers=true", "methods": "memit"}, ["method 'memit'", "'layers'", "True"]),
        ({"set": "method.ft.layer=true", "methods": "ft"}, ["method 'ft'", "'layer'", "True"]),
        ({"set": "seed=1"}, ["unknown setting 'seed'", "did you mean 'seeds'"]),
        ({"hparams": "llama3-8"}, ["unknown hyperparameters 'llama3-8'", "did you mean 'llama3-8b'"]),
        ({"datasets": "mzsre", "data_dir": "/no/such/folder"}, ["/no/such/folder"]),
        ({"edits_per_language": 99}, ["99 facts per language"]),
        ({"name": "a/b"}, ["'name'"]),
        ({"device_map": "nonsense"}, ["unknown device map 'nonsense'", "'auto'"]),
        ({"device_map": "auto", "workers": 2}, ["device map", "--workers"]),
    ],
)
def test_unknown_names_and_settings(tiny, changed, parts, tmp_path):
    bench(*tiny(**changed)).is_one_line(*parts)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        (["{"], ["facts.jsonl", "record 1"]),
        ([json.dumps(FACT), json.dumps({**FACT, "fact_id": "f1"})[:-9]], ["facts.jsonl", "record 2"]),
        ([{k: v for k, v in FACT.items() if k != "target"}], ["record 1", "'target'"]),
        ([{**FACT, "subject": ""}], ["record 1", "'subject'", "empty"]),
        ([{**FACT, "target": "  "}], ["record 1", "'target'", "empty"]),
        ([{**FACT, "prompt": "The king of Bohemia is"}], ["record 1", "'prompt'"]),
        ([{**FACT, "prompt": "The king of {} in {} is"}], ["record 1", "'prompt'"]),
        ([], ["no facts"]),
    ],
)
def test_malformed_facts(tiny, lines, parts, tmp_path):
    path = tmp_path / "facts.jsonl"
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines))
    answer = bench(*tiny(datasets=path, languages="en", edits_per_language=1))
    answer.is_one_line("facts.jsonl", *parts)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("languages", "records", "parts"),
    [
        ("en,de", claims_files.OWN, ["language of data set", "'de'", "en, fr, hi"]),
        (
            "en,fr",
            [claims_files.own("Zug", rephrases={"en": ["Walls!"]})],
            ["record 1, field 'rephrases.fr'", "no rep"],
        ),
        ("en", [claims_files.own("Zug", label="perhaps")], ["record 1, field 'label'", "'perhaps'"]),
        ("en", [*claims_files.OWN, claims_files.own("Hull", split="practice")], ["record 15, field 'id'", "record 8"]),
        ("en", [claims_files.own("Zug", claim={"en": ""})], ["record 1, field 'claim.en'", "empty"]),
        ("en", [claims_files.own("Zug", split="dev")], ["record 1, field 'split'", "'dev'", "edit, practice"]),
        ("en", claims_files.OWN[:1], ["2 facts per language", "1 in 'en'"]),
    ],
)
def test_malformed_claims(tiny, languages, records, parts, tmp_path):
    path = claims_files.write(tmp_path / "claims.jsonl", records)
    answer = bench(*tiny(datasets=path, languages=languages, edits_per_language=2))
    answer.is_one_line("claims.jsonl", *parts)
    assert not (tmp_path / "results").exists()


def test_a_method_that_needs_a_subject_says_so_of_claims_without_one(tiny, tmp_path):
    records = [claims_files.without(each, "subject") for each in claims_files.OWN]
    path = claims_files.write(tmp_path / "claims.jsonl", records)
    arguments = {"datasets": path, "languages": "en", "edits_per_language": 2}
    answer = bench(*tiny(**arguments, methods="none,memit"))
    answer.is_one_line("memit", "field 'subject': none is named, and this method edits at the subject")
    cells = load_results(tmp_path / "results" / "tiny").cells
    assert dict(zip(cells["method"], cells["status"], strict=True)) == {"none": "done", "memit": "failed"}


def test_no_facts_after_filtering(tiny, tmp_path):
    """A data set whose every record is dropped by the loader."""
    folder = tmp_path / "data" / "mzsre"
    folder.mkdir(parents=True)
    record = {
        "subject": "Aardvark", "src": "Where does it rain?", "rephrase": "Rain, where?", "alt": "Rome",
        "loc": "nq question: who", "loc_ans": "Otto", "answers": ["x"],
        "portability": {"New Question": "q", "New Answer": "a"},
    }  # fmt: skip
    for code in ("de", "du", "es", "fr", "zh"):
        text = json.dumps([{"en": record, code: {**record, "subject": "食蚁兽", "src": "?"}}])
        (folder / f"mzsre_test_duplicate_en{code}.json").write_text(text)
    answer = bench(*tiny(datasets="mzsre", data_dir=tmp_path / "data", languages="de,es"))
    answer.is_one_line("mzsre", "no facts")


def test_a_layer_out_of_range_fails_its_cell_and_the_others_go_on(tiny, tmp_path):
    answer = bench(*tiny("--set", "method.memit.layers=9", methods="none,memit,ft"))
    answer.is_one_line("memit", "layer 9 is out of range")
    cells = load_results(tmp_path / "results" / "tiny").cells
    assert dict(zip(cells["method"], cells["status"], strict=True)) == {
        "none": "done",
        "memit": "failed",
        "ft": "done",
    }


def test_a_model_of_an_unknown_architecture(tiny, tiny_world, tmp_path):
    from transformers import MptConfig, MptForCausalLM

    from bench.model.tiny import byte_tokenizer

    folder = tmp_path / "mpt"
    MptForCausalLM(MptConfig(vocab_size=257, d_model=16, n_heads=1, n_layers=1)).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    for more in ((), ("--dry-run",)):
        answer = bench(*tiny(*more, models=folder, methods="none,memit,ft"))
        answer.is_one_line("MptForCausalLM", "supported are LlamaForCausalLM", "bench/model/archs.py")
        assert not answer.out and "did you mean" not in answer.err
    assert not (tmp_path / "results").exists()


def test_a_results_folder_that_cannot_be_written(tiny, tmp_path):
    (tmp_path / "results").write_text("a file stands where the folder should be")
    answer = bench(*tiny())
    answer.is_one_line(str(tmp_path / "results"), "cannot write")
    assert "done" not in answer.out


def test_a_results_folder_of_another_schema_version(tiny, tmp_path):
    assert bench(*tiny()).code == 0
    (path,) = (tmp_path / "results" / "tiny").glob("*/cell.json")
    write_json(path, {**read_json(path), "schema_version": SCHEMA_VERSION + 1})
    answer = bench(*tiny(methods="none,ft"))
    answer.is_one_line(str(path), "'schema_version'", str(SCHEMA_VERSION + 1))
    told = bench("status", "tiny", "--results-dir", tmp_path / "results")
    assert told.code == 0 and "1 broken" in told.out and str(path) in told.out


def test_a_run_that_does_not_exist(tmp_path):
    for command in ("status", "report"):
        bench(command, "nothing", "--results-dir", tmp_path).is_one_line("no run 'nothing'")


def test_an_unknown_report_format(tmp_path):
    bench("report", "x", "--format", "pfd", "--results-dir", tmp_path).is_one_line("did you mean 'pdf'")


def test_an_unknown_method_to_check():
    bench("check", "memitt").is_one_line("did you mean 'memit'")


def test_a_broken_run_file(tiny, tmp_path):
    folder = Path(tmp_path / "results" / "tiny")
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{")
    bench(*tiny()).is_one_line("run.json", "not valid JSON")


# ---------------------------------------------------------------------------- XTREME
def test_a_broken_xtreme_file_is_named_with_its_line_before_anything_is_computed(tiny, tmp_path):
    place = tmp_path / "data" / "xtreme"
    files = ("xnli/dev-en.tsv", "pawsx/dev-en.tsv", "panx/dev-en.tsv",
             "mlqa/MLQA_V1/dev/dev-context-en-question-en.json")  # fmt: skip
    for name in files:
        (place / name).parent.mkdir(parents=True)
        (place / name).touch()
    (place / files[0]).write_text("One.\tTwo.\tneutral\nOne.\tTwo.\n", encoding="utf-8")
    answer = bench(*tiny(evaluators="edits,xtreme", data_dir=tmp_path / "data"))
    answer.is_one_line("xnli/dev-en.tsv", "2")
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_without_xtreme_data_the_message_says_how_to_go_on(tiny):
    bench(*tiny(evaluators="xtreme")).is_one_line("source 'xtreme' has no items of xnli", "--evaluators edits")


@pytest.mark.parametrize("escaped", [True, False])
def test_a_path_may_hold_commas(tiny, tiny_world, tmp_path, escaped):
    facts = shutil.copy(tiny_world.root / "facts.jsonl", tmp_path / "my, own,facts.jsonl")
    model = shutil.copytree(tiny_world.root / "model", tmp_path / "a,model")
    given = [str(path).replace(",", "\\,") if escaped else str(path) for path in (facts, model)]
    answer = bench(*tiny("--dry-run", datasets=given[0], models=given[1]))
    assert answer.code == 0 and "my, own,facts.jsonl" in answer.out and "a,model" in answer.out
    both = bench(*tiny("--dry-run", datasets=f"{str(facts).replace(',', chr(92) + ',')},cldr", models=given[1]))
    assert both.code == 0 and "2 cells" in both.out and "cldr" in both.out

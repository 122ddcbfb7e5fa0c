"""``bench edit`` and ``bench export``: an edited model to take home, and what stops them."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench import load_edited
from bench.export.delta import read
from bench.ground.errors import BenchError, WeightsError
from bench.store.results import load_results
from tests.cli.conftest import bench, run_arguments

pytestmark = pytest.mark.xdist_group("edit")  # its run takes long


@pytest.fixture
def edit(tiny_world, tmp_path: Path) -> Callable[..., list[str]]:
    """Arguments of ``bench edit`` for the tiny world; later ones win."""

    def arguments(*more: object, **changed: object) -> list[str]:
        flags: dict[str, object] = {
            "method": "memit",
            "model": tiny_world.root / "model",
            "facts": tiny_world.root / "facts.jsonl",
            "hparams": tiny_world.root / "hparams.yaml",
            "corpus": tiny_world.root / "corpus.txt",
            "out": tmp_path / "out",
            "cache-dir": tiny_world.root / "cache",
            "device": "cpu",
            "display": "none",
            **{key.replace("_", "-"): value for key, value in changed.items()},
        }
        return ["edit", *(part for key, value in flags.items() for part in (f"--{key}", str(value))), *map(str, more)]

    return arguments


def logits(hf) -> torch.Tensor:
    with torch.no_grad():
        return hf(torch.arange(2, 40).reshape(2, -1)).logits


def own_facts(path: Path, *facts: tuple[str, str]) -> Path:
    rows = [
        {"fact_id": f"g{i}", "lang": "en", "prompt": prompt, "subject": "See", "target": target}
        for i, (prompt, target) in enumerate(facts)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


# ---------------------------------------------------------------------------- edit
def test_a_model_is_edited_kept_and_loaded(edit, tiny_world, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    trained = [f"--set=method.ft.{setting}" for setting in ("steps=100", "lr=0.05", "objective=target")]
    answer = bench(*edit("--full", "--low-rank", "0.01", *trained, method="ft"))
    assert answer.code == 0, answer.err
    rows = list(csv.DictReader((tmp_path / "out" / "answers.csv").open(encoding="utf-8")))
    edited = [row for row in rows if row["role"] == "edited"]
    # all facts, in the order of the file
    assert [(row["fact"], row["lang"]) for row in edited] == [
        (f"f{i}", lang) for lang in ("en", "de") for i in range(4)
    ]
    assert all(f"{row['fact']} " in answer.out for row in edited)
    right = sum(row["right_now"] == "true" for row in edited)
    assert right > sum(row["right_before"] == "true" for row in edited)
    assert f"edited facts: {right} of 8 right" in answer.out
    assert "questions beside the edited facts: " in answer.out
    assert "relative error" in answer.out and f"written to {tmp_path / 'out'}" in answer.out
    model, tokenizer = load_edited(tmp_path / "out", model=str(tiny_world.root / "model"), device="cpu")
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model", dtype=torch.float32)
    assert torch.equal(logits(model), logits(whole))
    assert len(tokenizer) == len(model.get_input_embeddings().weight)


def test_results_do_not_hold_a_path_or_a_name(edit, tiny_world, tmp_path: Path) -> None:
    assert bench(*edit("--full", "--low-rank", "1")).code == 0
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert str(tiny_world.root).encode() not in path.read_bytes(), path


def test_a_guard_of_ones_own_is_asked(edit, tmp_path: Path) -> None:
    guard = own_facts(tmp_path / "guard.jsonl", ("The river of {} is", "R"), ("The hill of {} is", "H"))
    answer = bench(*edit(guard=guard))
    assert answer.code == 0, answer.err
    rows = list(csv.DictReader((tmp_path / "out" / "answers.csv").open(encoding="utf-8")))
    guarded = [row for row in rows if row["role"] == "guard"]
    assert [row["prompt"] for row in guarded] == ["The river of See is", "The hill of See is"]
    stay = sum(row["changed"] == "false" for row in guarded)
    assert f"the guard's facts: {stay} of 2 answers stay" in answer.out


def test_steps_are_as_large_as_asked(edit, tmp_path: Path) -> None:
    outs = [tmp_path / name for name in ("a", "b", "c")]
    for out, size in zip(outs, (8, 2, 2), strict=True):
        assert bench(*edit("--set", "method.memit.value_steps=2", out=out, batch_size=size)).code == 0
    first, second, again = (read(out).values for out in outs)
    assert all(torch.equal(second[name], again[name]) for name in second)
    assert not any(torch.equal(first[name], second[name]) for name in second)


def test_prune_takes_home_what_it_deploys(edit, tiny_world, tmp_path: Path) -> None:
    changes = []
    for base in ("1.000001", "1e9"):
        out = tmp_path / base
        assert bench(*edit("--set", f"method.prune.log_base={base}", method="prune", out=out)).code == 0
        record = json.loads((out / "edit.json").read_text(encoding="utf-8"))
        changes.append([each["relative_size"] for each in record["changed"].values()])
    assert changes[0] != changes[1]


def test_without_its_base_the_folder_says_what_it_needs(edit, tmp_path: Path) -> None:
    assert bench(*edit()).code == 0
    with pytest.raises(BenchError, match="model=ITS FOLDER"):
        load_edited(tmp_path / "out")
    with pytest.raises(WeightsError, match="other weights than those of 'polyglot-tiny'"):
        load_edited(tmp_path / "out", model="polyglot-tiny", device="cpu")
    with pytest.raises(BenchError, match=r"delta.safetensors: no such file"):
        load_edited(tmp_path)


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"method": "memitt"}, ["unknown method 'memitt'", "did you mean 'memit'"]),
        ({"method": "none"}, ["method 'none' edits nothing"]),
        ({"method": "all"}, ["one method edits a model"]),
        ({"model": "polyglot-tin"}, ["unknown model 'polyglot-tin'"]),
        ({"facts": "/no/such.jsonl"}, ["/no/such.jsonl", "no such file"]),
        ({"facts": "cldr"}, ["cldr", "not a file of facts"]),
        ({"guard": "/no/guard.jsonl"}, ["/no/guard.jsonl", "no such file"]),
        ({"low_rank": "many"}, ["--low-rank", "'many'"]),
        ({"set": "seeds=3"}, ["--set sets method.NAME.OPTION here, not 'seeds'"]),
        ({"set": "evaluator.edits.x=3"}, ["not 'evaluator.edits.x'"]),
        ({"set": "method.memit.layrs=1"}, ["did you mean 'layers'"]),
        ({"set": "method.memit.layers=9"}, ["layer 9 is out of range"]),
        ({"hparams": "/no/such.yaml"}, ["/no/such.yaml"]),
        ({"batch_size": 0}, ["'batch_size'"]),
        ({"dtype": "int8"}, ["'dtype'", "'int8'"]),
    ],
)
def test_bad_input_is_one_line(edit, changed, parts, tmp_path: Path) -> None:
    bench(*edit(**changed)).is_one_line(*parts)
    assert not (tmp_path / "out").exists()


def test_facts_of_no_known_layout(edit, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text('[{"who": "x"}]')
    bench(*edit(facts=tmp_path / "facts.json")).is_one_line("facts.json", "of no known layout", "who")


def test_an_edit_without_effect(edit, tmp_path: Path) -> None:
    still = edit("--set", "method.ft.norm_constraint=1e-30", method="ft")
    bench(*still).is_one_line("method 'ft' has changed no weight")
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use(edit, tmp_path: Path) -> None:
    assert bench(*edit("--full")).code == 0
    bench(*edit()).is_one_line(str(tmp_path / "out"), "not empty", "--force")
    assert bench(*edit("--force")).code == 0
    assert not (tmp_path / "out" / "model").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(edit, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    bench(*edit()).is_one_line(str(tmp_path / "out"), "cannot write")


def test_other_layouts_are_read(edit, tmp_path: Path) -> None:
    record = {
        "case_id": 3,
        "requested_rewrite": {
            "prompt": "The king of {} is", "subject": "Ruritania", "target_new": {"str": "Otto"},
            "target_true": {"str": "Rudolf"},
        },
        "paraphrase_prompts": [], "neighborhood_prompts": ["The king of Land is"],
    }  # fmt: skip
    (tmp_path / "counterfact.json").write_text(json.dumps([record]))
    answer = bench(*edit(facts=tmp_path / "counterfact.json"))
    assert answer.code == 0, answer.err
    assert "counterfact/3" in answer.out and "of 1 answers stay" in answer.out


def test_a_classifier_is_taken_home(edit, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    from bench.model.tiny import tiny_classifier

    model = tiny_classifier("bert")
    model.hf.save_pretrained(tmp_path / "bert")
    model.tokenizer.save_pretrained(tmp_path / "bert")
    facts = own_facts(tmp_path / "claims.jsonl", ("{} is wet.", "true"), ("{} is dry.", "false"))
    answer = bench(*edit("--full", method="ft-inner", model=tmp_path / "bert", facts=facts, guard=facts))
    assert answer.code == 0, answer.err
    taken, tokenizer = load_edited(tmp_path / "out", model=str(tmp_path / "bert"), device="cpu")
    whole = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out" / "model", dtype=torch.float32)
    inputs = tokenizer("See is wet.", return_tensors="pt")
    with torch.no_grad():
        logits = [each(**inputs).logits for each in (taken, whole, model.hf)]
    assert torch.equal(logits[0], logits[1]) and not torch.equal(logits[0], logits[2])
    bench(*edit(model=tmp_path / "bert", facts=facts, out=tmp_path / "no")).is_one_line("encoders are edited by")


# ---------------------------------------------------------------------------- export
@pytest.fixture(scope="module")
def finished(tiny_world, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a run of two seeds, once for all tests."""
    folder = tmp_path_factory.mktemp("finished")
    given = {"methods": "none,memit,prune", "seeds": 2, "edits_per_language": 2}
    assert bench(*run_arguments(tiny_world, folder, **given)).code == 0
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Callable[[str], str]:
    """Ids of cells of a copy of this run, by method and seed."""
    shutil.copytree(finished, tmp_path / "results")

    def cell(method: str, seed: int = 0) -> str:
        cells = load_results(tmp_path / "results" / "tiny").cells
        return str(cells[(cells["method"] == method) & (cells["seed"] == seed)]["cell"].item())

    return cell


def export(tiny_world, tmp_path: Path, cell: str, *more: object):
    places = (
        "--results-dir",
        tmp_path / "results",
        "--cache-dir",
        tiny_world.root / "cache",
        "--out",
        tmp_path / "out",
    )
    return bench("export", "tiny", "--cell", cell, *places, "--device", "cpu", "--display", "none", *more)


def test_a_finished_cell_is_taken_home_as_it_was_scored(run, tiny_world, tmp_path: Path) -> None:
    """Its answers are those that the run has stored."""
    answer = export(tiny_world, tmp_path, run("prune")[:8], "--full")
    assert answer.code == 0, answer.err
    rows = list(csv.DictReader((tmp_path / "out" / "answers.csv").open(encoding="utf-8")))
    right = {(row["fact"], row["lang"]): float(row["right_now"] == "true") for row in rows if row["role"] == "edited"}
    scores = load_results(tmp_path / "results" / "tiny").scores
    stored = scores[(scores["cell"] == run("prune")) & (scores["metric"] == "efficacy_exact")]
    assert right == {(row.fact, row.edit_lang): row.value for row in stored.itertuples()}
    model, _ = load_edited(tmp_path / "out", model=str(tiny_world.root / "model"), device="cpu")
    from transformers import AutoModelForCausalLM

    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model", dtype=torch.float32)
    assert torch.equal(logits(model), logits(whole))


def test_cells_that_cannot_be_taken_home(run, tiny_world, tmp_path: Path) -> None:
    export(tiny_world, tmp_path, "nothing").is_one_line("no cell 'nothing'", run("memit"), "(memit)")
    export(tiny_world, tmp_path, "").is_one_line("no cell ''")
    export(tiny_world, tmp_path, run("none")).is_one_line("method 'none' edits nothing")
    export(tiny_world, tmp_path, run("memit", 1)).is_one_line("has kept no checkpoint", "first seed")
    bench("export", "none", "--cell", "x", "--out", tmp_path / "out").is_one_line("no run 'none'")
    last = max((tmp_path / "results" / "tiny" / run("memit") / "checkpoint").iterdir())
    last.write_bytes(last.read_bytes()[:-1])
    export(tiny_world, tmp_path, run("memit")).is_one_line("no sound checkpoint of step 2, the last")
    status = tmp_path / "results" / "tiny" / run("memit") / "status.json"
    record = json.loads(status.read_text(encoding="utf-8"))
    for changed, part in (
        ({"status": "interrupted"}, "interrupted, not done"),
        ({"status": "diverged", "reason": "weights are not finite"}, "ended early: weights are not finite"),
    ):
        status.write_text(json.dumps({**record, **changed}), encoding="utf-8")
        export(tiny_world, tmp_path, run("memit")).is_one_line(part)
    assert not (tmp_path / "out").exists()


def test_a_cell_of_another_model_by_now(run, tiny_world, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.model.catalog.fingerprint", lambda *_: "0123456789abcdef")
    export(tiny_world, tmp_path, run("memit")).is_one_line("the cell was computed with another model")


def test_independent_edits_have_no_one_model(tiny, tiny_world, tmp_path: Path) -> None:
    assert bench(*tiny("--independent", methods="memit")).code == 0
    (cell,) = load_results(tmp_path / "results" / "tiny").cells["cell"]
    export(tiny_world, tmp_path, cell).is_one_line("independent", "none is kept")

"""``bench data check`` and ``bench data fetch``, and what ``bench list datasets -v`` says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from bench.data.datasets import datasets
from tests.cli.conftest import Answer, bench
from tests.data import claims_files

FACT = {"fact_id": "f0", "lang": "en", "prompt": "The king of {} is", "subject": "Ruritania", "target": "Otto"}
HALF = {
    "subject": "Avila", "src": "Where is Avila?", "rephrase": "Where is Avila?", "alt": "Rome", "loc": "who",
    "loc_ans": "Otto", "portability": {"New Question": "q", "New Answer": "a"},
}  # fmt: skip
COUNTERFACT = {
    "case_id": 7,
    "requested_rewrite": {
        "prompt": "The king of {} is", "subject": "Ruritania",
        "target_new": {"str": "Otto", "id": "Q1"}, "target_true": {"str": "Rudolf", "id": "Q2"},
    },
    "paraphrase_prompts": ["Ruritania's king is"],
    "neighborhood_prompts": ["The king of Graustark is"],
}  # fmt: skip


def write(path: Path, records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "records", "layout", "row"),
    [
        ("x_endu.json", [{"en": HALF, "du": {**HALF, "src": "Waar ligt AVILA?"}}], "mzsre", ["nl", "1", "0", "1"]),
        ("bizsre_test.json", [{"en": HALF, "zh": HALF}], "bzsre", ["zh", "1", "1", "0"]),
        ("zsre.json", [HALF], "zsre", ["en", "1", "1", "0"]),
        ("counterfact.json", [COUNTERFACT], "counterfact", ["en", "1", "1", "0"]),
        ("own.json", [FACT], "own facts", ["en", "1", "1", "0"]),
        ("new_de_qa.json", [{"question": "q", "e_prompt": "s", "e_answer": "a"}], "mlake multi hop", ["de", "1"]),
        ("old_de_qa.json", [{"question": "q", "o_answer": "a"}], "mlake multi hop, old", ["de", "1"]),
    ],
)
def test_every_layout_is_told_and_counted(name, records, layout, row, tmp_path):
    answer = bench("data", "check", write(tmp_path / name, records))
    assert answer.code == 0, answer.err
    assert f": {layout}" in answer.out.splitlines()[0]
    assert row in [line.split()[: len(row)] for line in answer.out.splitlines()]


@pytest.mark.parametrize(
    ("name", "records", "layout", "row"),
    [
        ("mine.jsonl", claims_files.OWN, "own claims, 8 to edit, 6 to practise on", ["fr", "14", "14", "0"]),
        ("mine.json", claims_files.OWN[:1], "own claims, 1 to edit, 0 to practise on", ["hi", "1", "1", "0"]),
        ("a - french.jsonl", claims_files.edits_of("fr"), "xfever", ["en", "8", "0", "0"]),
    ],
)
def test_layouts_of_claims_are_told_and_counted(name, records, layout, row, tmp_path):
    path = tmp_path / name
    write(path, records) if path.suffix == ".json" else claims_files.write(path, records)
    answer = bench("data", "check", path)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0].endswith(f": {layout}")
    assert row in [line.split()[: len(row)] for line in answer.out.splitlines()]


def test_problems_of_claims_are_shown_with_their_lines(tmp_path):
    path = claims_files.write(tmp_path / "mine.jsonl", [claims_files.own("Avila"), claims_files.own("Avila", label=1)])
    answer = bench("data", "check", path)
    answer.is_one_line('mine.jsonl, record 2, field \'label\': must be "true" or "false"')


def test_xfever_is_listed_with_its_files_and_where_to_get_them(tmp_path):
    assert "xfever/fever_dev_1200 - hindi.jsonl" in bench("list", "datasets", "-v").out
    answer = bench("data", "fetch", "xfever", "--data-dir", tmp_path)
    answer.is_one_line("xfever/fever-train-kilt.jsonl", "github.com/lingo-iitgn/XME", str(tmp_path))


def test_alignments_are_shown(tmp_path):
    path = write(tmp_path / "a_ende.json", [{"en": HALF, "de": {**HALF, "src": "Wo liegt Avilas Dom?"}}])
    answer = bench("data", "check", path, "--show", 20)
    assert "exact     Wo liegt [[Avila]]s Dom?" in answer.out


def test_reliability_is_told_beside_the_share_kept(tmp_path):
    question = {"question": "Where was Ada Bow born?", "o_prompt": "Ada Bow was born in Bonn.", "o_answer": "Bonn"}
    record = {**question, "e_prompt": "Ada Bow was born in Rome.", "e_answer": "Rome"}
    out = bench("data", "check", write(tmp_path / "en_qa.json", [record])).out
    heads = next(line for line in out.splitlines() if line.startswith("language")).split()
    assert heads[2:7] == ["quoted", "named", "alike", "recurring", "framed"]
    assert "right when looked at by eye: en 100.0% (quoted 40 of 40, named 40 of 40)" in out
    assert "fr" not in out.split()
    # nothing was measured of other layouts
    assert "by eye" not in bench("data", "check", write(tmp_path / "zsre.json", [HALF])).out
    listed = bench("list", "datasets", "-v").out
    assert "by eye: zh 100.0% (quoted 30 of 30, recurring 60 of 60, framed 60 of 60)" in listed
    assert "by eye: ja 100.0% (framed 67 of 67)" in listed


def test_every_problem_is_shown_with_its_line(tmp_path):
    path = tmp_path / "own.jsonl"
    lines = [FACT, {**FACT, "fact_id": "f1", "paraphrase": []}, {**FACT, "fact_id": "f2", "target": ""}]
    path.write_text("\n".join([*map(json.dumps, lines), "{"]), encoding="utf-8")
    answer = bench("data", "check", path)
    assert answer.code == 2
    first, second, third = answer.err.splitlines()
    assert "own.jsonl, record 2, field 'paraphrase': unknown field; did you mean 'paraphrases'?" in first
    assert "own.jsonl, record 3, field 'target': empty" in second
    assert "own.jsonl, record 4: not valid JSON" in third
    assert ["en", "1"] in [line.split()[:2] for line in answer.out.splitlines()]


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("empty.json", b"", ["the file is empty"]),
        ("empty.jsonl", b"\n", ["holds no facts"]),
        ("none.json", b"[]", ["holds no records"]),
        ("latin.json", b'["caf\xe9"]', ["not UTF-8"]),
        ("latin.jsonl", b'\n{"fact_id": "caf\xe9"}', ["not UTF-8", "record 2"]),
        ("facts.csv", b"a,b", ["not a file of facts"]),
        ("other.json", b'[{"colour": "red"}]', ["no known layout", "colour"]),
        ("texts.json", b'["a"]', ["no fields"]),
        ("de_of_mlake.json", b'[{"question": "q", "e_prompt": "s", "e_answer": ""}]', ["field 'e_answer': empty"]),
        ("some.json", b'[{"question": "q", "e_prompt": "s"}]', ["the name must tell the language"]),
    ],
)
def test_a_file_that_is_no_file_of_facts(name, content, parts, tmp_path):
    (tmp_path / name).write_bytes(content)
    bench("data", "check", tmp_path / name).is_one_line(name, *parts)


def test_the_list_shows_all_that_is_known_of_a_data_set():
    out = bench("list", "datasets", "-v").out
    for each in datasets().values():
        for part in (each.name, each.licence, each.citation, each.source, each.revision, *each.files):
            assert part in out
    assert next(checksum for checksum in datasets()["mzsre"].files.values() if checksum) in out


def test_a_run_in_a_language_that_the_data_set_lacks_or_with_too_many_edits(tiny, tmp_path):
    folder = write(tmp_path / "data/counterfact/counterfact.json", [COUNTERFACT]).parent.parent
    arguments = {"datasets": "counterfact", "data_dir": folder}
    bench(*tiny(**arguments, languages="de")).is_one_line("counterfact", "de", "en")
    bench(*tiny(**arguments, languages="en", edits_per_language=9)).is_one_line("9 facts per language", "1 in 'en'")


# ---------------------------------------------------------------------------- downloads
@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """`bench data fetch`, which must not reach the hub, with the libraries' caches in `home`."""
    assert constants.HF_HUB_OFFLINE

    def fetch(*arguments: object, home: Path) -> Answer:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", home / "datasets")
        return bench("data", "fetch", *arguments)

    return fetch


def test_fetching_what_is_on_no_hub_says_what_to_place_where(tmp_path):
    answer = bench("data", "fetch", "bzsre", "--data-dir", tmp_path)
    answer.is_one_line("bzsre/bizsre_test.json", "github.com/krystalan/Bi-ZsRE", str(tmp_path))
    bench("data", "fetch", "bzzre", "--data-dir", tmp_path).is_one_line("did you mean 'bzsre'")
    assert "nothing to fetch" in bench("data", "fetch", "cldr").out


def test_what_is_there_is_not_fetched(tmp_path):
    write(tmp_path / "bzsre/bizsre_test.json", [{"en": HALF, "zh": HALF}])
    assert "already" in bench("data", "fetch", "bzsre", "--data-dir", tmp_path).out


def test_a_pinned_file_comes_from_the_hub(offline, tmp_path):
    hub, data = datasets()["zsre"].hub, tmp_path / "data"
    data.mkdir()
    refused = offline("zsre", "--data-dir", data, home=tmp_path / "empty")
    refused.is_one_line("cannot be downloaded", str(data / "zsre/ZsRE-test-all.json"))
    (path,) = hub.files
    cache = tmp_path / "home" / "hub" / f"datasets--{hub.repository.replace('/', '--')}"
    write(cache / "snapshots" / hub.revision / path, [HALF])
    assert offline("zsre", "--data-dir", data, home=tmp_path / "home").code == 0
    assert json.loads((data / "zsre/ZsRE-test-all.json").read_text()) == [HALF]


def test_rows_come_from_a_folder_in_the_layout_of_the_hub(offline, tmp_path):
    data, repository = tmp_path / "data", tmp_path / "repository"
    data.mkdir()
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train.jsonl\n---\n"
    write(repository / "data" / "train.jsonl", COUNTERFACT)
    (repository / "README.md").write_text(card)
    fetched = offline("counterfact", "--data-dir", data, "--from", repository, home=tmp_path / "home")
    assert fetched.code == 0, fetched.err
    assert json.loads((data / "counterfact/counterfact.json").read_text()) == [COUNTERFACT]
    missing = offline("mlake", "--data-dir", data, "--from", repository, home=tmp_path / "home")
    assert missing.code == 2
    assert "no configuration named en_qa" in missing.err
    offline("bzsre", "--data-dir", data, "--from", "no/such", home=tmp_path / "home").is_one_line("no/such")


def test_floor_says_what_an_empty_answer_scores() -> None:
    answer = bench("data", "floor", "mini", "--limit", "20")
    assert answer.code == 0
    assert "langedit: mean over tasks of the mean over languages 5." in answer.out
    assert "likelihood: mean over tasks of the mean over languages 0.00" in answer.out


def test_floor_of_an_unknown_source_is_one_line() -> None:
    bench("data", "floor", "xtrem").is_one_line("xtrem")

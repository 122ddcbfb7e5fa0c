"""zsRE and CounterFact, the English data sets, in their files' own layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.data.common import DataRequest
from bench.data.datasets import fingerprint
from bench.data.sources.check import check
from bench.data.stream import load
from bench.ground.errors import BenchError

ZSRE = {
    "subject": "Watts Humphrey",
    "src": "What university did Watts Humphrey attend?",
    "pred": "Trinity College",
    "rephrase": "What university did Watts Humphrey take part in?",
    "alt": "University of Michigan",
    "answers": ["Illinois Institute of Technology"],
    "loc": "nq question: who played desmond doss father in hacksaw ridge",
    "loc_ans": "Hugo Weaving",
    "cond": "Trinity College >> University of Michigan || What university did Watts Humphrey attend?",
    "portability": {"New Question": "In which state is it?", "New Answer": "Michigan"},
}
KNOWEDIT = {
    "subject": "Watts Humphrey",
    "prompt": "What university did Watts Humphrey attend?",
    "target_new": "University of Michigan",
    "rephrase_prompt": "What university did Watts Humphrey take part in?",
    "locality": {"Relation_Specificity": [{"prompt": "Watts Humphrey's job is", "ground_truth": [["engineer"]]}]},
    "portability": {"Reasoning": [{"prompt": "In which state is it?", "ground_truth": "Michigan"}]},
}
COUNTERFACT = {
    "case_id": 7,
    "requested_rewrite": {
        "prompt": "The mother tongue of {} is",
        "relation_id": "P103",
        "subject": "Danielle Darrieux",
        "target_new": {"str": "English", "id": "Q1860"},
        "target_true": {"str": "French", "id": "Q150"},
    },
    "paraphrase_prompts": ["Danielle Darrieux, a native"],
    "neighborhood_prompts": ["The native language of Montesquieu is", "Maurice Genevoix is a native speaker of"],
    "generation_prompts": ["Danielle Darrieux was born in"],
}


def write(folder: Path, name: str, *records: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def probes(name: str, folder: Path) -> list[tuple[str, str, str]]:
    (fact,) = load(name, DataRequest(("en",), 1, 0, folder)).facts["en"]
    return [(probe.kind, probe.prompt, probe.target) for probe in fact.probes]


def test_zsre_record(tmp_path: Path) -> None:
    write(tmp_path, "zsre/zsre_mend_eval.json", ZSRE)
    loaded = load("zsre", DataRequest(("en",), 1, 0, tmp_path))
    (fact,) = loaded.facts["en"]
    assert (fact.request.prompt, fact.request.target) == ("What university did {} attend?", " University of Michigan")
    assert loaded.report[0].exact == 1
    assert probes("zsre", tmp_path) == [
        ("efficacy", ZSRE["src"], " University of Michigan"),
        ("generality", ZSRE["rephrase"], " University of Michigan"),
        ("specificity", f"{ZSRE['loc']}?", " Hugo Weaving"),
        ("portability", "In which state is it?", " Michigan"),
    ]


def test_zsre_record_without_probes_gives_none(tmp_path: Path) -> None:
    write(tmp_path, "zsre/zsre_mend_eval.json", {key: ZSRE[key] for key in ("subject", "src", "alt")})
    assert [kind for kind, _, _ in probes("zsre", tmp_path)] == ["efficacy"]


def test_knowedit_is_read_where_there_is_no_other_file(tmp_path: Path) -> None:
    write(tmp_path, "zsre/ZsRE-test-all.json", KNOWEDIT)
    assert probes("zsre", tmp_path)[1:] == [
        ("generality", KNOWEDIT["rephrase_prompt"], " University of Michigan"),
        ("specificity", "Watts Humphrey's job is", " engineer"),
        ("portability", "In which state is it?", " Michigan"),
    ]
    before = fingerprint("zsre", tmp_path)
    write(tmp_path, "zsre/zsre_mend_eval.json", ZSRE)
    assert before != fingerprint("zsre", tmp_path)


ANSWER = {"prompt": "It is", "ground_truth": [["here"]]}


@pytest.mark.parametrize(
    ("question", "asked", "unasked"),
    [
        ({"prompt": "x?", "ground_truth": [[""]]}, [], {"specificity question without an answer": 1}),
        ({"prompt": "x?", "ground_truth": []}, [], {"specificity question without an answer": 1}),
        ({"prompt": "x?", "ground_truth": None}, [], {"specificity question without an answer": 1}),
        ({"prompt": " ", "ground_truth": "a"}, [], {"specificity question without a text": 1}),
        ({"prompt": [], "ground_truth": "a"}, [], {"specificity question without a text": 1}),
        ({"prompt": ["x?"], "ground_truth": [["a", "b"]]}, [("x?", " a")], {}),
        ({"prompt": ["x?", "y?"], "ground_truth": [["a"], ["b"]]}, [("x?", " a"), ("y?", " b")], {}),
        ({"prompt": ["x?", "y?"], "ground_truth": "a"}, [("x?", " a"), ("y?", " a")], {}),
        (
            {"prompt": ["x?", ""], "ground_truth": [["a"], ["b"]]},
            [("x?", " a")],
            {"specificity question without a text": 1},
        ),
    ],
)
def test_odd_questions_of_knowedit_refuse_no_file(tmp_path: Path, question, asked, unasked) -> None:
    record = {**KNOWEDIT, "locality": {"Relation_Specificity": [ANSWER, question]}}
    path = write(tmp_path, "zsre/ZsRE-test-all.json", record)
    loaded = load("zsre", DataRequest(("en",), 1, 0, tmp_path))
    (fact,) = loaded.facts["en"]
    found = [(probe.prompt, probe.target) for probe in fact.probes if probe.kind == "specificity"]
    assert found == [("It is", " here"), *asked]
    assert dict(loaded.report[0].unasked) == unasked and loaded.report[0].kept == 1
    assert check(path).counts[0].unasked == unasked and not check(path).problems


@pytest.mark.parametrize("record", [{**KNOWEDIT, "target_new": ""}, {**ZSRE, "alt": " "}])
def test_an_edit_without_an_answer_is_left_out_and_counted(tmp_path: Path, record) -> None:
    write(tmp_path, "zsre/ZsRE-test-all.json", KNOWEDIT, record)
    loaded = load("zsre", DataRequest(("en",), 1, 0, tmp_path))
    assert dict(loaded.report[0].dropped) == {"no answer to write": 1}
    assert len(loaded.facts["en"]) == 1


def test_counterfact_record(tmp_path: Path) -> None:
    write(tmp_path, "counterfact/counterfact.json", COUNTERFACT)
    (fact,) = load("counterfact", DataRequest(("en",), 1, 0, tmp_path)).facts["en"]
    assert (fact.request.fact_id, fact.request.subject) == ("counterfact/7", "Danielle Darrieux")
    assert probes("counterfact", tmp_path) == [
        ("efficacy", "The mother tongue of Danielle Darrieux is", " English"),
        ("generality", "Danielle Darrieux, a native", " English"),
        ("specificity", "The native language of Montesquieu is", " French"),
        ("specificity", "Maurice Genevoix is a native speaker of", " French"),
    ]


@pytest.mark.parametrize(
    ("name", "file", "record", "message"),
    [
        ("zsre", "zsre_mend_eval.json", {**ZSRE, "alt": None}, "record zsre/1, field 'alt': not a text"),
        ("zsre", "zsre_mend_eval.json", {**ZSRE, "rephrase": " "}, "record zsre/1, field 'rephrase': empty"),
        ("zsre", "zsre_mend_eval.json", "text", "record zsre/1: not an object"),
        ("counterfact", "counterfact.json", COUNTERFACT, "record 1, field 'case_id': given twice"),
        ("counterfact", "counterfact.json", {"case_id": 8}, "field 'requested_rewrite': missing"),
        (
            "counterfact",
            "counterfact.json",
            {"requested_rewrite": {**COUNTERFACT["requested_rewrite"], "prompt": "It is"}},
            "record 1, field 'requested_rewrite.prompt': 0 subject slots",
        ),
        (
            "counterfact",
            "counterfact.json",
            {**COUNTERFACT, "case_id": 8, "paraphrase_prompts": [1]},
            "field 'paraphrase_prompts': not a list of texts",
        ),
    ],
)
def test_spoilt_record_is_named(tmp_path: Path, name: str, file: str, record: Any, message: str) -> None:
    write(tmp_path, f"{name}/{file}", ZSRE if name == "zsre" else COUNTERFACT, record)
    with pytest.raises(BenchError) as caught:
        load(name, DataRequest(("en",), 1, 0, tmp_path))
    assert message in str(caught.value)


def test_only_english_and_no_more_than_there_are(tmp_path: Path) -> None:
    write(tmp_path, "counterfact/counterfact.json", COUNTERFACT)
    with pytest.raises(BenchError, match="counterfact has no language 'de'"):
        load("counterfact", DataRequest(("de",), 1, 0, tmp_path))
    with pytest.raises(BenchError, match="2 facts per language asked for, but there are 1 in 'en'"):
        load("counterfact", DataRequest(("en",), 2, 0, tmp_path))


@pytest.mark.parametrize("name", ["zsre", "counterfact", "bzsre", "mlake"])
def test_data_folder_is_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_DATA_DIR", raising=False)
    with pytest.raises(BenchError, match=f"{name} is not embedded: put .* --data-dir or BENCH_DATA_DIR"):
        load(name, DataRequest(("en",), 1))

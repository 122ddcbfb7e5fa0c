"""Judges: each answer is asked once, verdicts become scores, what cannot be read is missing, agreement is measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.ground.errors import BenchError
from bench.store import judging
from bench.store.agreement import agreements, alpha
from bench.store.results import load_results
from bench.store.shards import ResultStore

ANSWERS = (
    ("a", "en", " Oslo", " Oslo", 1.0),
    ("b", "en", " Bergen", " a city", 0.0),
    ("c", "zh", "东京", "东京", 1.0),
    ("d", "zh", "\u2028京都", "大阪", 0.0),
)


def answer(fact: str, lang: str, target: str, said: str, value: float) -> dict[str, Any]:
    return {
        "probe": fact, "fact": fact, "kind": "efficacy", "protocol": "generation", "edit_lang": "en",
        "probe_lang": lang, "prompt": f"Where is {fact}?", "target": target, "aliases": ["Kristiania"], "before": "?",
        "answer": said, "tokens": 3, "ended": "stop", "value": value,
    }  # fmt: skip


def run(root: Path, methods: Sequence[str] = ("memit", "ft")) -> Path:
    """Two cells that say the same, scored twice."""
    store = ResultStore(root)
    for method in methods:
        cell = Cell(
            method=MethodSpec(name=method), model=ModelRef(name="m"), data=DataRef(name="d"),
            schedule=Schedule(languages=("en",), batch_size=1, edits_per_language=2, eval_every=1),
        )  # fmt: skip
        store.start(cell, {"evaluators": {"generation": {}}})
        for step in (1, 2):
            store.record(cell.id(), step, "cost", [])
            store.record(cell.id(), step, "generation", [])
            said = [answer(f, lang, t, s if step == 2 else "early", v) for f, lang, t, s, v in ANSWERS]
            store.record(cell.id(), step, "answers", said, part="generation")
        store.finish(cell.id(), "done")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return run(tmp_path / "run")


def answers_of(folder: Path) -> pd.DataFrame:
    return judging.answers_of(folder, load_results(folder))


def ids(folder: Path) -> dict[str, str]:
    return {request["question"][9]: request["id"] for request in judging.requests(answers_of(folder))}


def line(name: str, verdict: Any, judge: str = "gpt", **more: Any) -> dict[str, Any]:
    return {"id": name, "verdict": verdict, "judge": judge, "prompt_hash": "1F3A90CC", "date": "2026-11-28", **more}


def given(folder: Path, lines: Sequence[Any]) -> list[judging.Imported]:
    path = folder.parent / "verdicts.jsonl"
    texts = (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in lines)
    path.write_text("\n".join(texts), encoding="utf-8")
    return judging.import_verdicts(folder, answers_of(folder), path)


def scores(folder: Path, judge: str = "gpt") -> Mapping[str, list[float]]:
    found = load_results(folder).scores
    mine = found[found["protocol"] == f"judge:{judge}"]
    assert set(mine["metric"]) <= {"efficacy_judged"}
    return mine.groupby("fact")["value"].apply(list).to_dict()


def test_an_answer_is_asked_once_as_it_was_at_the_end(folder: Path) -> None:
    found = list(judging.requests(answers_of(folder)))
    assert [each["answer"] for each in found] == ["Oslo", "a city", "东京", "大阪"]
    assert len({each["id"] for each in found}) == 4
    assert {key: found[0][key] for key in found[0] if key != "id"} == {
        "question": "Where is a?", "gold": "Oslo", "aliases": ["Kristiania"], "answer": "Oslo", "language": "en",
    }  # fmt: skip


def test_requests_are_known_by_what_a_judge_sees(tmp_path: Path) -> None:
    assert ids(run(tmp_path / "one")) == ids(run(tmp_path / "two", ["rome"]))


def test_verdicts_become_scores_of_every_cell(folder: Path) -> None:
    name = ids(folder)
    (told,) = given(folder, [line(name["a"], True), line(name["b"], "Incorrect."), line(name["c"], " correct")])
    assert (told.judge, told.given, told.missing, told.unasked) == ("gpt", 3, 0, 1)
    assert scores(folder) == {"a": [1.0, 1.0], "b": [0.0, 0.0], "c": [1.0, 1.0]}
    results = load_results(folder)
    assert set(results.scores["step"]) == {2}
    assert set(results.cells["status"]) == {"done"}


@pytest.mark.parametrize("verdict", [None, "", "A", "Well, it depends", 1, 0, ["correct"], "not correct"])
def test_a_verdict_that_cannot_be_read_is_missing(folder: Path, verdict: Any) -> None:
    name = ids(folder)
    (told,) = given(folder, [line(name["a"], verdict), line(name["b"], True)])
    assert (told.given, told.missing, told.unasked) == (1, 1, 2)
    assert scores(folder) == {"b": [1.0, 1.0]}


def test_imports_add_up(folder: Path) -> None:
    name = ids(folder)
    given(folder, [line(name["a"], True), line(name["b"], "?")])
    (told,) = given(folder, [line(name["b"], False), line(name["a"], None), line(name["a"], True)])
    assert (told.given, told.missing) == (2, 0)
    assert scores(folder) == {"a": [1.0, 1.0], "b": [0.0, 0.0]}


def test_judges_stand_beside_each_other(folder: Path) -> None:
    name = ids(folder)
    given(folder, [line(name["a"], True), line(name["a"], False, "human", prompt_hash="0" * 64)])
    assert scores(folder)["a"] == [1.0, 1.0]
    assert scores(folder, "human")["a"] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "0" * 16}, "id"),
        ({"judge": "../evil"}, "judge"),
        ({"judge": 3}, "judge"),
        ({"prompt_hash": "my prompt"}, "prompt_hash"),
        ({"date": "yesterday"}, "date"),
    ],
)
def test_a_malformed_line_is_named(folder: Path, change: dict[str, Any], field: str) -> None:
    name = ids(folder)
    with pytest.raises(BenchError) as caught:
        given(folder, [line(name["a"], True), {**line(name["b"], True), **change}])
    assert "verdicts.jsonl" in str(caught.value)
    assert (caught.value.record, caught.value.field) == (2, field)
    assert not scores(folder)


@pytest.mark.parametrize("name", ["id", "verdict", "judge", "prompt_hash", "date"])
def test_a_line_that_lacks_a_field_is_named(folder: Path, name: str) -> None:
    whole = line(ids(folder)["a"], True)
    with pytest.raises(BenchError, match="missing") as caught:
        given(folder, [{key: value for key, value in whole.items() if key != name}])
    assert caught.value.field == name


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"'])
def test_a_file_without_verdicts_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(BenchError):
        given(folder, [text])


def test_a_judge_says_one_thing_with_one_prompt(folder: Path) -> None:
    name = ids(folder)
    with pytest.raises(BenchError, match="another verdict"):
        given(folder, [line(name["a"], True), line(name["a"], False)])
    given(folder, [line(name["a"], True)])
    with pytest.raises(BenchError, match="another name"):
        given(folder, [line(name["b"], True, prompt_hash="abcdef0123")])


def test_a_run_without_free_answers_says_so(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "run")
    cell = Cell(
        method=MethodSpec(name="ft"), model=ModelRef(name="m"), data=DataRef(name="d"),
        schedule=Schedule(languages=("en",), batch_size=1, edits_per_language=1),
    )  # fmt: skip
    store.start(cell, {})
    store.record(cell.id(), 1, "cost", [])
    store.finish(cell.id(), "done")
    with pytest.raises(BenchError, match="holds no free answers"):
        answers_of(store.root)


def test_agreement_counts_what_both_have_judged(folder: Path) -> None:
    name = ids(folder)
    first = [line(name[f], v) for f, v in zip("abcd", (True, False, True, None), strict=True)]
    given(folder, [*first, *(line(name[f], v, "human") for f, v in zip("abd", (True, True, False), strict=True))])
    found = {
        (each.first, each.second, each.lang): each for each in agreements(answers_of(folder), judging.verdicts(folder))
    }
    lexical = found["exact match", "gpt", "all"]
    assert (lexical.count, lexical.alpha) == (3, pytest.approx(1.0))
    assert found["gpt", "human", "all"].count == 2
    assert found["gpt", "human", "zh"] == type(lexical)("gpt", "human", "zh", 0, None)
    assert found["exact match", "gpt", "en"].count == 2


def test_alpha_is_krippendorffs() -> None:
    """The example of nominal data in his "Computing Krippendorff's Alpha-Reliability" (2011), section B."""
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert alpha(np.array([first, second], dtype=float)) == pytest.approx(0.095, abs=5e-4)


@pytest.mark.parametrize("pair", [[[1.0, 1.0], [1.0, 1.0]], [[1.0, np.nan], [np.nan, 0.0]], [[], []]])
def test_alpha_is_undefined_where_nothing_differs(pair: list[list[float]]) -> None:
    assert alpha(np.array(pair)) is None

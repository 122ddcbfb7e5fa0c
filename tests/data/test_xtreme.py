from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.data.sources import xtreme
from bench.ground.errors import BenchError

TSV = {"xnli": "xtreme/xnli/dev-de.tsv", "pawsx": "xtreme/pawsx/dev-de.tsv", "wikiann": "xtreme/panx/dev-de.tsv"}
SQUAD = "xtreme/mlqa/MLQA_V1/dev/dev-context-de-question-de.json"
CONTEXT = "Der Rhein fließt durch Köln."


def put(root: Path, name: str, text: str | bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def jsonl(root: Path, task: str, *records: Any) -> Path:
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records)
    return put(root, f"xtreme_langedit/{task}_de.jsonl", text)


def squad(root: Path, *answers: Any) -> Path:
    asked = [{"question": "Wohin?", "id": "q1", "answers": list(answers)}]
    paragraphs = [{"context": CONTEXT, "qas": asked}]
    return put(root, SQUAD, json.dumps({"version": 1.0, "data": [{"title": "Rhein", "paragraphs": paragraphs}]}))


def fails(root: Path, task: str, source: str = "xtreme") -> BenchError:
    with pytest.raises(BenchError) as caught:
        xtreme.read(source, task, "de", root)
    assert "\n" not in str(caught.value)
    return caught.value


# ---------------------------------------------------------------------------- the XTREME layout
def test_xnli_labels_merge_and_quotes_stay(tmp_path: Path) -> None:
    rows = [('Er sagte "hallo', "b", "neutral"), ("c", "d", "contradiction"), ("e", "f", "contradictory")]
    rows += [("g\u2028h\rx", "i", "entailment")]
    put(tmp_path, TSV["xnli"], "".join("\t".join(row) + "\r\n" for row in rows))
    items = xtreme.read("xtreme", "xnli", "de", tmp_path)
    assert items[0] == {"id": "0", "sentence1": 'Er sagte "hallo', "sentence2": "b", "label": "not_entailment"}
    assert [item["label"] for item in items] == ["not_entailment"] * 3 + ["entailment"]
    assert (items[3]["id"], items[3]["sentence1"]) == ("3", "g\u2028h\rx")


def test_pawsx(tmp_path: Path) -> None:
    put(tmp_path, TSV["pawsx"], "a\tb\t1\nc\td\t0")
    assert [item["label"] for item in xtreme.read("xtreme", "pawsx", "de", tmp_path)] == ["1", "0"]


def test_mlqa_takes_the_first_answer(tmp_path: Path) -> None:
    squad(tmp_path, {"text": "Köln", "answer_start": 23}, {"text": "nirgends", "answer_start": 0})
    assert xtreme.read("xtreme", "mlqa", "de", tmp_path) == [
        {"id": "0", "context": CONTEXT, "question": "Wohin?", "answer": "Köln"}
    ]


def test_wikiann_types_in_the_order_of_the_text(tmp_path: Path) -> None:
    tagged = "Bonn B-LOC|: O|Anna B-PER|von I-PER|Ahn I-PER|Otto B-PER|( O|AG B-ORG|) O||nichts O||"
    put(tmp_path, TSV["wikiann"], tagged.replace(" ", "\t").replace("|", "\n"))
    assert xtreme.read("xtreme", "wikiann", "de", tmp_path) == [
        {
            "id": "0",
            "text": "Bonn : Anna von Ahn Otto ( AG )",
            "label": "LOC: Bonn\nPER: Anna von Ahn@Otto\nORG: AG\n",
        },
        {"id": "1", "text": "nichts", "label": ""},
    ]


def test_wikiann_inside_tag_that_continues_nothing(tmp_path: Path) -> None:
    put(tmp_path, TSV["wikiann"], "E\tB-ORG\nA\tI-ORG\n#\tO\nS\tI-ORG\np\tI-ORG\nX\tB-PER\nY\tI-LOC\n")
    assert xtreme.read("xtreme", "wikiann", "de", tmp_path)[0]["label"] == "ORG: E A\nPER: X\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("de:Bonn\tB-LOC\nde:am\tO\n\nde:de:\tO\n", ["Bonn am", "de:"]), ("de:Bonn\tB-LOC\nam\tO\n", ["de:Bonn am"])],
)
def test_wikiann_language_prefix(tmp_path: Path, text: str, expected: list[str]) -> None:
    put(tmp_path, TSV["wikiann"], text)
    assert [item["text"] for item in xtreme.read("xtreme", "wikiann", "de", tmp_path)] == expected


@pytest.mark.parametrize(
    ("task", "text", "record", "field", "message"),
    [
        ("xnli", "a\tb\tneutral\na\tb\n", 2, None, "columns between tabs: 2, needed: 3"),
        ("pawsx", "a\tb\t1\n\na\tb\t1\n", 2, None, "columns between tabs: 1"),
        ("xnli", "a\tb\tneutral\na\tb\tmaybe\n", 2, "label", "unknown label 'maybe'"),
        ("pawsx", "a\tb\t2\n", 1, "label", "unknown label '2'"),
        ("xnli", "a\t \tneutral\n", 1, "sentence2", "empty"),
        ("wikiann", "a\tO\nb\tB-MISC\n", 2, "tag", "unknown tag 'B-MISC'"),
        ("wikiann", "a\tO\nb\n", 2, None, "columns between tabs: 1"),
        ("wikiann", "a\tO\n\tO\n", 2, "token", "empty"),
    ],
)
def test_bad_lines(tmp_path: Path, task: str, text: str, record: int, field: str | None, message: str) -> None:
    path = put(tmp_path, TSV[task], text)
    error = fails(tmp_path, task)
    assert (error.file, error.record, error.field) == (path, record, field)
    assert message in str(error)


@pytest.mark.parametrize(
    ("answers", "field", "message"),
    [
        ([{"text": "Bonn", "answer_start": 23}], "answer", "'Bonn' is not in the context"),
        ([{"text": "Köln", "answer_start": 3}], "answer_start", "does not stand at 3"),
        ([{"text": "Köln", "answer_start": "3"}], "answer_start", "no place"),
        ([{"answer_start": 3}], "text", "missing"),
        (["Köln"], None, "not an object"),
        ([], "answers", "no answer"),
    ],
)
def test_bad_answers(tmp_path: Path, answers: list[Any], field: str | None, message: str) -> None:
    path = squad(tmp_path, *answers)
    error = fails(tmp_path, "mlqa")
    assert (error.file, error.record, error.field) == (path, "q1", field)
    assert message in str(error)


def test_mlqa_answer_without_its_place(tmp_path: Path) -> None:
    squad(tmp_path, {"text": "Köln"})
    assert xtreme.read("xtreme", "mlqa", "de", tmp_path)[0]["answer"] == "Köln"


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [("{", None, "not valid JSON"), ("[]", None, "not an object"), ('{"data": {}}', "data", "not a list")],
)
def test_bad_squad(tmp_path: Path, text: str, field: str | None, message: str) -> None:
    path = put(tmp_path, SQUAD, text)
    error = fails(tmp_path, "mlqa")
    assert (error.file, error.field) == (path, field)
    assert message in str(error)


@pytest.mark.parametrize("task", xtreme.TASKS)
@pytest.mark.parametrize("source", ["xtreme", "xtreme_langedit"])
def test_missing_empty_and_broken_files(tmp_path: Path, source: str, task: str) -> None:
    name = f"xtreme_langedit/{task}_de.jsonl" if source == "xtreme_langedit" else TSV.get(task, SQUAD)
    assert str(fails(tmp_path, task, source)) == f"{tmp_path / name}: no such file"
    empty = '{"data": []}' if name == SQUAD else ""
    put(tmp_path, name, empty)
    assert str(fails(tmp_path, task, source)) == f"{tmp_path / name}: holds no items"
    put(tmp_path, name, b"K\xf6ln")
    assert "utf-8" in str(fails(tmp_path, task, source))


# ---------------------------------------------------------------------------- the published items
PUBLISHED: dict[str, dict[str, Any]] = {
    "xnli": {"sentence1": "a", "sentence2": "b", "label": "not_entailment"},
    "pawsx": {"sentence1": "a", "sentence2": "b", "label": "1"},
    "mlqa": {"context": CONTEXT, "question": "Wohin?", "answer": "Köln"},
    "wikiann": {"text": "AG in Bonn", "label": "ORG: AG\nLOC: Bonn\n"},
}


@pytest.mark.parametrize("task", xtreme.TASKS)
def test_published_items_stay_as_they_are(tmp_path: Path, task: str) -> None:
    jsonl(tmp_path, task, {**PUBLISHED[task], "idx": 4789}, PUBLISHED[task])
    assert xtreme.read("xtreme_langedit", task, "de", tmp_path) == [
        {"id": "0", **PUBLISHED[task]},
        {"id": "1", **PUBLISHED[task]},
    ]


@pytest.mark.parametrize("task", xtreme.TASKS)
def test_published_items_with_other_keys(tmp_path: Path, task: str) -> None:
    for name in PUBLISHED[task]:
        path = jsonl(
            tmp_path, task, PUBLISHED[task], {key: PUBLISHED[task][key] for key in PUBLISHED[task] if key != name}
        )
        error = fails(tmp_path, task, "xtreme_langedit")
        assert (error.file, error.record, error.field) == (path, 2, name)
        assert "missing" in str(error)
    jsonl(tmp_path, task, {**PUBLISHED[task], "labels": "x"})
    error = fails(tmp_path, task, "xtreme_langedit")
    assert (error.record, error.field) == (1, "labels")
    assert "unknown field" in str(error)


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("xnli", {"label": "yes"}, "unknown label 'yes'"),
        ("pawsx", {"label": 1}, "not a text"),
        ("mlqa", {"answer": "Bonn"}, "not in the context"),
        ("wikiann", {"label": "ORG: AG"}, "not lines"),
        ("wikiann", {"label": "MISC: AG\n"}, "not lines"),
        ("wikiann", {"label": "ORG:\n"}, "not lines"),
        ("wikiann", {"label": None}, "not lines"),
    ],
)
def test_bad_published_values(tmp_path: Path, task: str, change: dict[str, Any], message: str) -> None:
    jsonl(tmp_path, task, {**PUBLISHED[task], **change})
    error = fails(tmp_path, task, "xtreme_langedit")
    assert (error.record, error.field) == (1, next(iter(change)))
    assert message in str(error)


def test_bad_json_line(tmp_path: Path) -> None:
    path = put(tmp_path, "xtreme_langedit/xnli_de.jsonl", json.dumps(PUBLISHED["xnli"]) + "\n{oops\n")
    error = fails(tmp_path, "xnli", "xtreme_langedit")
    assert (error.file, error.record) == (path, 2)
    assert "not valid JSON" in str(error)
    put(tmp_path, "xtreme_langedit/xnli_de.jsonl", "[]\n")
    assert "not an object" in str(fails(tmp_path, "xnli", "xtreme_langedit"))


# ---------------------------------------------------------------------------- names
def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"mlqa has no language 'nl'; it has: en, de, es, zh"):
        xtreme.read("xtreme", "mlqa", "nl", tmp_path)
    with pytest.raises(BenchError, match="did you mean 'xnli'"):
        xtreme.read("xtreme", "xnly", "de", tmp_path)
    with pytest.raises(BenchError, match="unknown source"):
        xtreme.available("floppy", "xnli", tmp_path)
    with pytest.raises(BenchError, match="--data-dir"):
        xtreme.read("xtreme", "xnli", "de", None)


def test_available(tmp_path: Path) -> None:
    for lang in ("zh", "de", "it"):
        put(tmp_path, f"xtreme/xnli/dev-{lang}.tsv", "a\tb\tneutral\n")
    assert xtreme.available("xtreme", "xnli", tmp_path) == ("de", "zh")
    assert xtreme.available("xtreme", "wikiann", tmp_path) == ()
    assert xtreme.available("xtreme_langedit", "xnli", None) == ()
    assert xtreme.available("hub", "xnli", None) == ("en", "de", "es", "fr", "zh")

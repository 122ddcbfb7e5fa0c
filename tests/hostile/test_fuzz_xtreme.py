"""XTREME items, spoilt: TSV, CoNLL, SQuAD and JSON lines are refused with file and line, or read whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from bench.data.sources import xtreme
from bench.data.sources._xtreme.records import FIELDS, LABELS, TYPES
from bench.ground.errors import BenchError
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz
from tests.hostile.test_fuzz_facts import by_lines, is_text, parsed, ways, writer, written

EXAMPLES = 45
CONTEXT = "Der Rhein fließt durch Köln und Bonn."

SENTENCES = {
    "xnli": [f"Satz {i} 😀\tund {i}\t{label}" for i, label in enumerate(("neutral", "entailment", "contradiction"))],
    "pawsx": ["Dies ist so\tSo ist dies\t1", "Dies ist so\tDas nicht\t0", "Ein \"Wort\tnoch eins\t0"],
    "wikiann": ["Bonn\tB-LOC", "am\tO", "Rhein\tB-LOC", "", "Anna\tB-PER", "von\tI-PER", "Ahn\tI-PER", "", "nichts\tO"],
}  # fmt: skip
FILES = {"xnli": "xnli/dev-de.tsv", "pawsx": "pawsx/dev-de.tsv", "wikiann": "panx/dev-de.tsv"}
SQUAD = {
    "xtreme/mlqa/MLQA_V1/dev/dev-context-de-question-de.json": {
        "version": 1.0,
        "data": [
            {
                "title": "Rhein",
                "paragraphs": [
                    {
                        "context": CONTEXT,
                        "qas": [
                            {"question": f"Wohin {n}?", "id": f"q{n}", "answers": [{"text": town, "answer_start": at}]}
                            for n, (town, at) in enumerate((("Köln", 23), ("Bonn", 32)))
                        ],
                    }
                ],
            }
        ],
    }
}
PUBLISHED = {
    "xnli": {"sentence1": "Es regnet 😀", "sentence2": "Es ist nass", "label": "entailment", "idx": 7},
    "pawsx": {"sentence1": "Dies ist so", "sentence2": "So ist dies", "label": "1"},
    "mlqa": {"context": CONTEXT, "question": "Wohin?", "answer": "Köln"},
    "wikiann": {"text": "AG in Bonn", "label": "ORG: AG\nLOC: Bonn\n"},
}


def count_lines(path: Path) -> int:
    text = path.read_bytes().decode("utf-8-sig")
    return text.count("\n") + (not text.endswith("\n"))


def count_sentences(path: Path) -> int:
    lines = path.read_bytes().decode("utf-8-sig").split("\n")
    return sum(filled for filled, _ in groupby(lines, key=lambda line: bool(line.strip())))


def count_questions(path: Path) -> int:
    articles = json.loads(path.read_bytes().decode("utf-8-sig"))["data"]
    return sum(len(paragraph["qas"]) for article in articles for paragraph in article["paragraphs"])


def whole(path: Path, count: Callable[[Path], int], task: str, items: list[dict[str, str]]) -> None:
    assert len(items) == count(path) > 0
    assert [item["id"] for item in items] == [str(number) for number in range(len(items))]
    for item in items:
        assert set(item) == {"id", *FIELDS[task]}
        assert all(is_text(item[name]) for name in item if (task, name) != ("wikiann", "label"))
        if task == "mlqa":
            assert item["answer"] in item["context"]
        elif task == "wikiann":
            kinds = [line.partition(": ") for line in item["label"].split("\n")[:-1]]
            assert all(kind in TYPES and entities for kind, _, entities in kinds)
        else:
            assert item["label"] in LABELS[task].values()


def reader(title: str, source: str, task: str, name: str, count: Callable[[Path], int], **given: Any) -> Reader:
    return Reader(
        title,
        read=lambda root: xtreme.read(source, task, "de", root),
        whole=lambda root, items: whole(root / name, count, task, items),
        **given,
    )


def of_lines(task: str) -> Reader:
    name = f"xtreme/{FILES[task]}"
    count = count_sentences if task == "wikiann" else count_lines
    text = "\n".join(SENTENCES[task]) + "\n"
    spoil = [spoiling.lines, spoiling.lines, spoiling.content, spoiling.place]
    layout = "CoNLL" if task == "wikiann" else "TSV"
    return reader(
        f"{layout}, {task}", "xtreme", task, name, count, spoil=spoil, write=lambda root: [written(root, name, text)]
    )


def published(task: str) -> Reader:
    name = f"xtreme_langedit/{task}_de.jsonl"
    files = {name: [PUBLISHED[task], PUBLISHED[task]]}
    return reader(
        f"published items, {task}", "xtreme_langedit", task, name, lambda path: len(parsed(path)),
        spoil=ways(files, by_lines), write=writer(files, by_lines), records=True,
    )  # fmt: skip


READERS = (
    *(of_lines(task) for task in FILES),
    reader("SQuAD, mlqa", "xtreme", "mlqa", *SQUAD, count_questions, spoil=ways(SQUAD), write=writer(SQUAD)),
    *(published(task) for task in PUBLISHED),
)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_malformed_items(reader: Reader, tmp_path: Path, record_property: Any) -> None:
    fuzz(reader, tmp_path, record_property, EXAMPLES)


@pytest.mark.parametrize("start", [-1, True, 1.5, "23", 24, 10**30, []])
def test_an_answer_that_begins_nowhere_names_its_question(start: Any, tmp_path: Path) -> None:
    (name,) = SQUAD
    doc = json.loads(json.dumps(SQUAD[name]))
    doc["data"][0]["paragraphs"][0]["qas"][1]["answers"][0]["answer_start"] = start
    path = written(tmp_path, name, json.dumps(doc))
    with pytest.raises(BenchError, match="answer_start") as caught:
        xtreme.read("xtreme", "mlqa", "de", tmp_path)
    assert (caught.value.file, caught.value.record) == (path, "q1")

"""XTREME items: their fields, and how records of files become them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.data.common import text_problem
from bench.ground.errors import BenchError

TASKS = ("xnli", "pawsx", "mlqa", "wikiann")

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "xnli": ("en", "de", "nl", "es", "fr", "zh"),
    "pawsx": ("en", "de", "es", "fr", "zh"),
    "mlqa": ("en", "de", "es", "zh"),
    "wikiann": ("en", "de", "nl", "es", "fr", "zh"),
}
"""What a task has in some source; no source has all of it."""

Item = Mapping[str, str]

Fields = dict[str, str]

FIELDS: Mapping[str, tuple[str, ...]] = {
    "xnli": ("sentence1", "sentence2", "label"),
    "pawsx": ("sentence1", "sentence2", "label"),
    "mlqa": ("context", "question", "answer"),
    "wikiann": ("text", "label"),
}

LABELS: Mapping[str, Mapping[str, str]] = {
    "xnli": {
        "entailment": "entailment",
        "not_entailment": "not_entailment",
        "neutral": "not_entailment",
        "contradiction": "not_entailment",
        "contradictory": "not_entailment",
    },
    "pawsx": {"0": "0", "1": "1"},
}
"""Label words in the files and what they become."""

TYPES = ("PER", "LOC", "ORG")

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""In the order of their numbers on the hub."""


def numbered(items: Iterable[Fields], file: object) -> list[Fields]:
    numbered = [{"id": str(place), **item} for place, item in enumerate(items)]
    if not numbered:
        raise BenchError("holds no items", file=file)
    return numbered


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands; makes items of it, and errors that name it."""

    file: object
    record: object = None

    def error(self, message: str, field: str | None = None) -> BenchError:
        return BenchError(message, file=self.file, record=self.record, field=field)

    def get(self, record: Any, name: str) -> Any:
        if not isinstance(record, dict):
            raise self.error("not an object with fields")
        if name not in record:
            raise self.error("missing", name)
        return record[name]

    def text(self, record: Any, name: str) -> str:
        value = self.get(record, name)
        if problem := text_problem(value):
            raise self.error(problem, name)
        return str(value)

    def many(self, record: Any, name: str) -> list[Any]:
        value = self.get(record, name)
        if not isinstance(value, list):
            raise self.error("not a list", name)
        return value

    def pair(self, task: str, record: Any) -> Fields:
        """An XNLI or PAWS-X item."""
        label = self.text(record, "label")
        if label not in LABELS[task]:
            raise self.error(f"unknown label {label!r}; there are: {', '.join(LABELS[task])}", "label")
        sentences = {name: self.text(record, name) for name in ("sentence1", "sentence2")}
        return {**sentences, "label": LABELS[task][label]}

    def question(self, record: Any, start: int | None = None) -> Fields:
        """An MLQA item; `start` is where in the context the answer begins, if that is given."""
        item = {name: self.text(record, name) for name in FIELDS["mlqa"]}
        answer, context = item["answer"], item["context"]
        if answer not in context:
            raise self.error(f"the answer {answer!r} is not in the context", "answer")
        if start is not None and not context.startswith(answer, start):
            raise self.error(f"the answer {answer!r} does not stand at {start} in the context", "answer_start")
        return item

    def first_answer(self, context: str, question: str, texts: Sequence[Any], starts: Sequence[Any]) -> Fields:
        if not texts:
            raise self.error("no answer", "answers")
        start = starts[0] if starts else None
        if start is not None and (type(start) is not int or start < 0):
            raise self.error(f"{start!r} is no place in the context", "answer_start")
        return self.question({"context": context, "question": question, "answer": texts[0]}, start)

    def tag(self, tag: str) -> str:
        if tag not in TAGS:
            raise self.error(f"unknown tag {tag!r}; there are: {', '.join(TAGS)}", "tag")
        return tag


def tagged(tokens: Sequence[str], tags: Sequence[str]) -> Fields:
    """A WikiANN item, as the published ones: types in the order of the text, stray I- tags make no entity."""
    entities: dict[str, list[list[str]]] = {}
    inside = ""
    for token, tag in zip(tokens, tags, strict=True):
        position, _, kind = tag.partition("-")
        if position == "B":
            entities.setdefault(kind, []).append([token])
        elif position == "I" and kind == inside:
            entities[kind][-1].append(token)
        else:
            kind = ""
        inside = kind
    lines = [f"{kind}: {'@'.join(map(' '.join, found))}\n" for kind, found in entities.items()]
    return {"text": " ".join(tokens), "label": "".join(lines)}

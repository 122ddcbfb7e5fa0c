"""The questions of KnowEdit's and EasyEdit's records, under names of their kinds: lists of them, or one with lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.api import ProbeKind
from bench.data.common import text_at
from bench.ground.errors import BenchError


def questions(item: Mapping[str, Any], path: Path, record: object) -> Iterator[tuple[ProbeKind, str, str]]:
    """What questions count for, prompt, answer, "" where there is none.

    Several right answers: the first. Several prompts: each with the answer in its place, if there are as many.

    Raises:
        BenchError: what should be a question or a text is something else.
    """
    kinds: tuple[tuple[str, ProbeKind], ...] = (("locality", "specificity"), ("portability", "portability"))
    for field, kind in kinds:
        named = item.get(field) or {}
        if not isinstance(named, dict):
            raise BenchError("not an object with fields", file=path, record=record, field=field)
        for name, questions in named.items():
            place = f"{field}.{name}"
            if not isinstance(questions, list | dict | str | None):
                raise BenchError("neither questions nor a text", file=path, record=record, field=place)
            several = [questions] if isinstance(questions, dict) else questions
            for question in several if isinstance(several, list) else ():
                for field in ("prompt", "ground_truth"):
                    if not isinstance(question, dict) or field not in question:
                        raise BenchError("missing", file=path, record=record, field=f"{place}.{field}")
                for prompt, answer in _pairs(question["prompt"], question["ground_truth"]):
                    texts = {"prompt": prompt, "ground_truth": first(answer)}
                    given = {
                        field: "" if is_empty(text) else text_at(texts, (field,), path, record, place)
                        for field, text in texts.items()
                    }
                    yield kind, given["prompt"], given["ground_truth"]


def _pairs(prompts: Any, answers: Any) -> list[tuple[Any, Any]]:
    """Each of several prompts with its answer."""
    if not isinstance(prompts, list):
        return [(prompts, answers)]
    apart = isinstance(answers, list) and len(answers) == len(prompts) > 1
    return [(each, answers[i] if apart else answers) for i, each in enumerate(prompts)] or [("", answers)]


def first(answer: Any) -> Any:
    """The first of several right answers, however deep the lists are."""
    while isinstance(answer, list) and answer:
        answer = answer[0]
    return answer


def is_empty(value: Any) -> bool:
    """Whether a file says nothing where a text could stand."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())

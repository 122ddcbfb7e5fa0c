"""Documents that ask and answer the tasks of xtreme-mini, for the embedded model to learn from."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Environment

from bench.data.cldr.phrasings import LANGUAGES
from bench.data.cldr.tasks import TASKS, Record, names, practice


@dataclass(frozen=True, slots=True)
class Exercise:
    """A document that asks and answers items of a task, as the evaluator asks them.

    Attributes:
        parts: prompts and answers in turn; together the text.
    """

    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole document."""
        return "".join(self.parts)

    def answers(self) -> list[tuple[int, int]]:
        """Character ranges of the answers, end exclusive: what the model is to learn."""
        ends = [sum(map(len, self.parts[: i + 1])) for i in range(len(self.parts))]
        return list(zip(ends[::2], ends[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Wording:
    """How a task is put in a language: renders an example's and the query's prompt, and the answer."""

    example: Callable[[Record], str]
    query: Callable[[Record], str]
    answer: Callable[[Record], str]


ECHO = "echo"
"""Names in a row, said twice: learning to copy them is learning to answer from a text."""

SHOTS = {"xnli": 2, "pawsx": 2, "mlqa": 1, "wikiann": 3}
"""Examples before a query, as in the published protocol."""


def wordings() -> dict[tuple[str, str], Wording]:
    """The wording of every task in every language, read from the evaluator's own task files."""
    folder = files("evaluators") / "tasks"
    found = {}
    for task in TASKS:
        for lang in LANGUAGES:
            name = f"{task}_mini_{lang}" if task == "wikiann" else f"{task}_{lang}"
            found[task, lang] = _wording(task, yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8")))
    return found


def _wording(task: str, config: Mapping[str, Any]) -> Wording:
    render = Environment(keep_trailing_newline=True, autoescape=False).from_string  # noqa: S701 - no HTML
    query = render(config["doc_to_text"])
    example = render(config.get("fewshot_config", {}).get("doc_to_text", config["doc_to_text"]))
    words = config.get("doc_to_choice", ())

    def answer(record: Record) -> str:
        if task == "mlqa":
            return f" {record['answer']}\n"
        said = record["label"] if task == "wikiann" else words[record["label"] in ("entailment", "1")]
        return f" {said}\n"

    return Wording(lambda record: example.render(**record), lambda record: query.render(**record), answer)


def exercises(
    rng: random.Random,
    per_language: Mapping[str, int],
    times: Mapping[str, int] | None = None,
    passing: Collection[str] = (),
) -> list[Exercise]:
    """Documents of all tasks in all languages.

    Args:
        rng: draws items.
        per_language: task -> documents in each language.
        times: language -> how many times as many there.
        passing: those of these tasks are about places that are made up for each document.
    """
    often = times or {}
    asked = [
        _exercise(wording, _records(task, lang, rng, task in passing))
        for (task, lang), wording in wordings().items()
        for _ in range(per_language[task] * often.get(lang, 1))
    ]
    echoed = [lang for lang in LANGUAGES for _ in range(per_language[ECHO] * often.get(lang, 1))]
    return asked + [_echo(names(lang, rng, ECHO in passing), rng) for lang in echoed]


def _echo(known: Sequence[str], rng: random.Random) -> Exercise:
    said = ", ".join(rng.sample(known, rng.randint(3, 9))) + "\n"
    return Exercise((said, said))


def _records(task: str, lang: str, rng: random.Random, passing: bool) -> list[Record]:
    """Items of one document: half the time as many examples as the evaluator gives."""
    shots = SHOTS[task] if rng.random() < 0.5 else rng.randint(0, SHOTS[task])
    return [practice(task, lang, rng, passing) for _ in range(shots + 1)]


def _exercise(wording: Wording, records: Sequence[Record]) -> Exercise:
    parts = [part for each in records[:-1] for part in (wording.example(each), wording.answer(each))]
    return Exercise((*parts, wording.query(records[-1]), wording.answer(records[-1])))

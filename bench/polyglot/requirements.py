"""What the embedded model must recall, and whether it does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.data.cldr.items import Item, all_items
from bench.data.cldr.phrasings import LANGUAGES, RELATION_FIRST, SUBJECT_FIRST
from bench.data.cldr.text import filler
from bench.model.editable import EditableModel
from bench.polyglot.tokenizer import SEED

KINDS: Mapping[str, tuple[int, ...]] = {"subject first": SUBJECT_FIRST, "relation first": RELATION_FIRST}
"""Phrasings of prompts by what stands first in them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and the continuation that the facts ask for."""

    lang: str
    item: Item
    phrasing: int

    @property
    def prompt(self) -> str:
        """The filled-in prompt."""
        return self.item.prompt(self.lang, self.phrasing)

    @property
    def target(self) -> str:
        """What is true."""
        return self.item.target(self.lang)

    @property
    def span(self) -> tuple[int, int]:
        """Characters of the subject in the prompt, end exclusive."""
        name = self.item.subject[self.lang]
        start = self.prompt.index(name)
        return start, start + len(name)


def questions(lang: str, phrasings: Sequence[int], every: int = 1, items: Sequence[Item] = ()) -> list[Question]:
    """Each `every`-th fact in the phrasings given, in one language; of all facts if none are given."""
    return [Question(lang, item, phrasing) for item in (items or all_items())[::every] for phrasing in phrasings]


def recalled(model: EditableModel, asked: Sequence[Question], before: Sequence[str] = ()) -> float:
    """Share of questions whose whole object the model says, each token the likeliest after the true ones before it.

    Args:
        model: the model.
        asked: questions.
        before: text in front of each; none if empty.
    """
    prompts = [q.prompt for q in asked]
    if before:
        prompts = [text + prompt for text, prompt in zip(before, prompts, strict=True)]
    answers = model.answers(prompts, [q.target for q in asked])
    return fmean(answer.predicted_ids == answer.target_ids for answer in answers)


def recall(model: EditableModel, every: int = 1) -> dict[str, dict[str, float]]:
    """Whole objects recalled, by column and language.

    Args:
        model: the model.
        every: ask only each `every`-th fact, for a quick look.

    Returns:
        A column for each kind of phrasing, and ``after text``: edited prompts behind another sentence.
    """
    found: dict[str, dict[str, float]] = {}
    for lang in LANGUAGES:
        for kind, phrasings in KINDS.items():
            found.setdefault(kind, {})[lang] = recalled(model, questions(lang, phrasings, every))
        asked = questions(lang, SUBJECT_FIRST[:1], every)
        found.setdefault("after text", {})[lang] = recalled(model, asked, list(_sentences(lang, len(asked))))
    return found


def _sentences(lang: str, count: int) -> Iterator[str]:
    rng = random.Random(SEED)
    for _ in range(count):
        yield filler(lang, rng).text + " "

"""Facts that are never edited, as prompts: some that could be stored, and others that must not find them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from bench.api import Fact
from bench.model.tokens import Tokens

PER_LANGUAGE = 80
"""Facts of each language that are looked at."""

Rows = list[list[int]]


@dataclass(frozen=True, slots=True)
class Practice:
    """Prompts of practice facts.

    Attributes:
        stored: of every second fact, as an edit would ask it.
        strangers: of the others, in all phrasings.
        languages: of the stored, then of the strangers.
    """

    stored: Rows
    strangers: Rows
    languages: Sequence[str]

    @classmethod
    def of(cls, facts: Sequence[Fact], tokens: Tokens) -> Practice:
        """Drawn from all facts of each language, the same ones for every seed."""
        stored, strangers = [], []
        for lang in dict.fromkeys(fact.request.lang for fact in facts):
            own = [fact for fact in facts if fact.request.lang == lang]
            own = drawn(own, PER_LANGUAGE)
            stored += [(lang, fact.request.text) for fact in own[::2]]
            strangers += [(lang, text) for fact in own[1::2] for text in _phrasings(fact)]
        asked = [tokens.prompts([text for _, text in part]) for part in (stored, strangers)]
        return cls(asked[0], asked[1], [lang for part in (stored, strangers) for lang, _ in part])


def _phrasings(fact: Fact) -> Iterator[str]:
    yield fact.request.text
    yield from (probe.prompt for probe in fact.probes if probe.kind == "generality")


BACKGROUND = 100
"""Prompts that stand for any."""


def background(facts: Sequence[Fact], tokens: Tokens) -> Rows:
    """Prompts drawn from all practice facts, the same ones for every seed."""
    return tokens.prompts([fact.request.text for fact in drawn(facts, BACKGROUND)])


def drawn(facts: Sequence[Fact], count: int) -> list[Fact]:
    """Some of the facts; at random, for in a data set every n-th may have the same relation."""
    order = torch.randperm(len(facts), generator=torch.Generator().manual_seed(0))
    return [facts[i] for i in order[:count].tolist()]

"""Where a subject stands in a prompt, by which rule it was found, and how often a rule is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

How = Literal["exact", "casefold", "english", "closest", "quoted", "named", "alike", "recurring", "framed"]
"""The rules; `bench.data.common.AlignmentCount` says what each one is."""


class Span(NamedTuple):
    """Characters [start, end) of the prompt, and which rule found them."""

    start: int
    end: int
    how: How


class Measured(NamedTuple):
    """Of so many spans that were looked at by eye, this many were right."""

    right: int
    seen: int


Reliability = Mapping[str, Mapping[How, Measured]]
"""By language and rule."""


def in_words(reliability: Reliability) -> list[str]:
    """One line per language: the share of spans that are right, and by which rules they were found."""
    lines = []
    for lang, rules in reliability.items():
        right, seen = (sum(counts) for counts in zip(*rules.values(), strict=True))
        parts = ", ".join(f"{how} {each.right} of {each.seen}" for how, each in rules.items())
        lines.append(f"{lang} {right / seen:.1%} ({parts})")
    return lines

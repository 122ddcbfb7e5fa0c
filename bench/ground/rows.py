"""Rows of the tables that evaluators write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kept = Literal["all", "failed", "none"]
"""Which answers of a run are kept: all, the wrong ones and a sample of the right ones, or none."""

SAMPLE = 200
"""Right answers of a step and evaluator that are kept beside the wrong ones."""


def places_kept(values: Sequence[float], kept: Kept, order: Sequence[int]) -> list[int]:
    """Which answers are kept, by their places.

    Args:
        values: what each scores; 1 if it is wholly right.
        kept: which of them.
        order: all places as they were drawn; the first right ones of them are the sample.
    """
    if kept != "failed":
        return list(range(len(values))) if kept == "all" else []
    right = [i for i in order if values[i] == 1]
    dropped = set(right[SAMPLE:])
    return [i for i in range(len(values)) if i not in dropped]


@dataclass(frozen=True, slots=True)
class Score:
    """One tidy row: the value of one metric on one probe.

    Attributes:
        value: in [0, 1] for accuracies.
        weight: how much the row counts within its record; the number of target tokens for token accuracies.
    """

    fact_id: str
    metric: str
    protocol: str
    edit_lang: str
    probe_lang: str
    value: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """One row of the table `answers`: what the model said to one probe under one protocol.

    Attributes:
        fact_id: as in `bench.api.Probe`; so are `kind`, languages, `prompt`, `target` and `aliases`.
        protocol: how it was asked.
        before: what the unedited model said.
        answer: what the model says now.
        tokens: of the answer.
        ended: why it is over: "stop", "end of text" or "length"; "target" where it was asked token by token.
        value: what the protocol scores the answer with, in [0, 1].
    """

    fact_id: str
    kind: str
    protocol: str
    edit_lang: str
    probe_lang: str
    prompt: str
    target: str
    aliases: tuple[str, ...]
    before: str
    answer: str
    tokens: int
    ended: str
    value: float

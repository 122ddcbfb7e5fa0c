"""One vector for each prompt from what a pass shows of its tokens; what all prompts begin with is run once.

Harnesses ask few-shot prompts, whose examples are most of what there is to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from bench.model.editable import EditableModel
from bench.model.passes import Pass
from bench.model.tokens import WORTH_SHARING, common_prefix

Pooling = Literal["last", "mean"]

Look = Callable[[Pass], Tensor]
"""Runs a pass; what is seen of each of its columns [B, T, e]."""


@torch.no_grad()
def pooled(
    model: EditableModel,
    rows: Sequence[Sequence[int]],
    look: Look,
    pooling: Pooling,
    first: Callable[[Sequence[int]], int] = lambda row: 0,
) -> Tensor:
    """What is seen of prompts, fp32 [n, e].

    Args:
        model: reads them.
        rows: ids.
        look: see `Look`.
        pooling: of the last token, or the mean over tokens.
        first: the first token of a row that counts in the mean.
    """
    start = min(common_prefix(rows), min(map(len, rows)) - 1)
    shares = len(rows) > 1 and start >= WORTH_SHARING
    start = start if shares else 0
    before = look(model.begin([rows[0][:start]]))[0].float() if shares and pooling == "mean" else None

    def run(group: list[int]) -> list[Tensor]:
        part = [rows[i] for i in group]
        seen = look(model.begin_after(part, start) if shares else model.begin(part)).float()
        return [one(seen[b, : len(row) - start], row) for b, row in enumerate(part)]

    def one(own: Tensor, row: Sequence[int]) -> Tensor:
        if pooling == "last":
            return own[-1]
        return (own if before is None else torch.cat([before, own]))[first(row) :].mean(0)

    found: dict[int, Tensor] = {}
    for group, vectors in model.budget.batches([len(row) - start for row in rows], run):
        found.update(zip(group, vectors, strict=True))
    return torch.stack([found[i] for i in range(len(rows))])

"""One vector for each prompt from what a pass shows of its tokens; what all prompts begin with is run once.

Harnesses ask few-shot prompts, whose examples are most of what there is to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from bench.model.attention import PrefixCache
from bench.model.editable import EditableModel
from bench.model.hooks import tapped
from bench.model.passes import Pass
from bench.model.tokens import common_prefix

WORTH_SHARING = 200
"""Fewest tokens that need not be run again for which a forward of their own pays."""

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

    Raises:
        BenchError: a prompt has no tokens, or is too long.
    """
    model.check_rows(rows)
    start = min(common_prefix(rows), min(map(len, rows)) - 1)
    start = start if (len(rows) - 1) * start >= WORTH_SHARING else 0
    kept = PrefixCache()
    before = look(model.begin_keeping(rows[0][:start], kept))[0].float() if start else None

    def run(group: list[int]) -> list[Tensor]:
        part = [rows[i] for i in group]
        seen = look(model.begin_after(part, kept) if start else model.begin(part)).float()
        return [one(each[: len(row) - start], row) for each, row in zip(seen, part, strict=True)]

    def one(own: Tensor, row: Sequence[int]) -> Tensor:
        if pooling == "last":
            return own[-1]
        return (own if before is None else torch.cat([before, own]))[first(row) :].mean(0)

    found: dict[int, Tensor] = {}
    for group, vectors in model.budget.batches([len(row) for row in rows], run):
        found.update(zip(group, vectors, strict=True))
    return torch.stack([found[i] for i in range(len(rows))])


def inputs(model: EditableModel, layer: int, rows: Sequence[Sequence[int]], pooling: Pooling) -> Tensor:
    """Input of a layer's projection, of each prompt's last token or the mean over its tokens [n, m], fp32."""

    def look(passed: Pass) -> Tensor:
        with tapped({layer: model.projection(layer)}) as seen:
            passed.run(passed.embedded, 0, layer + 1)
        return seen[layer].inputs.to(model.device_of(layer))

    return pooled(model, rows, look, pooling)

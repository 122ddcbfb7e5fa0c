"""How far an edit moved what a model says: its next-token distributions beside those of the unedited model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, Self

import torch
from torch import Tensor

from bench.model.answers import Change
from bench.model.batching import Budget
from bench.model.said import Said

TOP = 5
"""Likeliest tokens whose overlap is counted."""

SLICE = 64
"""Positions compared at once, so that no more than the logits themselves is held of all."""


class Comparable(Protocol):
    """A model that says what it said before its edits."""

    @property
    def budget(self) -> Budget:
        """How much is computed at once."""
        ...

    @property
    def context_length(self) -> int:
        """Most tokens in one sequence."""
        ...

    def said(self, prompts: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], /) -> Said:
        """Logits wherever a target's token is expected."""
        ...

    def unedited(self) -> AbstractContextManager[Self]:
        """The model as it was before any edit."""
        ...


@torch.no_grad()
def changes(
    model: Comparable, prompts: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> list[Change | None]:
    """What edits changed, batch by batch: a pass edited, a pass unedited, and nothing kept but numbers.

    Args:
        model: with its edits.
        prompts: ids, a row each.
        targets: what is expected after each prompt.

    Returns:
        In the order given; None where prompt and target are longer than the model reads.
    """
    # both passes hold logits, so a target's tokens count twice
    sizes = [len(prompt) + 2 * len(target) for prompt, target in zip(prompts, targets, strict=True)]
    fits = [i for i, prompt in enumerate(prompts) if len(prompt) + len(targets[i]) - 1 <= model.context_length]

    def compare(group: list[int]) -> list[Change]:
        rows = [prompts[fits[i]] for i in group], [targets[fits[i]] for i in group]
        now = model.said(*rows)
        with model.unedited() as original:
            then = original.said(*rows)
        return compared(then, now)

    found: list[Change | None] = [None] * len(prompts)
    for group, each in model.budget.batches([sizes[i] for i in fits], compare):
        for i, change in zip(group, each, strict=True):
            found[fits[i]] = change
    return found


def compared(then: Said, now: Said) -> list[Change]:
    """The change of each row of targets.

    Args:
        then: said before the edits.
        now: said after them, at the same positions.
    """
    parts = zip(torch.split(then.logits, SLICE), torch.split(now.logits, SLICE), strict=True)
    positions = torch.cat([_positions(old, new) for old, new in parts])
    lengths = torch.bincount(now.row).tolist()
    found = []
    for length, rows in zip(lengths, torch.split(positions, lengths), strict=True):
        kl, top1, top5 = rows.mean(0).tolist()
        finite = bool(torch.isfinite(rows[:, 0]).all())
        found.append(Change(length, kl if finite else None, top1, top5 if now.logits.shape[1] > TOP else None))
    return found


def _positions(old: Tensor, new: Tensor) -> Tensor:
    """KL in nats, whether the first is the same, and the overlap of the first five, [q, 3], of logits [q, V]."""
    before, after = old.log_softmax(-1), new.log_softmax(-1)
    # rounding may take the KL of equal distributions below 0
    kl = (before.exp() * (before - after)).sum(-1).clamp_min(0)
    says = old.isfinite().all(-1) & new.isfinite().all(-1)
    first = old.argmax(-1) == new.argmax(-1)
    most = min(TOP, old.shape[-1])
    one, two = old.topk(most, dim=-1).indices, new.topk(most, dim=-1).indices
    shared = (one[:, :, None] == two[:, None, :]).any(-1).float().mean(-1)
    nothing = kl.new_tensor(float("nan"))
    return torch.stack((torch.where(says, kl, nothing), (first & says).float(), shared * says), dim=-1).cpu()

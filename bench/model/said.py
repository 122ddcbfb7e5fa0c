"""Logits where targets are expected: what losses and answers are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.model.answers import Answer


@dataclass(frozen=True, slots=True)
class Said:
    """Logits wherever targets are expected, those of one row after another; q positions in all.

    Attributes:
        logits: [q, V], fp32.
        row: which row each position is of, [q].
        ids: the target there, [q].
    """

    logits: Tensor
    row: Tensor
    ids: Tensor

    @classmethod
    def of(cls, logits: Tensor, targets: Sequence[Sequence[int]]) -> Said:
        """Logits [q, V] of all positions of targets, which have as many ids."""
        rows = [i for i, target in enumerate(targets) for _ in target]
        ids = [token for target in targets for token in target]
        return cls(logits, *(torch.tensor(each, device=logits.device) for each in (rows, ids)))

    def nll(self) -> Tensor:
        """Mean NLL of each row's target [B]."""
        losses = -self.logits.log_softmax(-1).gather(1, self.ids[:, None])[:, 0]
        count = torch.bincount(self.row)
        return losses.new_zeros(len(count)).index_add(0, self.row, losses) / count

    def answers(self) -> list[Answer]:
        """The same token by token; -1, which is no token, where a diverged model says nothing."""
        logprobs = self.logits.log_softmax(-1).gather(1, self.ids[:, None])[:, 0].tolist()
        predicted = self.logits.argmax(-1).masked_fill(~self.logits.isfinite().all(-1), -1).tolist()
        ids, lengths = self.ids.tolist(), torch.bincount(self.row).tolist()
        found, start = [], 0
        for length in lengths:
            where = slice(start, start + length)
            found.append(Answer(tuple(ids[where]), tuple(predicted[where]), tuple(logprobs[where])))
            start += length
        return found

"""Edits that know nothing of each other: one model, many edits of it, all asked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.api import Answer
from methods._hyper.examples import Model, ids


@dataclass(frozen=True, slots=True)
class EditedApart:
    """The unedited model and many edits of it, each an edited model of its own.

    Attributes:
        model: unedited, and left so.
        within: while open, row b of a batch is run under edit index[b]; takes the index [B].
    """

    model: Model
    within: Callable[[Tensor], AbstractContextManager[None]]

    @torch.no_grad()
    def answers(self, edits: Sequence[int], prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        """What the model says after one edit each; one row per distinct (edit, prompt, target).

        Args:
            edits: which edit each question is asked of.
            prompts: questions.
            targets: what is expected after them.
        """
        asked = list(dict.fromkeys(zip(edits, prompts, targets, strict=True)))
        rows = ids(self.model, [(prompt, target) for _, prompt, target in asked])

        def answer(group: list[int]) -> list[Answer]:
            index = torch.tensor([asked[i][0] for i in group], device=self.model.device)
            with self.within(index):
                return self.model.said([rows[i][0] for i in group], [rows[i][1] for i in group]).answers()

        found: dict[tuple[int, str, str], Answer] = {}
        for group, answers in self.model.budget.batches([len(prompt) + len(target) for prompt, target in rows], answer):
            found.update(zip([asked[i] for i in group], answers, strict=True))
        return [found[each] for each in zip(edits, prompts, targets, strict=True)]

"""Edits that know nothing of each other: one model, many edits of it, all asked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from bench.api import Answer
from methods._hyper.examples import Model, ids
from methods._hyper.lowrank import LowRank, updated


@dataclass(frozen=True, slots=True)
class EditedApart:
    """The unedited model and E updates of it, each an edited model of its own.

    Attributes:
        model: unedited, and left so.
        modules: those that are edited, by the names of their weights.
        updates: of all edits, by weight.
    """

    model: Model
    modules: Mapping[str, nn.Module]
    updates: Mapping[str, LowRank]

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
            with updated(self.modules, self.updates, index):
                return self.model.said([rows[i][0] for i in group], [rows[i][1] for i in group]).answers()

        found: dict[tuple[int, str, str], Answer] = {}
        for group, answers in self.model.budget.batches([len(prompt) + len(target) for prompt, target in rows], answer):
            found.update(zip([asked[i] for i in group], answers, strict=True))
        return [found[each] for each in zip(edits, prompts, targets, strict=True)]

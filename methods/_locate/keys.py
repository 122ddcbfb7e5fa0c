"""Keys and current values, layer after layer, while the layers below are being edited.

Blocks below the first edited layer never change within a step, so a `Walk` runs them once and then only moves
up: at each edited layer it gives the keys under the weights as they are, and the output of the last edited
layer at the bare prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bench.model import EditableModel
from bench.passes import Pass, tapped
from bench.tokens import chunks_by_tokens
from methods._locate.prompts import PromptSet, prompt_weights


class _Row(NamedTuple):
    ids: list[int]
    fact: int
    lookup: int
    weight: float
    bare: bool


@dataclass
class _Chunk:
    rows: Sequence[_Row]
    run: Pass
    hidden: Tensor
    fact: Tensor
    weight: Tensor
    bare: Tensor

    @classmethod
    def build(cls, model: EditableModel, rows: Sequence[_Row], hidden: Tensor | None = None, stop: int = 0) -> _Chunk:
        """Rows with their states; run through the blocks below `stop` where these are not known yet."""
        run = model.begin([row.ids for row in rows])
        if hidden is None:
            with torch.no_grad():
                hidden = run.run(run.embedded, 0, stop)
        _, facts, _, weights, bare = zip(*rows, strict=True)
        return cls(rows, run, hidden, *(torch.tensor(x, device=model.device) for x in (facts, weights, bare)))

    def split(self, model: EditableModel, budget: int) -> list[_Chunk]:
        """Itself, or parts that keep a budget of tokens; their states go along."""
        groups = chunks_by_tokens([len(row.ids) for row in self.rows], budget)
        if len(groups) == 1:
            return [self]
        return [self._part(model, group) for group in groups]

    def _part(self, model: EditableModel, group: list[int]) -> _Chunk:
        rows = [self.rows[i] for i in group]
        return self.build(model, rows, self.hidden[group, : max(len(row.ids) for row in rows)])


class Walk:
    """All rows of a step on their way up through the edited layers.

    Args:
        model: the model; between calls its weights at the current layer may change.
        sets: the step's rows.
        start: the first edited layer.
    """

    def __init__(self, model: EditableModel, sets: Sequence[PromptSet], start: int) -> None:
        self._model = model
        self._count = len(sets)
        self._at = start
        rows = [
            # what follows the subject cannot reach it: causal attention
            _Row(located.ids[: located.index + 1], fact, located.index, weight, place == 0)
            for fact, prompts in enumerate(sets)
            for place, (located, weight) in enumerate(
                zip(prompts.prompts, prompt_weights(len(prompts.prompts)), strict=True)
            )
        ]

        def build(group: list[int]) -> _Chunk:
            return _Chunk.build(model, [rows[i] for i in group], stop=start)

        self._chunks = [chunk for _, chunk in model.budget.batches([len(row.ids) for row in rows], build)]

    @torch.no_grad()
    def keys_and_outputs(self, layer: int, last: int) -> tuple[Tensor, Tensor]:
        """Weighted keys at `layer` and block outputs at `last`, under the weights as they are.

        Args:
            layer: an edited layer, not below the one before.
            last: the highest edited layer.

        Returns:
            K^T [n, m] and H^T [n, d] (bare prompt, subject's last token), fp32.
        """
        keys = outputs = None
        chunks = []
        climb = self._model.budget.run(
            self._chunks,
            lambda chunk, budget: chunk.split(self._model, budget),
            lambda chunk: self._climb(chunk, layer, last),
        )
        for chunk, (found, states) in climb:
            if keys is None or outputs is None:
                keys = found.new_zeros(self._count, found.shape[1])
                outputs = states.new_zeros(self._count, states.shape[1])
            keys.index_add_(0, chunk.fact, found * chunk.weight[:, None])
            outputs[chunk.fact[chunk.bare]] = states[chunk.bare]
            chunks.append(chunk)
        self._chunks, self._at = chunks, layer
        if keys is None or outputs is None:
            raise ValueError("a step needs at least one request")
        return keys, outputs

    def _climb(self, chunk: _Chunk, layer: int, last: int) -> tuple[Tensor, Tensor]:
        """Take a chunk up to `layer`; inputs there [B, m] and states after `last` [B, d], at each row's lookup."""
        hidden = chunk.run.run(chunk.hidden, self._at, layer)
        with tapped({layer: self._model.projection(layer)}) as seen:
            above = chunk.run.run(hidden, layer, last + 1)
        lookup = [row.lookup for row in chunk.rows]
        found = chunk.run.at(seen[layer].inputs, lookup).float(), chunk.run.at(above, lookup).float()
        # last of all: a chunk that runs out of memory halfway is done again from where it stood
        chunk.hidden = hidden
        return found

"""Keys and current values, layer after layer, while the layers below are being edited.

Blocks below the first edited layer never change within a step, so a `Walk` runs them once and then only moves
up: at each edited layer it gives the keys under the weights as they are, and the output of the last edited
layer at the bare prompt. Bare prompts therefore walk apart: the others need nothing above the edited layer.
Where a norm stands behind the MLP it also carries a change of the residual stream back through that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bench.model.carrying import carried_back
from bench.model.editable import EditableModel
from bench.model.hooks import picked, tapped
from bench.model.passes import Pass
from bench.model.tokens import chunks_by_tokens
from methods._locate.prompts import PromptSet, prompt_weights


class _Row(NamedTuple):
    ids: list[int]
    fact: int
    weight: float


@dataclass
class _Chunk:
    """Rows that walk together.

    Attributes:
        rows: all bare prompts, or none of them.
        bare: they are.
        run, hidden: their pass and the states it stands at, [B, T, d].
        fact, weight: of each row, [B].
        real: positions that hold a token, in [B x T].
        ends: the last one of each row, where keys and outputs are read, [B].
    """

    rows: Sequence[_Row]
    bare: bool
    run: Pass
    hidden: Tensor
    fact: Tensor
    weight: Tensor
    real: Tensor
    ends: Tensor

    @classmethod
    def build(
        cls, model: EditableModel, rows: Sequence[_Row], bare: bool, hidden: Tensor | None = None, stop: int = 0
    ) -> _Chunk:
        """Rows with their states; run through the blocks below `stop` where these are not known yet."""
        run = model.begin([row.ids for row in rows])
        mask = run.mask
        real = mask.flatten().nonzero()[:, 0]
        if hidden is None:
            with torch.no_grad():
                hidden = run.run(run.embedded, 0, stop, only=real)
        _, facts, weights = zip(*rows, strict=True)
        fact, weight = (torch.tensor(x, device=model.device) for x in (facts, weights))
        return cls(rows, bare, run, hidden, fact, weight, real, real[mask.sum(1).cumsum(0) - 1])

    def split(self, model: EditableModel, budget: int) -> list[_Chunk]:
        """Itself, or parts that keep a budget of tokens; their states go along."""
        groups = chunks_by_tokens([len(row.ids) for row in self.rows], budget)
        if len(groups) == 1:
            return [self]
        return [self._part(model, group) for group in groups]

    def _part(self, model: EditableModel, group: list[int]) -> _Chunk:
        rows = [self.rows[i] for i in group]
        return self.build(model, rows, self.bare, self.hidden[group, : max(len(row.ids) for row in rows)])


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
        self._put_out: list[tuple[Tensor, Tensor]] = []
        bare, prefixed = [], []
        for fact, prompts in enumerate(sets):
            # what follows the subject cannot reach it: causal attention
            cut = [located.ids[: located.index + 1] for located in prompts.prompts]
            first, *others = map(_Row, cut, [fact] * len(cut), prompt_weights(len(cut)))
            bare.append(first)
            prefixed += others
        self._chunks = [*self._started(bare, True), *self._started(prefixed, False)]

    def _started(self, rows: Sequence[_Row], bare: bool) -> Iterator[_Chunk]:
        def build(group: list[int]) -> _Chunk:
            return _Chunk.build(self._model, [rows[i] for i in group], bare, stop=self._at)

        for _, chunk in self._model.budget.batches([len(row.ids) for row in rows], build):
            yield chunk

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
        self._put_out = []
        climb = self._model.budget.run(
            self._chunks,
            lambda chunk, budget: chunk.split(self._model, budget),
            lambda chunk: self._climb(chunk, layer, last),
        )
        # bare prompts come first
        for chunk, (found, put_out, states) in climb:
            if keys is None or outputs is None:
                keys = found.new_zeros(self._count, found.shape[1])
                outputs = states.new_zeros(self._count, states.shape[1])
            keys.index_add_(0, chunk.fact.to(found.device), found * chunk.weight.to(found.device)[:, None])
            if chunk.bare:
                outputs[chunk.fact.to(states.device)] = states
                self._put_out.append((chunk.fact, put_out))
            chunks.append(chunk)
        self._chunks, self._at = chunks, layer
        if keys is None or outputs is None:
            raise ValueError("a step needs at least one request")
        return keys, outputs

    def carried_back(self, change: Tensor, lengths: Tensor | None) -> Tensor:
        """By how much the projection's outputs at the bare prompts have to change for a change of the block's.

        At the layer that the last call asked for, under the weights it saw.

        Args:
            change: of the block's output, [n, d].
            lengths: of the changed outputs, [n]; None keeps theirs. See `bench.model.carrying`.
        """
        norm = self._model.post_norm(self._at)
        if norm is None:
            return change
        put_out = torch.zeros_like(change)
        for fact, found in self._put_out:
            put_out[fact.to(put_out.device)] = found.to(put_out.device)
        device = self._model.device_of(self._at)
        return carried_back(norm, put_out.to(device), change, lengths)

    def _climb(self, chunk: _Chunk, layer: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        """Take a chunk up to `layer`.

        Returns:
            What goes into the projection there [B, m], what comes out [B, d] and, of bare prompts, states after
            `last` [B, d].
        """
        hidden = chunk.run.run(chunk.hidden, self._at, layer, only=chunk.real)
        wanted = chunk.real if chunk.bare else chunk.ends
        with tapped({layer: self._model.projection(layer)}) as seen:
            above = chunk.run.run(hidden, layer, layer + 1, only=wanted)
        where = torch.searchsorted(wanted, chunk.ends)
        keys, put_out = (picked(each, where).float() for each in (seen[layer].inputs, seen[layer].outputs))
        if chunk.bare:
            above = chunk.run.run(above, layer + 1, last + 1, only=chunk.real)
        states = picked(above, chunk.ends).float()
        # last of all: a chunk that runs out of memory halfway is done again from where it stood
        chunk.hidden = hidden
        return keys, put_out, states

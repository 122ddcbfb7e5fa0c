"""Keys and current values, layer after layer, while the layers below are being edited.

Blocks below the first edited layer never change within a step, so a `Walk` runs them once and then only moves
up: at each edited layer it gives the keys under the weights as they are, and the output of the last edited
layer at the bare prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.model import EditableModel
from bench.passes import Pass, tapped
from bench.tokens import chunks_by_tokens
from methods._locate.prompts import PromptSet, prompt_weights


@dataclass
class _Chunk:
    run: Pass
    hidden: Tensor
    fact: Tensor
    lookup: list[int]
    weight: Tensor
    bare: Tensor


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
        rows, facts, lookups, weights, bare = [], [], [], [], []
        for i, prompts in enumerate(sets):
            share = prompt_weights(len(prompts.prompts))
            for place, located in enumerate(prompts.prompts):
                # what follows the subject cannot reach it: causal attention
                rows.append(located.ids[: located.index + 1])
                facts.append(i)
                lookups.append(located.index)
                weights.append(share[place])
                bare.append(place == 0)
        self._chunks = [
            self._chunk(group, rows, facts, lookups, weights, bare)
            for group in chunks_by_tokens([len(row) for row in rows], model.token_budget)
        ]

    def _chunk(
        self,
        group: list[int],
        rows: list[list[int]],
        facts: list[int],
        lookups: list[int],
        weights: list[float],
        bare: list[bool],
    ) -> _Chunk:
        device = self._model.device
        run = self._model.begin([rows[i] for i in group])
        with torch.no_grad():
            hidden = run.run(run.embedded, 0, self._at)
        return _Chunk(
            run,
            hidden,
            torch.tensor([facts[i] for i in group], device=device),
            [lookups[i] for i in group],
            torch.tensor([weights[i] for i in group], device=device),
            torch.tensor([bare[i] for i in group], device=device),
        )

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
        for chunk in self._chunks:
            hidden = chunk.run.run(chunk.hidden, self._at, layer)
            chunk.hidden = hidden
            with tapped({layer: self._model.projection(layer)}) as seen:
                hidden = chunk.run.run(hidden, layer, last + 1)
            found = chunk.run.at(seen[layer].inputs, chunk.lookup).float()
            if keys is None or outputs is None:
                keys = found.new_zeros(self._count, found.shape[1])
                outputs = found.new_zeros(self._count, hidden.shape[2])
            keys.index_add_(0, chunk.fact, found * chunk.weight[:, None])
            states = chunk.run.at(hidden, chunk.lookup).float()
            outputs[chunk.fact[chunk.bare]] = states[chunk.bare]
        self._at = layer
        if keys is None or outputs is None:
            raise ValueError("a step needs at least one request")
        return keys, outputs

"""One whole step of every method, plainly: fact after fact, layer after layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from bench.model.editable import EditableModel
from benchmarks.reference import keys_at, null_space, projector_of, ridge, states_at, target_values
from methods._locate.prompts import PromptSet
from methods._locate.values import ValueConfig


class Rule(Protocol):
    """How a layer's update follows from its keys, and what is kept of them."""

    def solve(self, layer: int, keys: Tensor, residual: Tensor) -> Tensor:
        """DW [d, m]."""
        ...

    @property
    def remembers(self) -> bool:
        """Whether keys are read again after a step and added up."""
        ...

    def remember(self, layer: int, keys: Tensor) -> None:
        """Add a step's keys."""
        ...


@dataclass
class MemitRule:
    """Ridge regression, no memory."""

    moments: dict[int, Tensor]
    weight: float
    remembers: bool = False

    def solve(self, layer: int, keys: Tensor, residual: Tensor) -> Tensor:
        """See `ridge`."""
        return ridge(self.moments[layer], keys, residual, self.weight)

    def remember(self, layer: int, keys: Tensor) -> None:
        """Nothing is kept."""


@dataclass
class AlphaEditRule:
    """A projector fixed before the first edit; `sums` holds S by layer."""

    projectors: dict[int, Tensor]
    sums: dict[int, Tensor]
    l2: float
    remembers: bool = True

    def solve(self, layer: int, keys: Tensor, residual: Tensor) -> Tensor:
        """See `null_space`."""
        return null_space(self.projectors[layer], keys, residual, self.sums[layer], self.l2)

    def remember(self, layer: int, keys: Tensor) -> None:
        """S += K K^T."""
        self.sums[layer] += keys @ keys.T


@dataclass
class LangEditRule:
    """A projector found anew at every step from the running mean of LangEdit's Eq. 4; no history term (Eq. 10).

    Args:
        moments: C of the unedited model by layer.
        sums: sum of K K^T of earlier steps by layer.
        edits: facts in earlier steps.
        prior: n0, samples that C counts for.
        threshold: singular values below it span the null space.
        l2: regulariser.
    """

    moments: dict[int, Tensor]
    sums: dict[int, Tensor]
    edits: int
    prior: float
    threshold: float
    l2: float
    remembers: bool = True

    def solve(self, layer: int, keys: Tensor, residual: Tensor) -> Tensor:
        """Decompose, then `null_space`."""
        mean = (self.prior * self.moments[layer] + self.sums[layer]) / (self.prior + self.edits)
        return null_space(projector_of(mean, self.threshold), keys, residual, None, self.l2)

    def remember(self, layer: int, keys: Tensor) -> None:
        """S += K K^T."""
        self.sums[layer] += keys @ keys.T


def edit(
    model: EditableModel, sets: Sequence[PromptSet], layers: Sequence[int], config: ValueConfig, rule: Rule
) -> dict[int, Tensor]:
    """One step: values fact by fact, then layer by layer whole passes for keys and states, solve, add.

    Returns:
        DW [d, m] by layer; the model is left edited.
    """
    targets = target_values(model, sets, layers[-1], config).T
    updates = {}
    for place, layer in enumerate(layers):
        keys = keys_at(model, sets, layer)
        residual = (targets - states_at(model, sets, layers[-1])) / (len(layers) - place)
        updates[layer] = rule.solve(layer, keys, residual)
        model.add(layer, updates[layer])
    if rule.remembers:
        for layer in layers:
            rule.remember(layer, keys_at(model, sets, layer))
    return updates

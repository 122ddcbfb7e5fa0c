"""The update rules: ridge regression (MEMIT family) and null-space projection (AlphaEdit family)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.api import State
from bench.model import EditableModel
from bench.stats import Stats
from methods._locate.solve import (
    Projector,
    moment_factor,
    null_space_update,
    ridge_update,
    symmetric,
    weighted_covariance,
)


@dataclass(frozen=True, slots=True)
class Ridge:
    """MEMIT's rule: least squares on new keys, weighted against the unedited model's keys.

    Args:
        weight: lambda, how much the second moment counts [mom2_update_weight].
    """

    weight: float

    def prepare(self, model: EditableModel, stats: Stats, layers: Sequence[int]) -> State:
        """One Cholesky factor per layer for the whole run."""
        moments = stats.moments(model, layers)
        factors = {layer: moment_factor(moment.matrix.to(model.device)) for layer, moment in moments.items()}
        return State(constants={"factors": factors})

    def begin(self, state: State) -> None:
        """Nothing moves between steps."""

    def solve(self, layer: int, keys: Tensor, residual: Tensor, state: State) -> Tensor:
        """See `ridge_update`."""
        return ridge_update(keys, residual, state.constants["factors"][layer], self.weight)

    def remember(self, layer: int, keys: Tensor, state: State) -> None:
        """MEMIT has no memory."""


CovarianceWeights = Callable[[Sequence[int]], tuple[float, list[float]]]
"""Sizes of the steps so far -> (factor of the initial second moment, factor of each step's K K^T)."""


@dataclass(frozen=True, slots=True)
class NullSpace:
    """AlphaEdit's rule: the update leaves the significant directions of a covariance alone.

    Memory: ``keys.<layer>`` [m, N] all edited keys in order, ``sizes`` [steps] facts per step.

    Args:
        threshold: eigenvalues strictly below it span the null space [nullspace_threshold].
        l2: regulariser [L2].
        history: keep the keys of earlier steps in the linear system (AlphaEdit's S).
        covariance: how edited keys enter the covariance; None keeps the initial null space (AlphaEdit).
    """

    threshold: float
    l2: float
    history: bool
    covariance: CovarianceWeights | None = None

    def prepare(self, model: EditableModel, stats: Stats, layers: Sequence[int]) -> State:
        """The null space of the unedited model's keys, per layer."""
        spectra = stats.spectra(model, layers)
        projectors, memory = {}, {}
        for layer, (values, vectors) in spectra.items():
            vectors = vectors.to(model.device)
            projectors[layer] = Projector.from_eigen(values.to(model.device), vectors, self.threshold)
            memory[f"keys.{layer}"] = vectors.new_zeros(len(vectors), 0)
        memory["sizes"] = torch.zeros(0, dtype=torch.long)
        constants: dict[str, object] = {"projectors": projectors, "layers": tuple(layers)}
        if self.covariance:
            moments = stats.moments(model, layers)
            constants["moments"] = {k: moment.matrix.to(model.device) for k, moment in moments.items()}
        return State(memory, constants)

    def begin(self, state: State) -> None:
        """Recompute the null space from the covariance of all steps so far, if it moves."""
        sizes = state.memory["sizes"].tolist()
        if self.covariance is None or not sizes:
            return
        scale, factors = self.covariance(sizes)
        weights = torch.tensor([f for f, size in zip(factors, sizes, strict=True) for _ in range(size)])
        for layer in state.constants["layers"]:
            moment = state.constants["moments"][layer]
            current = weighted_covariance(moment, scale, state.memory[f"keys.{layer}"], weights)
            values, vectors = torch.linalg.eigh(symmetric(current))
            state.constants["projectors"][layer] = Projector.from_eigen(values, vectors, self.threshold)

    def solve(self, layer: int, keys: Tensor, residual: Tensor, state: State) -> Tensor:
        """See `null_space_update`."""
        history = state.memory[f"keys.{layer}"] if self.history else None
        return null_space_update(keys, residual, state.constants["projectors"][layer], history, self.l2)

    def remember(self, layer: int, keys: Tensor, state: State) -> None:
        """Keep the keys; a layer's keys are read after all layers below were edited, so they stay as they are."""
        name = f"keys.{layer}"
        state.memory[name] = torch.cat([state.memory[name], keys.to(state.memory[name])], dim=1)
        if layer == state.constants["layers"][-1]:
            sizes = state.memory["sizes"]
            state.memory["sizes"] = torch.cat([sizes, sizes.new_tensor([keys.shape[1]])])

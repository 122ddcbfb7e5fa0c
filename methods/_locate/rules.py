"""The update rules: ridge regression (MEMIT family) and null-space projection (AlphaEdit family)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bench.api import State
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods._locate.moving import Basis, CovarianceWeights, MovingNullSpace
from methods._locate.solve import (
    Projector,
    moment_factor,
    null_space_update,
    ridge_update,
    sequential_ridge_update,
)


def moment_factors(
    model: EditableModel, stats: Stats, layers: Sequence[int], identity: float = 0.0
) -> dict[int, Tensor]:
    """Cholesky factors [m, m] of second moments by layer; what it took to have them stands in the statistics' account.

    Args:
        model: unedited.
        stats: of its keys.
        layers: to edit.
        identity: so many times the identity is added to every moment.

    Raises:
        BenchError: see `moment_factor`.
    """
    factors = {}
    for layer, found in stats.moments(model, layers).items():

        def note(added: float, layer: int = layer) -> None:
            stats.account.regularised(layer, added)

        factors[layer] = moment_factor(found.matrix.to(model.device_of(layer)), note, identity)
    return factors


@dataclass(frozen=True, slots=True)
class Ridge:
    """MEMIT's rule: least squares on new keys, weighted against the unedited model's keys.

    Memory, where earlier keys stay in the linear system: ``whitened.<layer>`` [m, N], L^-1 of all edited keys in order,
    C = L L^T.

    Args:
        weight: lambda, how much the second moment counts [mom2_update_weight].
        history: keep the keys of earlier steps in the linear system.
        norm_weight: how much the squared norm of the update counts, lambda_n [update_norm_lambda].
    """

    weight: float
    history: bool = False
    norm_weight: float = 0.0

    def prepare(self, model: EditableModel, stats: Stats, layers: Sequence[int]) -> State:
        """One Cholesky factor per layer for the whole run."""
        # lambda C + lambda_n I is lambda times what is factorised
        factors = moment_factors(model, stats, layers, self.norm_weight / self.weight if self.norm_weight else 0.0)
        memory = {_whitened(layer): factor.new_zeros(len(factor), 0) for layer, factor in factors.items()}
        return State(memory if self.history else {}, {"factors": factors})

    def begin(self, state: State) -> None:
        """Nothing moves between steps."""

    def solve(self, layer: int, keys: Tensor, residual: Tensor, state: State) -> Tensor:
        """See `ridge_update` and `sequential_ridge_update`."""
        factor = state.constants["factors"][layer]
        if not self.history:
            return ridge_update(keys, residual, factor, self.weight)
        before, new = state.memory[_whitened(layer)], whitened(keys, factor)
        state.memory[_whitened(layer)] = torch.cat([before, new], dim=1)
        return sequential_ridge_update(new, residual, before, factor, self.weight)

    def recall(self, layer: int, keys: Tensor, state: State) -> None:
        """Put the keys of the step just solved, as they are now, in the place of those it was solved with."""
        if self.history:
            new = whitened(keys, state.constants["factors"][layer])
            _replace_last(state.memory, _whitened(layer), new)


def whitened(keys: Tensor, factor: Tensor) -> Tensor:
    """L^-1 K [m, n], fp64."""
    found: Tensor = torch.linalg.solve_triangular(factor, keys.double(), upper=False)
    return found


def _whitened(layer: int) -> str:
    return f"whitened.{layer}"


def _replace_last(memory: dict[str, Any], name: str, new: Tensor) -> None:
    before = memory[name]
    memory[name] = torch.cat([before[:, : before.shape[1] - new.shape[1]], new.to(before)], dim=1)


@dataclass(frozen=True, slots=True)
class NullSpace:
    """AlphaEdit's rule: the update leaves the significant directions of a covariance alone.

    Memory: ``sizes`` [steps] facts per step; if the null space moves ``keys.<layer>`` [m, N], all edited keys in
    order, else, if they stay in the linear system, ``projected.<layer>`` [m, N], the same after projection.

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
        projectors, memory, bases = {}, {"sizes": torch.zeros(0, dtype=torch.long)}, {}
        for layer, (values, vectors) in stats.spectra(model, layers).items():
            values, vectors = (each.to(model.device_of(layer)) for each in (values, vectors))
            projector = Projector.from_eigen(values, vectors, self.threshold)
            if self.covariance:
                bases[layer] = Basis(values, vectors)
            else:
                # a copy of the smaller part lets go of the rest
                projector = replace(projector, basis=projector.basis.clone())
            projectors[layer] = projector
            memory[f"{self._kept}.{layer}"] = values.new_zeros(len(values), 0, dtype=torch.float64)
        constants: dict[str, object] = {"projectors": projectors, "layers": tuple(layers)}
        if self.covariance:
            found = stats.moments(model, layers)
            moments = {layer: moment.matrix.to(model.device_of(layer)) for layer, moment in found.items()}
            constants["moving"] = MovingNullSpace(self.covariance, self.threshold, moments, bases)
        return State(memory, constants)

    def begin(self, state: State) -> None:
        """Move the null space to that of the covariance after all steps so far, if it moves."""
        sizes = state.memory["sizes"].tolist()
        if self.covariance and sizes:
            keys = {layer: state.memory[f"keys.{layer}"] for layer in state.constants["layers"]}
            state.constants["projectors"] = state.constants["moving"].projectors(sizes, keys)

    def solve(self, layer: int, keys: Tensor, residual: Tensor, state: State) -> Tensor:
        """See `null_space_update`. A layer's keys are read after all layers below were edited, so they are final."""
        projector, name = state.constants["projectors"][layer], f"{self._kept}.{layer}"
        before = state.memory[name]
        if self.covariance and self.history:
            # all in one go: a moved projector costs little more for more columns
            projected, past = projector(torch.cat([keys, before], dim=1)).tensor_split([keys.shape[1]], dim=1)
        else:
            projected = projector(keys)
            past = before if self.history else None
        if self.covariance or self.history:
            state.memory[name] = torch.cat([before, (keys if self.covariance else projected).to(before)], dim=1)
        if layer == state.constants["layers"][-1]:
            sizes = state.memory["sizes"]
            state.memory["sizes"] = torch.cat([sizes, sizes.new_tensor([keys.shape[1]])])
        return null_space_update(projected, residual, past, self.l2)

    def recall(self, layer: int, keys: Tensor, state: State) -> None:
        """Put the keys of the step just solved, as they are now, in the place of those it was solved with."""
        if self.covariance or self.history:
            new = keys if self.covariance else state.constants["projectors"][layer](keys)
            _replace_last(state.memory, f"{self._kept}.{layer}", new)

    @property
    def _kept(self) -> str:
        return "keys" if self.covariance else "projected"

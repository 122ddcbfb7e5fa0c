"""LangEdit's null space on its way from step to step, decomposed anew only when enough has been added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from methods._locate.null_space import MovedProjector, moved
from methods._locate.solve import Projector, coordinates, weighted_covariance

CovarianceWeights = Callable[[Sequence[int]], tuple[float, list[float]]]
"""Sizes of the steps so far -> (factor of the initial second moment, factor of each step's K K^T)."""

TRACKED = 1 / 7
"""Tracking N new keys costs some N^2, a decomposition (m / 5)^2 of that. The next one is best made when the tracking
since the last would come to half of it, (m / 7)^2."""


@dataclass(slots=True)
class Basis:
    """Eigenbasis of one layer's covariance after some step, and the coordinates of later keys in it.

    Attributes:
        values: eigenvalues [m], ascending.
        vectors: eigenvectors U [m, m], fp32.
        seen: U^T K by step, [m, n], fp64.
    """

    values: Tensor
    vectors: Tensor
    seen: dict[int, Tensor] = field(default_factory=dict)

    def coordinates(self, step: int, keys: Tensor) -> Tensor:
        """U^T K of the keys [m, n] of a step, computed once."""
        if step not in self.seen:
            self.seen[step] = coordinates(self.vectors, keys)
        return self.seen[step]


@dataclass(slots=True)
class MovingNullSpace:
    """The projectors of all edited layers after any number of steps.

    They depend on the sizes and keys of the steps alone, not on how often they were asked for: a resumed run gets
    the same.

    Attributes:
        covariance: how keys enter.
        threshold: eigenvalues strictly below it span the null space.
        moments: initial second moment C [m, m] by layer, fp32.
        bases: eigenbasis by layer, of the covariance after `base` steps.
        base: see `bases`.
    """

    covariance: CovarianceWeights
    threshold: float
    moments: Mapping[int, Tensor]
    bases: dict[int, Basis]
    base: int = 0

    def projectors(self, sizes: Sequence[int], keys: Mapping[int, Tensor]) -> dict[int, Projector | MovedProjector]:
        """The null space of each layer.

        Args:
            sizes: facts of each step so far.
            keys: their keys in order, by layer, [m, N].
        """
        base = self._base_after(sizes)
        if base != self.base:
            self.base = base
            done = sizes[:base]
            self.bases = {layer: self._decomposed(layer, done, keys[layer]) for layer in self.moments}
        since = self._since(base, sizes)
        return {layer: self._projector(layer, sizes, keys[layer], *since) for layer in self.moments}

    def _projector(
        self, layer: int, sizes: Sequence[int], keys: Tensor, scale: float, weights: Sequence[float]
    ) -> Projector | MovedProjector:
        """The null space of one layer; `scale` and `weights` as from `_since`."""
        basis = self.bases[layer]
        steps = enumerate(zip(torch.split(keys, list(sizes), dim=1), weights, strict=True))
        added = [basis.coordinates(i, step) * weight**0.5 for i, (step, weight) in steps if weight]
        if not added:
            return Projector.from_eigen(scale * basis.values, basis.vectors, self.threshold)
        found = moved(basis.values, basis.vectors, scale, torch.cat(added, dim=1), self.threshold)
        if found is None:
            exact = self._decomposed(layer, sizes, keys)
            return Projector.from_eigen(exact.values, exact.vectors, self.threshold)
        return found

    def _base_after(self, sizes: Sequence[int]) -> int:
        limit = (TRACKED * len(next(iter(self.moments.values())))) ** 2
        base, work = self.base, 0
        for step in range(base + 1, len(sizes) + 1):
            _, weights = self._since(base, sizes[:step])
            work += sum(size for size, weight in zip(sizes, weights, strict=False) if weight) ** 2
            if work > limit:
                base, work = step, 0
        return base

    def _since(self, base: int, sizes: Sequence[int]) -> tuple[float, list[float]]:
        """The covariance after `sizes` as (factor of the one after `base` steps, factor of each step's K K^T)."""
        scale, weights = self.covariance(sizes)
        before, held = self.covariance(sizes[:base]) if base else (1.0, [])
        scale /= before
        rest = [w - scale * h for w, h in zip(weights, [*held, *[0.0] * (len(sizes) - base)], strict=True)]
        # where old keys keep their proportions, nothing but rounding is left of them
        return scale, [left if left > 1e-12 * weight else 0.0 for left, weight in zip(rest, weights, strict=True)]

    def _decomposed(self, layer: int, sizes: Sequence[int], keys: Tensor) -> Basis:
        """Eigenbasis of the covariance after `sizes`, from the initial moment and all keys."""
        scale, weights = self.covariance(sizes)
        per_key = torch.tensor(weights, dtype=torch.float64).repeat_interleave(torch.tensor(sizes))
        current = weighted_covariance(self.moments[layer], scale, keys[:, : sum(sizes)], per_key)
        values, vectors = torch.linalg.eigh(current)  # reads one triangle
        return Basis(values, vectors.float())

"""Running statistics of editing features, and the features made even by them.

A feature is z = [h | g]: the input h [m] of a module at one token, and the gradient g [d] of the loss at its output.
Statistics take in batch after batch by the pairwise update (Chan et al. 1979), so they are those of all rows pooled:
with n rows before and b new ones of mean c, delta = c - mean,

    mean += b delta / (n + b),    squares += squares of the new rows + n b delta^2 / (n + b).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

TINY = 2.0**-23
"""Added to deviations and counts, the rounding of fp32 (released code)."""

SMALLEST = 1e-6
"""Eigenvalues of a covariance are taken as no smaller (released code)."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Statistics of rows [h | g] of width m + d, fp64.

    Attributes:
        count: rows taken in.
        mean: [m + d]
        squares: sums of squared deviations from the mean, [m + d].
        scatter: sum of outer products of the deviations of g, [d, d]; None where nobody whitens.
    """

    count: int
    mean: Tensor
    squares: Tensor
    scatter: Tensor | None = None

    @classmethod
    def empty(cls, inputs: int, outputs: int, whitened: bool, device: torch.device) -> Moments:
        """Of no rows yet: m inputs and d outputs."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        both = inputs + outputs
        return cls(0, zeros(both), zeros(both), zeros(outputs, outputs) if whitened else None)

    @classmethod
    def read(cls, memory: Mapping[str, Any], name: str) -> Moments:
        """What `written` left in a state's memory."""
        count, mean, squares = (memory[f"{name}/{part}"] for part in ("count", "mean", "squares"))
        return cls(int(count), mean, squares, memory.get(f"{name}/scatter"))

    def written(self, name: str) -> dict[str, Any]:
        """Entries of a state's memory."""
        found = {"count": self.count, "mean": self.mean, "squares": self.squares, "scatter": self.scatter}
        return {f"{name}/{part}": value for part, value in found.items() if value is not None}

    def with_rows(self, inputs: Tensor, gradients: Tensor) -> Moments:
        """Take in H [N, m] and G [N, d]."""
        rows = torch.cat([inputs, gradients], dim=1).to(self.mean)
        new, count = len(rows), self.count + len(rows)
        centre = rows.mean(0)
        delta, apart = centre - self.mean, rows - centre
        share = self.count * new / count
        scatter = self.scatter
        if scatter is not None:
            of_gradients, moved = apart[:, inputs.shape[1] :], delta[inputs.shape[1] :]
            scatter = scatter + of_gradients.T @ of_gradients + share * torch.outer(moved, moved)
        return Moments(
            count,
            self.mean + delta * (new / count),
            self.squares + apart.square().sum(0) + share * delta.square(),
            scatter,
        )

    @property
    def std(self) -> Tensor:
        """Standard deviations [m + d]."""
        return (self.squares / (self.count - 1 + TINY)).sqrt()

    def standardised(self, inputs: Tensor, gradients: Tensor) -> tuple[Tensor, Tensor]:
        """(z - mean) / std, for H [N, m] and G [N, d]."""
        rows = torch.cat([inputs, gradients], dim=1).to(self.mean)
        even = (rows - self.mean) / (self.std + TINY)
        return even[:, : inputs.shape[1]], even[:, inputs.shape[1] :]

    def whitening(self) -> Tensor | None:
        """Sigma^-1/2 [d, d] of the gradients, with Sigma = scatter / (n - d - 1); None of too few rows for that."""
        if self.scatter is None or self.count <= len(self.scatter) + 1:
            return None
        values, vectors = torch.linalg.eigh(self.scatter / (self.count - len(self.scatter) - 1 + TINY))
        root: Tensor = (vectors * values.clamp_min(SMALLEST).rsqrt()) @ vectors.T
        return root

"""Closed-form weight updates in n x n form, fp64 (methods sheet 13.1 to 13.4).

Shapes: keys K [m, n], residual R [d, n], second moment C [m, m], update dW [d, m].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

ROUNDING = 1e-7
"""Relative size below which an eigenvalue of an fp32 statistic is noise."""


def moment_factor(moment: Tensor) -> Tensor:
    """Lower Cholesky factor [m, m] of a second moment, fp64.

    Statistics of fewer than m independent tokens, or whose small eigenvalues drown in fp32 rounding, are not
    positive definite; then the level of that rounding is added to the diagonal.
    """
    moment = symmetric(moment.double())
    factor: Tensor
    factor, failed = torch.linalg.cholesky_ex(moment)
    if not bool(failed):
        return factor
    noise = ROUNDING * moment.diagonal().max()
    moment.diagonal().add_(noise)
    factor = torch.linalg.cholesky(moment)
    return factor


def symmetric(matrix: Tensor) -> Tensor:
    """The symmetric part of a matrix that is symmetric but for rounding."""
    return (matrix + matrix.T) / 2


def ridge_update(keys: Tensor, residual: Tensor, factor: Tensor, weight: float) -> Tensor:
    """MEMIT: dW = R K^T (weight C + K K^T)^-1, Meng et al. 2023, Eq. 14.

    By push-through (weight C + K K^T)^-1 K = C^-1 K (weight I + K^T C^-1 K)^-1: one n x n solve.

    Args:
        keys: K [m, n].
        residual: R [d, n].
        factor: Cholesky factor of C [m, m], fp64.
        weight: lambda [mom2_update_weight].
    """
    keys, residual = keys.double(), residual.double()
    whitened = torch.cholesky_solve(keys, factor)
    gram = symmetric(keys.T @ whitened)
    gram.diagonal().add_(weight)
    return residual @ torch.cholesky_solve(whitened.T, torch.linalg.cholesky(gram))


@dataclass(frozen=True, slots=True)
class Projector:
    """P = I - Q Q^T onto the null space of a second moment.

    Attributes:
        significant: Q [m, r], eigenvectors with an eigenvalue at or above the threshold.
    """

    significant: Tensor

    @classmethod
    def from_eigen(cls, values: Tensor, vectors: Tensor, threshold: float) -> Projector:
        """Keep as null space the eigenvectors whose eigenvalue is strictly below `threshold`."""
        return cls(vectors[:, values >= threshold].contiguous())

    def __call__(self, keys: Tensor) -> Tensor:
        """Project columns [m, n]; fp64, in blocks of Q so that a large Q need not be copied whole."""
        keys = keys.double()
        removed = torch.zeros_like(keys)
        for block in torch.split(self.significant, 2048, dim=1):
            basis = block.double()
            removed += basis @ (basis.T @ keys)
        return keys - removed

    @property
    def nullity(self) -> int:
        """Dimension of the null space."""
        return self.significant.shape[0] - self.significant.shape[1]


def null_space_update(
    keys: Tensor, residual: Tensor, projector: Projector, history: Tensor | None, l2: float
) -> Tensor:
    """AlphaEdit: dW^T = [P (K K^T + S) + l2 I]^-1 P K R^T with S = A A^T (AlphaEdit repo; LangEdit Eq. 10 has no S).

    By push-through with A = [K, history]: dW = R E^T (A^T P A + l2 I)^-1 (P A)^T, E picking the first n columns.

    Args:
        keys: K [m, n].
        residual: R [d, n].
        projector: P.
        history: keys of earlier steps [m, N], or None.
        l2: regulariser.
    """
    count = keys.shape[1]
    columns = keys.double() if history is None else torch.cat([keys, history], dim=1).double()
    projected = projector(columns)
    gram = symmetric(projected.T @ projected)
    gram.diagonal().add_(l2)
    pick = torch.eye(len(gram), count, dtype=gram.dtype, device=gram.device)
    weights = torch.cholesky_solve(pick, torch.linalg.cholesky(gram))
    return residual.double() @ (weights.T @ projected.T)


def weighted_covariance(moment: Tensor, scale: float, keys: Tensor, weights: Tensor) -> Tensor:
    """Scale C + A diag(weights) A^T for C [m, m], A [m, N], in C's precision (fp32: the released code's).

    Args:
        moment: C.
        scale: factor of C.
        keys: A, one column per edited key.
        weights: [N].
    """
    keys = keys.to(moment)
    return scale * moment + (keys * weights.to(moment)) @ keys.T

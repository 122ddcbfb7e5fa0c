"""Closed-form weight updates in n x n form, fp64 (methods sheet 13.1 to 13.4).

Shapes: keys K [m, n], residual R [d, n], second moment C [m, m], update dW [d, m].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.ground.errors import BenchError

ROUNDING = 1e-7
"""Relative size below which an eigenvalue of an fp32 statistic is noise."""

FINE = 1e-15
"""The same of fp64."""

BLOCK = 2048
"""Columns of a basis that are taken to fp64 at a time."""


def moment_factor(moment: Tensor, note: Callable[[float], object] | None = None, identity: float = 0.0) -> Tensor:
    """Lower Cholesky factor [m, m] of a second moment plus so many times the identity, fp64.

    Statistics of fewer than m independent tokens, or whose small eigenvalues drown in fp32 rounding, are not
    positive definite; then as little is added to the diagonal as it takes, from the level of that rounding on.

    Args:
        moment: C [m, m].
        note: is told what was added to make it definite, relative to the largest entry of the diagonal, where something
            was.
        identity: factor of the identity.

    Raises:
        BenchError: no factor exists though as much was added as there was, or C is not finite.
    """
    matrix = symmetric(moment.double())
    matrix.diagonal().add_(identity)
    try:
        factor, added = factorised(matrix, ROUNDING)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
        if not bool(moment.isfinite().all()):
            raise BenchError("the statistics of keys are not finite; another --dtype may help") from error
        raise BenchError("too few tokens stand behind the statistics of keys; give more text (--corpus)") from error
    if added and note:
        note(added)
    return factor


def factorised(matrix: Tensor, level: float = FINE) -> tuple[Tensor, float]:
    """Lower Cholesky factor of a symmetric matrix that is positive definite but for rounding.

    Args:
        matrix: [k, k], fp64; its diagonal grows until there is a factor.
        level: of the rounding, relative to the largest entry of the diagonal: so much is added first, then ten times
            as much, up to that entry itself.

    Returns:
        The factor, and what was added, relative to the largest entry.

    Raises:
        LinAlgError: there is none even so, as where entries are not finite.
    """
    largest, added, coming = matrix.diagonal().max().clone(), 0.0, level
    factor, failed = torch.linalg.cholesky_ex(matrix)
    while bool(failed):
        if coming > 1 or not bool(largest > 0):
            raise torch.linalg.LinAlgError("no Cholesky factor")  # type: ignore[attr-defined]
        matrix.diagonal().add_((coming - added) * largest)
        added, coming = coming, 10 * coming
        factor, failed = torch.linalg.cholesky_ex(matrix)
    return factor, added


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
    return residual @ torch.cholesky_solve(whitened.T, factorised(gram)[0])


def sequential_ridge_update(
    whitened: Tensor, residual: Tensor, history: Tensor, factor: Tensor, weight: float
) -> Tensor:
    """MEMIT that keeps earlier keys A: dW = R K^T (weight C + A A^T + K K^T)^-1.

    By push-through with B = [K, A]: dW = R E^T (weight I + B^T C^-1 B)^-1 B^T C^-1, E picking the first n columns;
    and with C = L L^T only L^-1 B is needed, so that a key is solved for once, when it is new.

    Args:
        whitened: L^-1 K [m, n], fp64.
        residual: R [d, n].
        history: L^-1 A [m, N] of the keys of earlier steps, fp64.
        factor: L [m, m], fp64.
        weight: lambda [mom2_update_weight].
    """
    rows = _first_rows(torch.cat([whitened, history], dim=1), whitened.shape[1], weight)
    spread: Tensor = torch.linalg.solve_triangular(factor.T, rows.T, upper=True)
    return residual.double() @ spread.T


def _first_rows(columns: Tensor, count: int, regulariser: float) -> Tensor:
    """E^T (B^T B + regulariser I)^-1 B^T [n, m] for B [m, N], E picking the first n = `count` columns."""
    gram = symmetric(columns.T @ columns)
    gram.diagonal().add_(regulariser)
    pick = torch.eye(len(gram), count, dtype=gram.dtype, device=gram.device)
    weights = torch.cholesky_solve(pick, factorised(gram)[0])
    return weights.T @ columns.T


def coordinates(basis: Tensor, keys: Tensor) -> Tensor:
    """Q^T keys [r, n] for Q [m, r], fp64; in blocks, so that a large Q is not copied whole."""
    # a transposed right factor, as keys come, makes the product several times slower
    keys = keys.double().contiguous()
    return torch.cat([block.T.double() @ keys for block in torch.split(basis, BLOCK, dim=1)])


def combination(basis: Tensor, coordinates: Tensor) -> Tensor:
    """Q coordinates [m, n] for Q [m, r], fp64; in blocks."""
    total = coordinates.new_zeros(len(basis), coordinates.shape[1])
    for block, part in zip(torch.split(basis, BLOCK, dim=1), torch.split(coordinates, BLOCK), strict=True):
        total.addmm_(block.double(), part)
    return total


@dataclass(frozen=True, slots=True)
class Projector:
    """P onto the null space of a second moment: Q Q^T of its basis, or I - Q Q^T of the rest, whichever is smaller.

    Attributes:
        basis: Q [m, r], orthonormal columns.
        onto: Q spans the null space itself.
    """

    basis: Tensor
    onto: bool

    @classmethod
    def from_eigen(cls, values: Tensor, vectors: Tensor, threshold: float) -> Projector:
        """The null space is spanned by the eigenvectors (ascending) with an eigenvalue strictly below `threshold`.

        The basis is a view of `vectors`.
        """
        nullity = int((values < threshold).sum())
        onto = 2 * nullity < len(values)
        return cls(vectors[:, :nullity] if onto else vectors[:, nullity:], onto)

    def __call__(self, keys: Tensor) -> Tensor:
        """Project columns [m, n]; fp64."""
        if not self.basis.shape[1]:
            return torch.zeros_like(keys.double()) if self.onto else keys.double()
        inside = combination(self.basis, coordinates(self.basis, keys))
        return inside if self.onto else keys.double() - inside

    @property
    def nullity(self) -> int:
        """Dimension of the null space."""
        whole, part = self.basis.shape
        return part if self.onto else whole - part


def null_space_update(projected: Tensor, residual: Tensor, history: Tensor | None, l2: float) -> Tensor:
    """AlphaEdit: dW^T = [P (K K^T + S) + l2 I]^-1 P K R^T with S = A A^T (AlphaEdit repo; LangEdit Eq. 10 has no S).

    By push-through with B = [K, A]: dW = R E^T (B^T P B + l2 I)^-1 (P B)^T, E picking the first n columns; and
    B^T P B = (P B)^T (P B), so that only projected keys are needed.

    Args:
        projected: P K [m, n], fp64.
        residual: R [d, n].
        history: P A [m, N] of the keys of earlier steps, fp64, or None.
        l2: regulariser.
    """
    columns = projected if history is None else torch.cat([projected, history], dim=1)
    return residual.double() @ _first_rows(columns, projected.shape[1], l2)


def weighted_covariance(moment: Tensor, scale: float, keys: Tensor, weights: Tensor) -> Tensor:
    """Scale C + A diag(weights) A^T for C [m, m], A [m, N], fp64.

    Args:
        moment: C.
        scale: factor of C.
        keys: A, one column per edited key.
        weights: [N].
    """
    keys = keys.double()
    current = scale * moment.double()
    return current.addmm_(keys * weights.to(keys), keys.T)

"""The null space of a covariance that takes in new keys, without decomposing it again.

LangEdit's C_t = a C + A diag(w) A^T differs from the C whose eigenvectors are known by the few columns of A. In
C's eigenbasis B = C_t - threshold I is a diagonal D plus Z Z^T, and P = (I - sign B) / 2 with

    sign B = 2/pi integral_0^inf B (B^2 + t^2 I)^-1 dt ~ sum_j w_j Re (B - i t_j I)^-1,

where each inverse is a diagonal and an N x N solve (Woodbury): O(nodes m N^2) in place of O(m^3). Nodes and
weights: the midpoint rule after t = gap sc(u) (Hale, Higham, Trefethen 2008, Method 3), exponentially accurate on
gap <= |x| <= largest. That no eigenvalue of C_t lies closer than `gap` to the threshold is not assumed but counted,
from the inertia of two N x N matrices (Sylvester). Where one does, the null space is ambiguous, and C_t is decomposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import ellipj, ellipkm1
from torch import Tensor

from methods._locate.solve import combination, coordinates

ACCURACY = 1e-10
"""Largest error of the sign function over the spectrum."""

GAPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""Gaps that are tried, relative to the threshold; each tenth costs some five nodes more."""


@dataclass(frozen=True, slots=True)
class MovedProjector:
    """P onto the eigenvectors of a C + A diag(w) A^T with eigenvalues below a threshold; see `moved`.

    Attributes:
        vectors: eigenvectors U of C [m, m].
        diagonal: D = a eigenvalues of C - threshold, [m].
        added: Z = U^T A diag(w)^1/2, [m, N].
        nodes: t_j and w_j, [2, k].
        nullity: dimension of the null space, counted exactly.
    """

    vectors: Tensor
    diagonal: Tensor
    added: Tensor
    nodes: Tensor
    nullity: int

    def __call__(self, keys: Tensor) -> Tensor:
        """Project columns [m, n]; fp64."""
        seen = coordinates(self.vectors, keys)
        return combination(self.vectors, (seen - self._sign(seen)) / 2)

    def _sign(self, x: Tensor) -> Tensor:
        """Sign(D + Z Z^T) x, for x [m, n] in the eigenbasis."""
        Z, D = self.added, self.diagonal
        count = Z.shape[1]
        both = torch.cat([Z, x], dim=1)
        one = torch.eye(count, dtype=Z.dtype, device=Z.device)
        result = torch.zeros_like(x)
        for node, weight in self.nodes.T:
            size = D.square() + node.square()
            real, imaginary = (D / size)[:, None], (node / size)[:, None]  # of 1 / (D - i t)
            inner = torch.complex(Z.T @ (real * both), Z.T @ (imaginary * both))
            solved = torch.linalg.solve(inner[:, :count] + one, inner[:, count:])
            result += weight * (real * (x - Z @ solved.real) + imaginary * (Z @ solved.imag))
        return result


def moved(values: Tensor, vectors: Tensor, scale: float, added: Tensor, threshold: float) -> MovedProjector | None:
    """The projector after the covariance took in new columns.

    Args:
        values: eigenvalues of C, [m].
        vectors: its eigenvectors U, [m, m].
        scale: factor a of C.
        added: U^T A diag(w)^1/2, [m, N], fp64.
        threshold: eigenvalues strictly below it span the null space.

    Returns:
        The projector, or None where an eigenvalue is too close to the threshold to tell its side.
    """
    diagonal = scale * values.double() - threshold
    if not bool(diagonal.isfinite().all() and added.isfinite().all()):
        return None
    gram = added.T @ added
    largest = float(diagonal.abs().max() + torch.linalg.matrix_norm(gram, ord=2))
    for relative in GAPS:
        gap = relative * threshold
        below, above = (_eigenvalues_below(diagonal - shift, added) for shift in (-gap, gap))
        if below is None or above is None:
            return None
        if below == above:
            nodes = torch.from_numpy(_sign_nodes(gap, largest)).to(diagonal)
            return MovedProjector(vectors, diagonal, added, nodes, below)
    return None


def _eigenvalues_below(diagonal: Tensor, added: Tensor) -> int | None:
    """How many eigenvalues of D + Z Z^T are negative, None where D is singular.

    The inertia of [[D, Z], [Z^T, -I]] is that of D + Z Z^T and -I, and that of D and -(I + Z^T D^-1 Z).
    """
    if not bool(diagonal.all()):
        return None
    inner = added.T @ (added / diagonal[:, None])
    inner = (inner + inner.T) / 2
    inner.diagonal().add_(1)
    if not bool(inner.isfinite().all()):
        return None
    return int((diagonal < 0).sum()) - int((torch.linalg.eigvalsh(inner) < 0).sum())


def _sign_nodes(gap: float, largest: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Nodes and weights [2, k] with sign x = sum_j w_j x / (x^2 + t_j^2) for gap <= |x| <= largest."""
    ratio = max(2.0, largest / gap)
    count = 2 * math.ceil(math.log(4 / ACCURACY) * math.log(4 * ratio) / math.pi**2 / 2)
    parameter, period = 1 - ratio**-2, ellipkm1(ratio**-2)
    steps = (np.arange(count // 2) + 0.5) * period / count
    sn, cn, dn, _ = ellipj(steps, parameter)
    nodes, weights = sn / cn, 2 / math.pi * period / count * dn / cn**2
    # the upper half by symmetry (t -> ratio / t): there the functions themselves lose their digits
    nodes, weights = np.append(nodes, ratio / nodes), np.append(weights, ratio / nodes**2 * weights)
    return gap * np.stack([nodes, weights])

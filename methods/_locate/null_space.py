"""The null space of a covariance that takes in new keys, without decomposing it again.

LangEdit's C_t = a C + A diag(w) A^T differs from the C whose eigenvectors are known by the few columns of A. In
C's eigenbasis B = C_t - threshold I is a diagonal D plus Z Z^T, and P = (I - sign B) / 2 with a rational function

    sign B ~ c I + sum_j Re r_j (B - z_j I)^-1,

where each inverse is a diagonal and an N x N solve (Woodbury): O(poles m N^2) in place of O(m^3). The poles are the
midpoint rule on the contour of Hale, Higham, Trefethen 2008 (Method 3), exponentially accurate outside a gap around
the threshold. That the gap holds no eigenvalue of C_t is not assumed but counted, from the inertia of two N x N
matrices (Sylvester). Where it does, the null space is ambiguous, and C_t has to be decomposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import ellipj, ellipkm1
from torch import Tensor

from methods._locate.solve import combination, coordinates, symmetric

_Reals = np.ndarray[Any, np.dtype[np.float64]]
_Poles = np.ndarray[Any, np.dtype[np.complex128]]

ACCURACY = 1e-8
"""Largest error of the sign function over the spectrum; keys are fp32."""

GAPS = (3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""Gaps that are tried, relative to the threshold; each tenth costs some five poles more."""


@dataclass(frozen=True, slots=True)
class MovedProjector:
    """P onto the eigenvectors of a C + A diag(w) A^T with eigenvalues below a threshold; see `moved`.

    Attributes:
        vectors: eigenvectors U of C [m, m].
        diagonal: D = a eigenvalues of C - threshold, [m].
        added: Z = U^T A diag(w)^1/2, [m, N].
        poles: z_j and r_j, [2, k], complex.
        constant: c.
        nullity: dimension of the null space, counted exactly.
    """

    vectors: Tensor
    diagonal: Tensor
    added: Tensor
    poles: Tensor
    constant: float
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
        result = self.constant * x
        for pole, residue in self.poles.T:
            inverse = (residue / (D - pole))[:, None]
            real, imaginary = inverse.real.contiguous(), inverse.imag.contiguous()
            inner = torch.complex(Z.T @ (real * both), Z.T @ (imaginary * both)) / residue
            solved = torch.linalg.solve(inner[:, :count] + one, inner[:, count:])
            result += real * (x - Z @ solved.real) + imaginary * (Z @ solved.imag)
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
    # the trace of Z Z^T bounds its norm
    largest = float(diagonal.max() + added.square().sum())
    lowest = float(diagonal.min())
    for relative in GAPS:
        gap = relative * threshold
        below, above = (_eigenvalues_below(diagonal - shift, added) for shift in (-gap, gap))
        if below is None or above is None:
            return None
        if below == above:
            poles, constant = sign_function(gap, lowest, largest)
            return MovedProjector(vectors, diagonal, added, torch.from_numpy(poles).to(added.device), constant, below)
    return None


def _eigenvalues_below(diagonal: Tensor, added: Tensor) -> int | None:
    """How many eigenvalues of D + Z Z^T are negative, None where D is singular.

    The inertia of [[D, Z], [Z^T, -I]] is that of D + Z Z^T and -I, and that of D and -(I + Z^T D^-1 Z).
    """
    if not bool(diagonal.all()):
        return None
    inner = added.T @ (added / diagonal[:, None])
    inner = symmetric(inner)
    inner.diagonal().add_(1)
    if not bool(inner.isfinite().all()):
        return None
    return int((diagonal < 0).sum()) - int((torch.linalg.eigvalsh(inner) < 0).sum())


def sign_function(gap: float, lowest: float, largest: float) -> tuple[_Poles, float]:
    """Poles and residues [2, k] and constant c with sign x ~ c + sum_j Re r_j / (x - z_j).

    A Moebius map carries [lowest, -gap] and [gap, largest] to [-ratio, -1] and [1, ratio]; there
    sign y = 2/pi integral_0^inf y / (y^2 + t^2) dt ~ sum_j w_j Re 1 / (y - i t_j).

    Args:
        gap: half width of the gap around zero, > 0.
        lowest: lower bound of x.
        largest: upper bound of x.
    """
    lowest, largest = min(lowest, -2 * gap), max(largest, 2 * gap)
    cross = (gap - lowest) * (largest + gap) / (2 * gap * (largest - lowest))
    ratio = 2 * cross - 1 + 2 * math.sqrt(cross * (cross - 1))
    nodes, weights = _sign_nodes(ratio)
    # the map y = (x + turn gap) / (turn x + gap), by y(gap) = 1, y(-gap) = -1, y(largest) = ratio
    turn = (largest - ratio * gap) / (ratio * largest - gap)
    slope = 1 - 1j * nodes * turn
    poles = gap * (1j * nodes - turn) / slope
    residues = weights * (turn * poles + gap) / slope
    return np.stack([poles, residues]), float((weights * (turn / slope).real).sum())


def _sign_nodes(ratio: float) -> tuple[_Reals, _Reals]:
    """Nodes t_j and weights w_j with sign y ~ sum_j w_j y / (y^2 + t_j^2) for 1 <= |y| <= ratio; t = sc(u)."""
    count = 2 * math.ceil(math.log(4 / ACCURACY) * math.log(4 * ratio) / math.pi**2 / 2)
    parameter, period = 1 - ratio**-2, float(ellipkm1(ratio**-2))
    steps = (np.arange(count // 2) + 0.5) * period / count
    sn, cn, dn, _ = ellipj(steps, parameter)
    nodes, weights = sn / cn, 2 / math.pi * period / count * dn / cn**2
    # the upper half by symmetry (t -> ratio / t): there the functions themselves lose their digits
    return np.append(nodes, ratio / nodes), np.append(weights, ratio / nodes**2 * weights)

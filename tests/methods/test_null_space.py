"""The tracked null space equals that of a fresh decomposition, however the steps came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from methods._locate import moving as moving_module
from methods._locate.moving import Basis, MovingNullSpace
from methods._locate.null_space import ACCURACY, MovedProjector, moved, sign_function
from methods._locate.solve import Projector
from methods.langedit import running_mean
from methods.langedit_released import released_recursion

M, THRESHOLD = 96, 2e-2
SIZES = [2, 3, 1, 2, 4, 2, 3, 5, 2]

seeds = st.integers(0, 10_000)
Weights = Callable[[Sequence[int]], tuple[float, list[float]]]


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(seed: int, decades: float = 8.0) -> tuple[Tensor, Tensor]:
    """Eigenvalues over several decades around the threshold, and random eigenvectors."""
    vectors = torch.linalg.qr(draw(seed, M, M))[0]
    return torch.logspace(2 - decades, 2, M, dtype=torch.float64), vectors


def plain(values: Tensor, vectors: Tensor, scale: float, columns: Tensor) -> Projector:
    current = scale * (vectors * values) @ vectors.T + columns @ columns.T
    return Projector.from_eigen(*torch.linalg.eigh((current + current.T) / 2), THRESHOLD)


@pytest.mark.parametrize("gap", [1e-1, 1e-4, 1e-9])
@pytest.mark.parametrize("largest", [1.0, 1e3, 1e8])
@pytest.mark.parametrize("lowest", [-0.2, -1.0, -1e4])
def test_sign_function_is_accurate_outside_the_gap(gap: float, lowest: float, largest: float) -> None:
    (poles, residues), constant = sign_function(gap, lowest, largest)
    for x in (np.geomspace(gap, largest, 5001), -np.geomspace(gap, -lowest, 5001)):
        found = constant + (residues / (x[:, None] - poles)).real.sum(1)
        assert abs(found - np.sign(x)).max() < 2 * ACCURACY


@given(seeds, st.integers(1, 40), st.floats(1e-6, 10.0), st.floats(0.5, 1.0), st.floats(2.0, 14.0))
@settings(max_examples=60, deadline=None)
def test_moved_projector_is_that_of_a_fresh_decomposition(
    seed: int, count: int, size: float, scale: float, decades: float
) -> None:
    values, vectors = covariance(seed, decades)
    columns, keys = size * draw(seed + 1, M, count), draw(seed + 2, M, 7)
    projector = moved(values, vectors, scale, vectors.T @ columns, THRESHOLD)
    expected = plain(values, vectors, scale, columns)
    assert projector is not None
    assert projector.nullity == expected.nullity
    torch.testing.assert_close(projector(keys), expected(keys), rtol=0, atol=5e-7)


def test_moved_projector_is_an_orthogonal_projection() -> None:
    values, vectors = covariance(3)
    projector = moved(values, vectors, 0.9, vectors.T @ draw(4, M, 10), THRESHOLD)
    assert projector is not None
    P = projector(torch.eye(M, dtype=torch.float64))
    torch.testing.assert_close(P, P.T, rtol=0, atol=1e-10)
    torch.testing.assert_close(P @ P, P, rtol=0, atol=5e-8)
    assert round(float(P.trace())) == projector.nullity


@pytest.mark.parametrize("distance", [0.0, 1e-10, -1e-10])
def test_an_eigenvalue_at_the_threshold_is_ambiguous(distance: float) -> None:
    values, vectors = covariance(5)
    values[40] = THRESHOLD * (1 + distance)
    columns = draw(6, M, 4)
    columns -= vectors[:, [40]] @ (vectors[:, [40]].T @ columns)
    assert moved(values, vectors, 1.0, vectors.T @ columns, THRESHOLD) is None


def test_keys_that_are_not_finite_are_ambiguous() -> None:
    values, vectors = covariance(5)
    assert moved(values, vectors, 1.0, torch.full((M, 2), torch.inf, dtype=torch.float64), THRESHOLD) is None


def world(weights: Weights) -> tuple[MovingNullSpace, Tensor]:
    values, vectors = covariance(8)
    moment = (vectors * values) @ vectors.T
    values, vectors = torch.linalg.eigh(moment)
    space = MovingNullSpace(weights, THRESHOLD, {0: moment}, {0: Basis(values, vectors)})
    return space, 3 * draw(9, M, sum(SIZES))


RULES: dict[str, Weights] = {
    "paper": partial(running_mean, prior=500.0),
    "released": released_recursion,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("share", [0.0, 1 / 16, 1.0])
def test_every_step_has_the_null_space_of_its_covariance(
    rule: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving_module, "TRACKED", share)
    weights = RULES[rule]
    space, keys = world(weights)
    moment, probe = space.moments[0], draw(10, M, 5)
    kinds = set()
    for step in range(1, len(SIZES) + 1):
        sizes = SIZES[:step]
        projector = space.projectors(sizes, {0: keys[:, : sum(sizes)]})[0]
        kinds.add(type(projector))
        scale, factors = weights(sizes)
        per_key = torch.tensor(factors, dtype=torch.float64).repeat_interleave(torch.tensor(sizes))
        seen = keys[:, : sum(sizes)]
        values, vectors = torch.linalg.eigh(scale * moment + (seen * per_key) @ seen.T)
        expected = Projector.from_eigen(values, vectors, THRESHOLD)
        # a basis is kept in fp32
        torch.testing.assert_close(projector(probe), expected(probe), rtol=0, atol=2e-4)
    assert kinds == {0.0: {Projector}, 1 / 16: {Projector, MovedProjector}, 1.0: {MovedProjector}}[share]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("resumed_at", range(1, len(SIZES)))
def test_a_resumed_run_finds_the_same_null_space(rule: str, resumed_at: int) -> None:
    probe = draw(10, M, 5)
    whole, keys = world(RULES[rule])
    for step in range(1, len(SIZES)):
        whole.projectors(SIZES[:step], {0: keys[:, : sum(SIZES[:step])]})
    later, _ = world(RULES[rule])
    for step in range(resumed_at, len(SIZES)):
        later.projectors(SIZES[:step], {0: keys[:, : sum(SIZES[:step])]})
    ours, theirs = (s.projectors(SIZES, {0: keys})[0](probe) for s in (whole, later))
    assert torch.equal(ours, theirs)

"""The fast forms of the linear algebra equal the plain d_ff x d_ff forms."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.ground.errors import BenchError
from methods._locate import solve
from methods._locate.solve import (
    Projector,
    combination,
    coordinates,
    moment_factor,
    null_space_update,
    ridge_update,
    weighted_covariance,
)
from methods.langedit import running_mean
from methods.langedit_released import released_recursion
from methods.prune import restrain
from methods.rect import keep_largest_relative

M, D, N = 24, 10, 5


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moment(seed: int, rank: int = M) -> torch.Tensor:
    samples = draw(seed, M, 4 * M)
    if rank < M:
        samples = draw(seed + 1, M, rank) @ draw(seed + 2, rank, 4 * M)
    return samples @ samples.T / samples.shape[1]


seeds = st.integers(0, 10_000)


@given(seeds, st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_ridge_equals_the_plain_solve(seed: int, weight: float) -> None:
    C, K, R = moment(seed), draw(seed + 3, M, N), draw(seed + 4, D, N)
    plain = R @ torch.linalg.solve(weight * C + K @ K.T, K).T
    ours = ridge_update(K, R, moment_factor(C), weight)
    torch.testing.assert_close(ours, plain, rtol=1e-7, atol=1e-9)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_ridge_hits_its_targets_as_the_weight_vanishes(seed: int) -> None:
    C, K, R = moment(seed), draw(seed + 3, M, N), draw(seed + 4, D, N)
    torch.testing.assert_close(ridge_update(K, R, moment_factor(C), 1e-9) @ K, R, rtol=1e-4, atol=1e-5)


@given(seeds, st.floats(1e-2, 1e2), st.booleans())
@settings(max_examples=25, deadline=None)
def test_null_space_update_equals_the_plain_solve(seed: int, l2: float, with_history: bool) -> None:
    C, K, R = moment(seed), draw(seed + 3, M, N), draw(seed + 4, D, N)
    history = draw(seed + 5, M, 2 * N) if with_history else None
    values, vectors = torch.linalg.eigh(C)
    threshold = float(values[M // 2])
    projector = Projector.from_eigen(values, vectors, threshold)
    small = vectors[:, values < threshold]
    P = small @ small.T
    A = K if history is None else torch.cat([K, history], 1)
    plain = torch.linalg.solve(P @ A @ A.T + l2 * torch.eye(M, dtype=P.dtype), P @ K @ R.T).T
    past = None if history is None else projector(history)
    ours = null_space_update(projector(K), R, past, l2)
    torch.testing.assert_close(ours, plain, rtol=1e-7, atol=1e-9)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_significant_directions_get_no_update(seed: int) -> None:
    C, K, R = moment(seed, rank=M // 3), draw(seed + 3, M, N), draw(seed + 4, D, N)
    values, vectors = torch.linalg.eigh(C)
    projector = Projector.from_eigen(values, vectors, 1e-8)
    assert projector.nullity == M - M // 3
    update = null_space_update(projector(K), R, None, 1.0)
    preserved = draw(seed + 1, M, M // 3)  # spans the range of C
    assert float((update @ preserved).norm()) < 1e-8 * float(update.norm() * preserved.norm() + 1)
    assert float(update.norm()) > 0


def test_projector_is_an_orthogonal_projection() -> None:
    values, vectors = torch.linalg.eigh(moment(7))
    P = Projector.from_eigen(values, vectors, float(values[9]))(torch.eye(M, dtype=torch.float64))
    torch.testing.assert_close(P @ P, P)
    torch.testing.assert_close(P, P.T)
    assert round(float(P.trace())) == 9  # the eigenvalue at the threshold is significant


def test_moments_that_are_not_definite_get_the_level_of_rounding() -> None:
    C = moment(3, rank=4).float()
    factor = moment_factor(C)
    assert torch.isfinite(factor).all()
    torch.testing.assert_close((factor @ factor.T).float(), C, atol=1e-5, rtol=1e-5)


def test_running_mean_equals_the_mean_over_all_samples() -> None:
    """Eq. 4 step by step: each new covariance enters with its number of samples."""
    C, prior, sizes = moment(1), 50.0, [4, 6, 2]
    keys = [draw(10 + i, M, n) for i, n in enumerate(sizes)]
    current, count = C, prior
    for K in keys:
        current = (count * current + K.shape[1] * (K @ K.T / K.shape[1])) / (count + K.shape[1])
        count += K.shape[1]
    scale, factors = running_mean(sizes, prior)
    weights = torch.tensor([f for f, n in zip(factors, sizes, strict=True) for _ in range(n)])
    ours = weighted_covariance(C, scale, torch.cat(keys, 1), weights)
    torch.testing.assert_close(ours, current, rtol=1e-6, atol=1e-7)


def test_released_recursion_in_closed_form() -> None:
    C, sizes = moment(1), [3, 3, 3, 3]
    keys = [draw(20 + i, M, n) for i, n in enumerate(sizes)]
    current, S = C, torch.zeros_like(C)
    for t, K in enumerate(keys, start=1):
        S = S + K @ K.T
        current = 100_000 / (100_000 + 100 * t) * current + 100 / (100_000 + 100 * t) * S
    scale, factors = released_recursion(sizes)
    weights = torch.tensor([f for f, n in zip(factors, sizes, strict=True) for _ in range(n)])
    ours = weighted_covariance(C, scale, torch.cat(keys, 1), weights)
    torch.testing.assert_close(ours, current, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("last", "wiki", "first"),
    [(1, 0.9990, 9.99e-4), (5, 0.9851, 4.95e-3), (15, 0.8875, 1.38e-2), (23, 0.7604, 1.91e-2)],
)
def test_released_weights_are_those_of_the_method_sheet(last: int, wiki: float, first: float) -> None:
    scale, factors = released_recursion([100] * last)
    assert scale == pytest.approx(wiki, abs=5e-5)
    assert factors[0] == pytest.approx(first, rel=5e-3)


@given(seeds, st.floats(0.05, 1.0))
@settings(max_examples=25, deadline=None)
def test_rect_keeps_the_stated_share(seed: int, keep: float) -> None:
    W, delta = draw(seed, D, M).float(), draw(seed + 1, D, M).float()
    kept = keep_largest_relative(W, delta, keep)
    mask = kept != 0
    # kthvalue's own entry stays, and the rank is rounded down: at most two entries more than the share.
    assert -1e-6 <= int(mask.sum()) - keep * W.numel() <= 2 + 1e-6
    torch.testing.assert_close(kept[mask], delta[mask])
    score = (delta / (W + 1e-8)).abs()
    if not bool(mask.all()):
        assert float(score[mask].min()) >= float(score[~mask].max())


@given(seeds, st.floats(0.1, 5.0))
@settings(max_examples=25, deadline=None)
def test_prune_caps_what_exceeds_the_original(seed: int, size: float) -> None:
    W0, delta = draw(seed, D, M), size * draw(seed + 1, D, M)
    limit = torch.linalg.svdvals(W0)[0]
    before, after = torch.linalg.svdvals(delta), torch.linalg.svdvals(restrain(W0, delta))
    expected = torch.where(before > limit, (before / limit).log() + limit, before)
    torch.testing.assert_close(after, expected.sort(descending=True).values, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("rank", [1, 4])
def test_jitter_grows_until_there_is_a_factor_and_is_told(rank: int) -> None:
    draws = draw(3, 200, rank).float()
    draws[:, 0] *= 300  # rounding of the whole, against a diagonal of small entries
    C, told = (draws @ draws.T) + 1e-5 * torch.randn(200, 200, generator=torch.Generator().manual_seed(0)).float(), []
    factor = moment_factor(C, told.append)
    (added,) = told
    assert 1e-7 < added <= 1
    expected = (C.double() + C.double().T) / 2
    expected.diagonal().add_(added * C.diagonal().max().double())
    torch.testing.assert_close(factor @ factor.T, expected)


def test_a_definite_moment_is_left_alone() -> None:
    told: list[float] = []
    C = moment(3)
    torch.testing.assert_close(moment_factor(C, told.append), torch.linalg.cholesky((C + C.T).double() / 2))
    assert not told


def test_a_moment_of_nothing_is_one_line() -> None:
    with pytest.raises(BenchError, match="too few tokens"):
        moment_factor(torch.zeros(4, 4))
    with pytest.raises(BenchError, match="not finite"):
        moment_factor(torch.full((4, 4), torch.nan))


def test_facts_that_say_the_same_can_be_solved_with_any_regulariser() -> None:
    K = draw(5, M, 1).expand(M, 3)
    R = draw(6, 8, 3)
    assert torch.isfinite(ridge_update(K, R, moment_factor(moment(3)), 1e-30)).all()
    assert torch.isfinite(null_space_update(K.double(), R, None, 1e-30)).all()
    with pytest.raises(torch.linalg.LinAlgError):
        null_space_update(torch.full((M, 2), torch.nan, dtype=torch.float64), R[:, :2], None, 1.0)


def test_coordinates_in_blocks_are_those_of_the_whole_basis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve, "BLOCK", 3)
    generator = torch.Generator().manual_seed(0)
    basis, keys = torch.randn(11, 8, generator=generator), torch.randn(11, 4, generator=generator)
    found = coordinates(basis, keys)
    torch.testing.assert_close(found, basis.T.double() @ keys.double())
    torch.testing.assert_close(combination(basis, found), basis.double() @ found)

"""SPHERE's projection and EMMET's equations, as formulas."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.compute.conformance import OPTIONS
from methods import emmet
from methods._locate.solve import moment_factor, ridge_update
from methods.sphere import weaken_principal
from tests.methods.test_solve import D, M, N, draw, moment

seeds = st.integers(0, 10_000)


def emmet_weight(weight: float, slack: float) -> float:
    """Of the rule that `emmet` takes; building a method looks for plug-ins, which takes long."""
    return emmet.build(CONFIG.model_copy(update={"moment_weight": weight, "slack": slack})).rule.weight  # type: ignore[attr-defined, no-any-return]


CONFIG = emmet.Config.model_validate({name: OPTIONS[name] for name in emmet.Config.model_fields if name in OPTIONS})


@given(seeds, st.floats(0.05, 0.95), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_principal_directions_are_those_of_the_rows_moment(seed: int, energy: float, strength: float) -> None:
    W, update = draw(seed, D, M), draw(seed + 1, D, M)
    rows = W / W.norm(dim=1, keepdim=True)
    values, vectors = torch.linalg.eigh(rows.T @ rows / D)
    shares = values.flip(0).cumsum(0) / values.sum()
    count = int((shares <= energy).sum()) + 1
    U = vectors[:, -count:]
    plain = update @ (torch.eye(M, dtype=W.dtype) - strength * U @ U.T)
    torch.testing.assert_close(weaken_principal(W, update, energy, strength), plain, rtol=1e-6, atol=1e-7)


def test_what_lies_along_them_is_taken_away() -> None:
    W, update = draw(1, D, M), draw(2, D, M)
    whole = weaken_principal(W, update, 1.0, 1.0)
    assert float((whole @ W.T).norm()) < 1e-6 * float(update.norm() * W.norm())
    assert torch.equal(weaken_principal(W, update, 0.5, 0.0), update)


@given(seeds, st.floats(0.1, 10), st.floats(1e-2, 10))
@settings(max_examples=25, deadline=None)
def test_emmet_is_its_formula_and_memit_with_another_weight(seed: int, weight: float, slack: float) -> None:
    C, K, R = moment(seed), draw(seed + 3, M, N), draw(seed + 4, D, N)
    inverse = torch.linalg.inv(weight * C)
    plain = R @ torch.linalg.inv(K.T @ inverse @ K + slack * torch.eye(N, dtype=C.dtype)) @ K.T @ inverse
    torch.testing.assert_close(
        ridge_update(K, R, moment_factor(C), emmet_weight(weight, slack)), plain, rtol=1e-7, atol=1e-9
    )


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_without_slack_new_facts_hold_exactly_and_old_keys_move_least(seed: int) -> None:
    C, K, R = moment(seed), draw(seed + 3, M, N), draw(seed + 4, D, N)
    update = ridge_update(K, R, moment_factor(C), emmet_weight(10.0, 0.0))
    torch.testing.assert_close(update @ K, R, rtol=1e-8, atol=1e-9)
    other = draw(seed + 5, D, M)
    other -= other @ K @ torch.linalg.pinv(K)  # maps every key to 0
    cost = [float(((update + shift) @ C @ (update + shift).T).trace()) for shift in (0 * other, 0.1 * other)]
    assert cost[0] < cost[1]

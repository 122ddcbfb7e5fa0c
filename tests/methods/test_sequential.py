"""Keys of earlier steps in the linear system: steps add up to one, whichever keys are remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.api import State
from bench.model.stats import Moment, Stats
from bench.model.tiny import tiny_model
from benchmarks.reference_steps import edit
from methods._locate.editor import LocateOptions, LocateThenEdit
from methods._locate.rules import Ridge
from tests.golden.golden import LAYERS, Golden, Recorded, difference
from tests.methods.locate_world import Here, built, edited, tiny_stats
from tests.methods.test_solve import D, M, N, draw, moment
from tests.tinyworld import tiny_requests

seeds = st.integers(0, 10_000)
CONTEXT = Here("en", "de", "zh")


@dataclass
class Given:
    """Statistics that hold one moment."""

    moment: Tensor

    def moments(self, model: Any, layers: Any) -> dict[int, Moment]:
        return {layer: Moment(self.moment, 1) for layer in layers}


def prepared(rule: Ridge, C: Tensor) -> State:
    return rule.prepare(SimpleNamespace(device_of=lambda layer: "cpu"), Given(C), [0])  # type: ignore[arg-type]


@given(seeds, st.floats(1e-2, 1e2), st.sampled_from([0.0, 0.3, 20.0]))
@settings(max_examples=25, deadline=None)
def test_steps_towards_fixed_targets_add_up_to_one_step(seed: int, weight: float, norm_weight: float) -> None:
    C, W0 = moment(seed), draw(seed + 3, D, M)
    K, V = draw(seed + 4, M, 4 * N), draw(seed + 5, D, 4 * N)
    rule = Ridge(weight, history=True, norm_weight=norm_weight)
    state, W = prepared(rule, C), W0.clone()
    for keys, values in zip(K.split((N, 2 * N, 1, N - 1), dim=1), V.split((N, 2 * N, 1, N - 1), dim=1), strict=True):
        W += rule.solve(0, keys, values - W @ keys, state)
    system = weight * C + norm_weight * torch.eye(M, dtype=C.dtype) + K @ K.T
    once = torch.linalg.solve(system, K @ (V - W0 @ K).T).T
    torch.testing.assert_close(W - W0, once, rtol=1e-9, atol=1e-10)
    alone = replace(rule, history=False)
    torch.testing.assert_close(alone.solve(0, K, V - W0 @ K, prepared(alone, C)), once, rtol=1e-9, atol=1e-10)


def test_without_earlier_keys_they_do_not() -> None:
    C, K, V, W = moment(1), draw(2, M, 2 * N), draw(3, D, 2 * N), torch.zeros(D, M, dtype=torch.float64)
    rule = Ridge(1.0)
    state = prepared(rule, C)
    for keys, values in zip(K.split(N, dim=1), V.split(N, dim=1), strict=True):
        W += rule.solve(0, keys, values - W @ keys, state)
    assert float((W - rule.solve(0, K, V, state)).norm()) > 0.1 * float(W.norm())


@dataclass
class Plain:
    """MEMIT with S, in m x m; S is made of keys that are read again at the end of a step, as released."""

    moments: dict[int, Tensor]
    sums: dict[int, Tensor]
    weight: float
    remembers: bool = True

    def solve(self, layer: int, keys: Tensor, residual: Tensor) -> Tensor:
        C, S, K = (each.double() for each in (self.moments[layer], self.sums[layer], keys))
        return residual.double() @ torch.linalg.solve(self.weight * C + S + K @ K.T, K).T

    def remember(self, layer: int, keys: Tensor) -> None:
        self.sums[layer] += keys @ keys.T


def test_three_steps_are_those_of_the_plain_form(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden("llama")
    options = {"layers": LAYERS, "moment_weight": 1.0, "value_steps": 4}
    method = golden.built("memit-seq", monkeypatch, "MEMIT", per_language=True, **options)
    config = LocateOptions(**{**golden.options("MEMIT"), "layers": LAYERS, "value_steps": 4}).values()
    model, plain, requests = golden.model(), golden.model(), golden.requests()
    moments = {layer: found.matrix for layer, found in golden.stats.moments(plain, LAYERS).items()}
    rule = Plain(moments, {layer: torch.zeros_like(found) for layer, found in moments.items()}, 1.0)
    state = method.prepare(model, golden.stats, Recorded())  # type: ignore[arg-type]
    for first in (0, 4, 8):
        state, _ = method.apply(model, requests[first : first + 4], state)
        edit(plain, golden.sets(plain, per_language=True)[first : first + 4], LAYERS, config, rule)
        for layer in LAYERS:
            original = model.original(layer)
            assert difference(model.weight(layer) - original, plain.weight(layer) - original) < 1e-4


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Stats:
    return tiny_stats(tmp_path_factory.mktemp("stats"))


def test_keys_taken_again_are_those_solved_with_where_nothing_is_constrained(stats: Stats) -> None:
    memories = []
    for again in (False, True):
        model, method = tiny_model("llama"), replace(built("memit-seq"), keys_again=again)  # type: ignore[type-var]
        assert isinstance(method, LocateThenEdit)
        state = method.prepare(model, stats, CONTEXT)
        for step in (tiny_requests()[:2], tiny_requests()[2:]):
            state, _ = method.apply(model, step, state)
        memories.append(state.memory)
    for name, found in memories[0].items():
        assert found.shape[1] == len(tiny_requests())
        torch.testing.assert_close(found, memories[1][name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "kept"), [("rect-seq", "whitened"), ("sphere", "projected")])
def test_keys_taken_again_are_those_of_the_constrained_model(name: str, kept: str, stats: Stats) -> None:
    steps = [tiny_requests()[:2], tiny_requests()[2:]]
    (_, first, _), (model, again, _) = (
        edited(name, stats, steps, CONTEXT, keys_again=keys_again) for keys_again in (False, True)
    )
    low, high = (f"{kept}.{layer}" for layer in (1, 2))
    # the first edited layer's keys depend on nothing that is edited
    assert torch.allclose(first.memory[low], again.memory[low], atol=1e-6)
    assert not torch.allclose(first.memory[high], again.memory[high], atol=1e-4)
    # a step that changes nothing sees the last step's keys as they are now
    method = built(name, keys_again=False)
    seen = method.prepare(tiny_model("llama"), stats, CONTEXT)
    method.apply(model, steps[1], seen)
    torch.testing.assert_close(again.memory[low][:, 2:], seen.memory[low], rtol=1e-5, atol=1e-5)


def test_the_second_step_knows_the_first(stats: Stats) -> None:
    first, second = tiny_requests()[:3], tiny_requests()[3:]
    model, _, _ = edited("memit-seq", stats, [first, second], CONTEXT)
    plain, _, _ = edited("memit", stats, [first, second], CONTEXT)
    alone, _, _ = edited("memit-seq", stats, [first], CONTEXT)
    same, _, _ = edited("memit", stats, [first], CONTEXT)
    assert not torch.allclose(model.weight(2), plain.weight(2), atol=1e-5)
    torch.testing.assert_close(alone.weight(2), same.weight(2), rtol=1e-5, atol=1e-6)


def test_rect_and_prune_share_the_system(stats: Stats, tmp_path: Path) -> None:
    steps = [tiny_requests()[:3], tiny_requests()[3:]]
    model, _, _ = edited("memit-seq", stats, steps, CONTEXT)
    whole, _, _ = edited("rect-seq", stats, steps, CONTEXT, keep=1.0)
    raw, state, _ = edited("prune-seq", stats, steps, CONTEXT)
    for layer in (1, 2):
        torch.testing.assert_close(whole.weight(layer), model.weight(layer), rtol=1e-5, atol=1e-6)
        assert torch.equal(raw.weight(layer), model.weight(layer))
    with built("prune-seq").deployed(raw, state):
        assert raw.is_finite()

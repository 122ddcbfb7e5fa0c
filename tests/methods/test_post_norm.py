"""Where a norm stands between the MLP and the residual stream, an edit hits its target behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.api import EditRequest, State
from bench.compute.conformance import OPTIONS
from bench.compute.tiny_facts import parallel_requests
from bench.config.registry import methods
from bench.model.carrying import added, carried_back
from bench.model.corpus import Corpus
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model
from methods import rome
from methods._locate import editor
from methods._locate.editor import LocateOptions, LocateThenEdit
from methods._locate.prompts import prompt_sets
from methods._locate.values import Values

NORMED = ["gemma2", "gemma3", "olmo2"]
VALUES = {"value_steps": 12, "value_lr": 0.5, "value_decay": 0.0, "clamp": 4.0, "kl_weight": 0.0, "prefix_lengths": ()}


class Exact:
    """The least update that maps all keys as asked."""

    def prepare(self, model: EditableModel, stats: Stats, layers: Sequence[int]) -> State:
        return State()

    def begin(self, state: State) -> None:
        pass

    def solve(self, layer: int, keys: Tensor, residual: Tensor, state: State) -> Tensor:
        return residual @ torch.linalg.pinv(keys)


def spied(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[Values]:
    """The values that a method finds from now on."""
    found: list[Values] = []

    def spy(*given: Any) -> Values:
        found.append(optimise(*given))
        return found[-1]

    optimise = module.optimise_values
    monkeypatch.setattr(module, "optimise_values", spy)
    return found


def edited(model: EditableModel, layers: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> tuple[Values, Tensor]:
    """Values of three edits, and what the last layer's block gives after them at the subjects' ends."""
    requests, found = parallel_requests()[:3], spied(monkeypatch, editor)
    method = LocateThenEdit(LocateOptions(layers=tuple(layers), **VALUES), Exact())
    state = State(constants={"prefixes": {request.lang: [] for request in requests}, "anchors": {}})
    method.apply(model, requests, state)
    return found[0], block_outputs(model, requests, layers[-1])


@torch.no_grad()
def block_outputs(model: EditableModel, requests: Sequence[EditRequest], layer: int) -> Tensor:
    located = model.tokens.locate([r.text for r in requests], [r.subject_span for r in requests])
    run = model.begin([each.ids for each in located])
    return run.at(run.run(run.embedded, 0, layer + 1), [each.index for each in located])


@pytest.mark.parametrize("family", [*NORMED, "llama"])
def test_the_edit_of_one_layer_hits_its_target(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(family)
    values, outputs = edited(model, [1], monkeypatch)
    way = (values.targets - values.initial).norm(dim=1)
    assert bool((way > 0.5).all())
    assert bool(((outputs - values.targets).norm(dim=1) < 1e-3 * way).all())


@pytest.mark.parametrize("family", NORMED)
def test_edits_spread_over_layers_come_near_their_target(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lower layers add may leave a rest that the last one's norm cannot give."""
    model = tiny_model(family)
    values, outputs = edited(model, [0, 1, 2], monkeypatch)
    way = (values.targets - values.initial).norm(dim=1)
    assert bool(((outputs - values.targets).norm(dim=1) < 0.35 * way).all())


@pytest.mark.parametrize("family", NORMED)
def test_rome_writes_its_value_before_the_norm(family: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, request = tiny_model(family), parallel_requests()[0]
    chosen = {name: value for name, value in OPTIONS.items() if name in methods().options("rome")}
    method = rome.build(rome.Config(**{**chosen, **VALUES, "use_moment": False}))
    found = spied(monkeypatch, rome)
    context = SimpleNamespace(languages=("en",), rng=lambda part: torch.Generator().manual_seed(0))
    state = method.prepare(model, Stats(tmp_path, Corpus("tiny", "tiny", tiny_corpus)), context)  # type: ignore[arg-type]
    state.constants["prefixes"] = {request.lang: []}
    method.apply(model, [request], state)
    (prompts,) = prompt_sets(model.tokens, [request], state.constants["prefixes"], False)
    written = rome.read_keys(model, prompts, 1).output
    torch.testing.assert_close(written, found[0].targets[0], atol=1e-3, rtol=1e-3)
    norm = model.post_norm(1)
    assert norm is not None
    assert float((added(norm, written) - added(norm, found[0].initial[0])).norm()) > 0.5


# ---------------------------------------------------------------------------- the way back
class Norm(nn.Module):
    def __init__(self, gains: Tensor) -> None:
        super().__init__()
        self.gains = gains

    def forward(self, x: Tensor) -> Tensor:
        return self.gains * x * x.square().mean(-1, keepdim=True).rsqrt()


@pytest.fixture
def norm() -> Norm:
    torch.manual_seed(3)
    return Norm(torch.randn(16) + 1)


def test_what_the_norm_can_give_is_given(norm: Norm) -> None:
    y, other = torch.randn(5, 16), torch.randn(5, 16)
    change = added(norm, other) - added(norm, y)
    back = carried_back(norm, y, change)
    torch.testing.assert_close(added(norm, y + back), added(norm, other), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close((y + back).norm(dim=1), y.norm(dim=1))
    torch.testing.assert_close(y + carried_back(norm, y, change, other.norm(dim=1)), other, atol=1e-3, rtol=1e-3)


def test_of_too_much_the_nearest_is_given(norm: Norm) -> None:
    """No other output comes nearer."""
    y, change = torch.randn(4, 16), 20 * torch.randn(4, 16)
    wanted = added(norm, y) + change
    found = y + carried_back(norm, y, change)
    distance = (added(norm, found) - wanted).norm(dim=1)
    for size in (1.0, 0.1, 0.01):
        others = added(norm, found + size * torch.randn(2000, 4, 16))
        assert bool(((others - wanted).norm(dim=2) >= distance * (1 - 1e-5)).all())


def test_a_channel_without_gain_is_not_asked_for_anything(norm: Norm) -> None:
    norm.gains[3] = 0.0
    y = torch.randn(4, 16)
    back = carried_back(norm, y, torch.ones(4, 16))
    assert bool(back.isfinite().all())
    torch.testing.assert_close((y + back).norm(dim=1), y.norm(dim=1))


def test_without_a_norm_a_change_stays_as_it_is() -> None:
    change = torch.randn(2, 4)
    assert carried_back(None, torch.randn(2, 4), change) is change


def test_targets_are_the_blocks_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what lower layers write counts towards them."""
    model = tiny_model("gemma3")
    before = block_outputs(model, parallel_requests()[:3], 1)
    values, _ = edited(model, [1], monkeypatch)
    torch.testing.assert_close(values.initial, before, atol=1e-4, rtol=1e-3)

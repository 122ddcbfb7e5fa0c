"""UltraEdit and StableEdit beside a plain reference: hooks, the statistics of all rows pooled, one m x m solve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.api import EditRequest, Fact, State
from bench.compute.tiny_facts import practice
from bench.config.registry import methods
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_model
from methods._lifelong.features import features
from methods._lifelong.moments import SMALLEST, Moments
from tests.tinyworld import tiny_requests

LR, L2 = 2e-3, 1.5

Rows = dict[str, tuple[Tensor, Tensor]]


class Given:
    """A context with facts to practise on, or none."""

    languages, model_name, data_dir = ("en", "de", "zh"), "tiny", None

    def __init__(self, facts: Sequence[Fact] | None = None) -> None:
        self.facts = facts

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(len(part))

    def practice(self, languages: Sequence[str] = ()) -> Sequence[Fact]:
        if self.facts is None:
            raise BenchError("no facts to practise on")
        return self.facts


# ------------------------------------------------------------------ the reference
def tapped(model: EditableModel, name: str, seen: dict[str, tuple[Tensor, Tensor]]) -> Any:
    """Keep a module's input, and its output with the gradient to come."""

    def keep(_: Any, args: Any, output: Tensor) -> None:
        output.retain_grad()
        seen[name] = (args[0], output)

    module = model.hf.get_submodule(name.removesuffix(".weight"))
    module.weight.requires_grad_(True)
    return module.register_forward_hook(keep)


def plain_features(model: EditableModel, names: Sequence[str], requests: Sequence[EditRequest], mini: int) -> Rows:
    """H and G of each weight: a mini-batch after another, the longest first, a fact at a time."""
    rows = list(
        zip(
            model.tokens.prompts([r.text for r in requests]),
            model.tokens.targets([r.target for r in requests]),
            strict=True,
        )
    )
    rows.sort(key=lambda row: -len(row[0]) - len(row[1]))
    found: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in names}
    for start in range(0, len(rows), mini):
        group = rows[start : start + mini]
        tokens = sum(len(target) for _, target in group)
        for prompt, target in group:
            seen: dict[str, tuple[Tensor, Tensor]] = {}
            handles = [tapped(model, name, seen) for name in names]
            logits = model.hf(torch.tensor([[*prompt, *target[:-1]]])).logits[0, len(prompt) - 1 :]
            loss = torch.nn.functional.cross_entropy(logits.double(), torch.tensor(target), reduction="sum") / tokens
            loss.backward()
            for name, (inputs, output) in seen.items():
                assert output.grad is not None
                at = slice(len(prompt) - 1, None)
                found[name].append((inputs[0, at].detach().double(), output.grad[0, at].double()))
            for handle in handles:
                handle.remove()
            model.hf.zero_grad()
            model.hf.requires_grad_(False)
    return {name: (torch.cat([h for h, _ in each]), torch.cat([g for _, g in each])) for name, each in found.items()}


class Plain:
    """Keeps every row it ever saw, by shape."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.inputs: dict[tuple[int, int], list[Tensor]] = {}
        self.gradients: dict[tuple[int, int], list[Tensor]] = {}

    def step(self, model: EditableModel, requests: Sequence[EditRequest], mini: int, whitened: bool = False) -> None:
        rows = plain_features(model, self.names, requests, mini)
        for h, g in rows.values():
            shape = (h.shape[1], g.shape[1])
            self.inputs.setdefault(shape, []).append(h)
            self.gradients.setdefault(shape, []).append(g)
        for name, (h, g) in rows.items():
            shape = (h.shape[1], g.shape[1])
            every_h, every_g = torch.cat(self.inputs[shape]), torch.cat(self.gradients[shape])
            h_hat = (h - every_h.mean(0)) / (every_h.std(0) + 2.0**-23)
            g_hat = (g - every_g.mean(0)) / (every_g.std(0) + 2.0**-23)
            n, d = every_g.shape
            if whitened and n > d + 1:
                centred = every_g - every_g.mean(0)
                values, vectors = torch.linalg.eigh(centred.T @ centred / (n - d - 1))
                g_hat = (g - every_g.mean(0)) @ vectors @ torch.diag(values.clamp_min(1e-6) ** -0.5) @ vectors.T
            v = -LR * (h_hat**2).sum(1, keepdim=True) * g_hat
            shift = torch.linalg.solve(h.T @ h + L2 * torch.eye(shape[0]).double(), h.T @ v).T
            weight = model.hf.get_parameter(name)
            with torch.no_grad():
                weight += (shift.T if model.arch.transposed else shift).to(weight)


def names_of(model: EditableModel, **layers: Sequence[int]) -> list[str]:
    places = {"gate_layers": 0, "up_layers": len(model.arch.into) - 1, "layers": len(model.arch.into)}
    return [list(model.inner(layer))[places[kind]] for kind, chosen in layers.items() for layer in chosen]


def built(method: str, **options: Any) -> Any:
    return methods().build(method, {"lr": LR, "l2": L2, **options})


def run(model: EditableModel, method: Any, steps: Sequence[Sequence[EditRequest]], facts: Any = None) -> State:
    state: State = method.prepare(model, Stats(Path("unused"), None), Given(facts))
    for step in steps:
        state, _ = method.apply(model, step, state)
    return state


def steps_of(requests: Sequence[EditRequest]) -> list[Sequence[EditRequest]]:
    return [requests[:4], requests[4:]]


def assert_same(update: Tensor, expected: Tensor) -> None:
    assert expected.norm() > 0.1, "an update that shows"
    assert (update - expected).norm() < 1e-5 * expected.norm()


# ------------------------------------------------------------------ UltraEdit
@pytest.mark.parametrize(
    ("architecture", "layers"),
    [
        ("llama", {"gate_layers": (0, 1), "up_layers": (1, 2), "layers": (3,)}),
        ("gpt2", {"up_layers": (1,), "layers": (1, 2)}),
        ("gptj", {"layers": (2,)}),
    ],
)
def test_two_steps_are_those_of_the_formulas(architecture: str, layers: dict[str, Sequence[int]]) -> None:
    model, plain = tiny_model(architecture), tiny_model(architecture)
    names = names_of(model, **layers)
    reference = Plain(names)
    for step in steps_of(tiny_requests()):
        reference.step(plain, step, mini=3)
    run(model, built("ultraedit", mini_batch=3, **layers), steps_of(tiny_requests()))
    for name in names:
        moved = model.hf.get_parameter(name) - model.original_of(name)
        assert_same(moved, plain.hf.get_parameter(name) - model.original_of(name))
    assert set(model.edited()) == set(names)


def test_statistics_after_two_steps_are_those_of_all_rows_pooled() -> None:
    model = tiny_model("llama")
    method = built("ultraedit", gate_layers=(1,), up_layers=(2,))
    names, rows = names_of(model, gate_layers=(1,), up_layers=(2,)), []
    state = run(model, method, [])
    for step in steps_of(tiny_requests()):
        found = plain_features(model, names, step, mini=10)
        rows += [torch.cat(each, dim=1) for each in found.values()]
        state, _ = method.apply(model, step, state)
    pooled = torch.cat(rows)
    moments = Moments.read(state.memory, "64x32")
    assert moments.count == len(pooled)
    torch.testing.assert_close(moments.mean, pooled.mean(0), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(moments.std, pooled.std(0), rtol=1e-5, atol=1e-7)


def test_what_is_computed_at_once_changes_nothing_but_the_mini_batch_does() -> None:
    rows = [([5, 6, 7, 8], [9, 10]), ([5], [11, 12, 13]), ([7, 7], [8])]

    def found(tokens: int, mini: int) -> tuple[Tensor, Tensor]:
        model = tiny_model("llama")
        model.budget.size = tokens
        (each,) = features(model, {"it": model.projection(1)}, rows, mini).values()
        return each

    whole, parts, other = found(1000, 10), found(4, 10), found(1000, 2)
    for ours, theirs in zip(whole, parts, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    # six tokens share a loss; or the two longest facts five, and the last one has its own
    torch.testing.assert_close(other[1][:5], whole[1][:5] * 6 / 5, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(other[1][5:], whole[1][5:] * 6, rtol=1e-4, atol=1e-6)


def test_a_model_without_gates_has_none_to_edit() -> None:
    with pytest.raises(BenchError, match="no gate"):
        run(tiny_model("gptj"), built("ultraedit", gate_layers=(1,)), [])
    with pytest.raises(BenchError, match="out of range"):
        run(tiny_model("gptj"), built("ultraedit", up_layers=(9,)), [])
    with pytest.raises(BenchError, match=r"option 'layers': .*name layers, gate_layers or up_layers"):
        built("ultraedit")
    assert built("ultraedit", up_layers=0).options.up_layers == (0,)


def test_nothing_is_left_on_the_model() -> None:
    model = tiny_model("llama")
    run(model, built("ultraedit", layers=(1,)), steps_of(tiny_requests()))
    assert not any(module._forward_hooks for module in model.hf.modules())
    assert all(p.grad is None and not p.requires_grad for p in model.hf.parameters())


# ------------------------------------------------------------------ StableEdit
def test_practice_warms_the_statistics_edits_and_then_gradients_are_whitened() -> None:
    facts = practice()[:12]
    model, plain = tiny_model("llama"), tiny_model("llama")
    method = built("stableedit", layers=(1, 2), warm_steps=2, warm_batch=5)
    names, reference = names_of(model, layers=(1, 2)), Plain(names_of(model, layers=(1, 2)))
    order = torch.randperm(12, generator=Given().rng("warm-up")).tolist()
    drawn = [facts[i].request for i in order[:10]]
    reference.step(plain, drawn[:5], 10)
    reference.step(plain, drawn[5:], 10)
    for step in steps_of(tiny_requests()):
        reference.step(plain, step, 10, whitened=True)
    state = run(model, method, steps_of(tiny_requests()), facts)
    assert Moments.read(state.memory, "32x64").count > 32 + 1
    for name in names:
        moved = model.hf.get_parameter(name) - model.original_of(name)
        expected = plain.hf.get_parameter(name) - model.original_of(name)
        assert_same(moved, expected)


def test_whitened_gradients_are_uncorrelated_and_of_equal_size() -> None:
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(6, 6, generator=generator)
    inputs, gradients = torch.randn(400, 3, generator=generator), torch.randn(400, 6, generator=generator) @ mixed
    moments = Moments.empty(3, 6, whitened=True, device=torch.device("cpu"))
    assert moments.with_rows(inputs[:7], gradients[:7]).whitening() is None
    for part in (slice(0, 8), slice(8, 9), slice(9, 400)):
        moments = moments.with_rows(inputs[part], gradients[part])
    root = moments.whitening()
    assert root is not None
    even = (gradients.double() - moments.mean[3:]) @ root
    torch.testing.assert_close(even.T @ even / (400 - 6 - 1), torch.eye(6).double(), rtol=1e-6, atol=1e-6)


def test_directions_without_gradient_are_not_blown_up() -> None:
    gradients = torch.randn(50, 4) * torch.tensor([1.0, 1.0, 0.0, 0.0])
    root = Moments.empty(2, 4, True, torch.device("cpu")).with_rows(torch.randn(50, 2), gradients).whitening()
    assert root is not None
    assert torch.linalg.eigvalsh(root).max() == pytest.approx(SMALLEST**-0.5)


def test_without_warm_up_no_facts_are_asked_for() -> None:
    state = run(tiny_model("llama"), built("stableedit", layers=(1,), warm_steps=0), steps_of(tiny_requests()))
    assert state.memory["warm"]
    with pytest.raises(BenchError, match="practise"):
        run(tiny_model("llama"), built("stableedit", layers=(1,)), [])


def test_it_warms_up_once_and_before_the_first_step() -> None:
    model, method = tiny_model("llama"), built("stableedit", layers=(1,), warm_steps=1, warm_batch=3)
    state = run(model, method, [], practice())
    assert not model.edited() and Moments.read(state.memory, "32x64").count == 0
    state, report = method.apply(model, tiny_requests()[:1], state)
    after = Moments.read(state.memory, "32x64").count
    own = len(model.tokens.targets([tiny_requests()[0].target])[0])
    assert after > own and "training" in report.seconds
    state, report = method.apply(model, tiny_requests()[:1], state)
    assert Moments.read(state.memory, "32x64").count == after + own and "training" not in report.seconds

"""LoRA beside a plain reference without peft: W + alpha / r B A, trained by Adam and merged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.api import EditRequest, State
from bench.config.registry import methods
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_model
from methods import lora
from tests.tinyworld import tiny_requests

LR, EPOCHS, SIZE, RANK, ALPHA = 5e-3, 4, 4, 3, 7.0
peft_only = pytest.mark.skipif(lora.find_spec("peft") is None, reason="needs peft")


class Seeded:
    """A context of one seed."""

    languages, model_name, data_dir = ("en", "de", "zh"), "tiny", None

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed * 1000 + sum(map(ord, part)))


def built(**options: Any) -> Any:
    given = {"layers": (1, 2), "steps": EPOCHS, "lr": LR, "batch_size": SIZE, "rank": RANK, "alpha": ALPHA}
    return methods().build("lora", {**given, "dropout": 0.0, **options})


def run(model: EditableModel, method: Any, steps: Sequence[Sequence[EditRequest]], seed: int = 0) -> State:
    state: State = method.prepare(model, Stats(Path("unused"), None), Seeded(seed))
    for step in steps:
        state, _ = method.apply(model, step, state)
    return state


class Low(nn.Module):
    """A module and its low-rank update, which is added to what it says."""

    def __init__(self, inner: nn.Module, a: Tensor, outputs: int) -> None:
        super().__init__()
        self.inner, self.a, self.b = inner, nn.Parameter(a.clone()), nn.Parameter(torch.zeros(outputs, RANK))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inner(x)
        return out + ALPHA / RANK * (x @ self.a.T @ self.b.T)


def plain(model: EditableModel, names: Sequence[str], requests: Sequence[EditRequest], first: Sequence[Tensor]) -> None:
    """One step: wrap, train, merge; A begins as given."""
    layers = {}
    for name, a in zip(names, first, strict=True):
        parent, _, own = name.rpartition(".")
        inner = model.hf.get_submodule(name)
        outputs = inner.weight.shape[1] if model.arch.transposed else inner.weight.shape[0]  # type: ignore[union-attr]
        layers[name] = Low(inner, a, int(outputs))
        setattr(model.hf.get_submodule(parent), own, layers[name])
    model.hf.requires_grad_(False)
    parameters = [p for each in layers.values() for p in (each.a, each.b)]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, lr=LR)
    prompts = model.tokens.prompts([r.text for r in requests])
    targets = model.tokens.targets([r.target for r in requests])
    for _ in range(EPOCHS):
        for start in range(0, len(requests), SIZE):
            losses = []
            batch = zip(prompts[start : start + SIZE], targets[start : start + SIZE], strict=True)
            for prompt, target in batch:
                logits = model.hf(torch.tensor([[*prompt, *target[:-1]]])).logits[0, len(prompt) - 1 :]
                losses.append(nn.functional.cross_entropy(logits, torch.tensor(target)))
            optimizer.zero_grad()
            torch.stack(losses).mean().backward()
            optimizer.step()
    for name, each in layers.items():
        parent, _, own = name.rpartition(".")
        setattr(model.hf.get_submodule(parent), own, each.inner)
        delta = (ALPHA / RANK * each.b @ each.a).detach()
        with torch.no_grad():
            each.inner.weight += delta.T if model.arch.transposed else delta  # type: ignore[operator]


def first_values(model: EditableModel, names: Sequence[str], number: int) -> list[Tensor]:
    """What the adapters of a step begin with."""
    config = lora.Config(layers=(1, 2), lr=LR, steps=1, batch_size=1, rank=RANK, dropout=0)
    seed = Seeded().rng(f"adapters/{number}").initial_seed()
    with lora.drawn_by(seed, model.devices), lora.adapters(model, names, config) as added:
        return [each.lora_A[lora.ADAPTER].weight.detach().clone() for each in added.values()]


@peft_only
@pytest.mark.parametrize(
    ("architecture", "targets"), [("llama", ("q_proj", "down_proj")), ("gpt2", ()), ("gptj", ("fc_in", "fc_out"))]
)
def test_two_steps_are_those_of_a_plain_loop(architecture: str, targets: tuple[str, ...]) -> None:
    model, reference = tiny_model(architecture), tiny_model(architecture)
    method = built(target_modules=targets)
    names = lora.modules_of(model, method.config)
    steps = [tiny_requests()[:4], tiny_requests()[2:]]
    for number, step in enumerate(steps):
        plain(reference, names, step, first_values(tiny_model(architecture), names, number))
    run(model, method, steps)
    assert set(model.edited()) == {f"{name}.weight" for name in names}
    for name in model.edited():
        moved = model.hf.get_parameter(name) - model.original_of(name)
        assert moved.norm() > 1e-2
        # Adam blows up what rounding does to gradients near zero
        assert (model.hf.get_parameter(name) - reference.hf.get_parameter(name)).norm() < 1e-3 * moved.norm()


@peft_only
def test_an_update_has_the_rank_of_its_adapters() -> None:
    model = tiny_model("llama")
    run(model, built(rank=2), [tiny_requests()])
    for name in model.edited():
        values = torch.linalg.svdvals(model.hf.get_parameter(name) - model.original_of(name))
        assert values[1] > 1e-4 and values[2] < 1e-5 * values[0]


@peft_only
def test_no_adapter_is_left() -> None:
    model = tiny_model("llama")
    before = {name: type(module) for name, module in model.hf.named_modules()}
    run(model, built(dropout=0.5), [tiny_requests()[:2]])
    assert {name: type(module) for name, module in model.hf.named_modules()} == before
    assert not hasattr(model.hf, "peft_config")
    assert not any(parameter.requires_grad for parameter in model.hf.parameters())
    assert not any(module.training for module in model.hf.modules())


@peft_only
def test_draws_are_of_seed_and_step_and_of_nothing_else() -> None:
    def after(seed: int, before: int, *steps: Sequence[EditRequest]) -> Tensor:
        model = tiny_model("llama")
        torch.manual_seed(before)
        run(model, built(dropout=0.3), steps, seed)
        return model.weight(1).clone()

    requests = tiny_requests()
    assert torch.equal(after(0, 1, requests), after(0, 2, requests))
    assert not torch.equal(after(0, 1, requests), after(1, 1, requests))
    model = tiny_model("llama")
    assert len({tuple(first_values(model, ["model.layers.1.mlp.down_proj"], n)[0][0].tolist()) for n in (0, 1)}) == 2
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    after(0, 7, requests[:1])
    assert torch.equal(torch.rand(1), expected)


@peft_only
def test_a_model_of_less_precision_keeps_a_master() -> None:
    model = tiny_model("llama", dtype="bfloat16")
    run(model, built(), [tiny_requests()[:2], tiny_requests()[2:4]])
    master = model.master("model.layers.1.mlp.down_proj.weight")
    assert master.dtype == torch.float32
    assert not torch.equal(master, master.bfloat16().float())


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(BenchError, match=r"block 1 has no 'fc_out'; it has .*down_proj"):
        run(tiny_model("llama"), built(target_modules=("fc_out",)), [])
    with pytest.raises(BenchError, match="out of range"):
        run(tiny_model("llama"), built(layers=(9,)), [])


def test_without_peft_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lora, "find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"lora.*needs peft: pip install 'langedit-bench\[lora\]'"):
        run(tiny_model("llama"), built(), [tiny_requests()[:1]])

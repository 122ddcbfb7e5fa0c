"""LocFT-BF beside a plain reference: shuffled epochs, the end of a text, steps that forget their optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.api import EditRequest, State
from bench.compute import checkpoint
from bench.config.registry import methods
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_model
from methods import ft
from tests.tinyworld import tiny_requests

LAYER, LR, EPOCHS, SIZE = 2, 3e-3, 4, 3


class Seeded:
    """A context of one seed."""

    languages, model_name, data_dir = ("en", "de", "zh"), "tiny", None

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed * 1000 + sum(map(ord, part)))


def built(name: str, **options: Any) -> Any:
    return methods().build(name, {"layer": LAYER, "steps": EPOCHS, "lr": LR, "batch_size": SIZE, **options})


def run(model: EditableModel, method: Any, steps: Sequence[Sequence[EditRequest]], seed: int = 0) -> State:
    state: State = method.prepare(model, Stats(Path("unused"), None), Seeded(seed))
    for step in steps:
        state, _ = method.apply(model, step, state)
    return state


def plain(model: EditableModel, requests: Sequence[EditRequest], generator: torch.Generator) -> None:
    """Train on one step's facts with nothing but torch and the Hugging Face model."""
    end = model.tokenizer.eos_token_id
    rows = [
        (prompt, [*target, end])
        for prompt, target in zip(
            model.tokens.prompts([r.text for r in requests]),
            model.tokens.targets([r.target for r in requests]),
            strict=True,
        )
    ]
    parameters = [model.parameter(name).requires_grad_(True) for name in model.parameter_names(LAYER)]
    optimizer = torch.optim.Adam(parameters, lr=LR)
    for _ in range(EPOCHS):
        order = torch.randperm(len(rows), generator=generator).tolist()
        for start in range(0, len(rows), SIZE):
            batch = [rows[i] for i in order[start : start + SIZE]]
            losses = []
            for prompt, target in batch:
                logits = model.hf(torch.tensor([[*prompt, *target[:-1]]])).logits[0, len(prompt) - 1 :]
                losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(target)))
            optimizer.zero_grad()
            torch.stack(losses).mean().backward()
            optimizer.step()
    model.hf.requires_grad_(False)


def difference(model: EditableModel, other: EditableModel) -> float:
    """Of what was edited, relative to the edit."""
    moved = model.weight(LAYER) - model.original(LAYER)
    return float((model.weight(LAYER) - other.hf.get_parameter(model.parameter_names(LAYER)[0])).norm() / moved.norm())


def test_two_steps_are_those_of_a_plain_loop() -> None:
    model, reference = tiny_model("llama"), tiny_model("llama")
    steps = [tiny_requests()[:4], tiny_requests()[2:]]
    for number, step in enumerate(steps):
        plain(reference, step, Seeded().rng(f"epochs/{number}"))
    run(model, built("locft-bf"), steps)
    # Adam blows up what rounding does to gradients near zero
    assert difference(model, reference) < 1e-3
    assert difference(model, tiny_model("llama")) == pytest.approx(1.0)


def test_one_update_is_adams_to_rounding() -> None:
    model, reference = tiny_model("llama"), tiny_model("llama")
    requests = tiny_requests()[:2]
    report = built("locft-bf", steps=1, batch_size=100).apply(model, requests, prepared(model))[1]
    prompts = reference.tokens.prompts([r.text for r in requests])
    targets = reference.tokens.targets([r.target for r in requests], end_of_text=True)
    parameter = reference.parameter(reference.parameter_names(LAYER)[0]).requires_grad_(True)
    loss = reference.said(prompts, targets).nll().mean()
    (gradient,) = torch.autograd.grad(loss, [parameter])
    assert report.losses == {"nll": pytest.approx(loss.item(), rel=1e-5)}
    # the first step of Adam is LR times the sign, where a gradient is more than nothing
    clear = gradient.abs() > 1e-5
    moved = (model.weight(LAYER) - model.original(LAYER))[clear]
    torch.testing.assert_close(moved, -LR * gradient[clear].sign(), rtol=1e-2, atol=1e-5)


def prepared(model: EditableModel) -> State:
    state: State = built("locft-bf").prepare(model, Stats(Path("unused"), None), Seeded())
    return state


def orders(monkeypatch: pytest.MonkeyPatch, seed: int, steps: int, **options: Any) -> list[tuple[tuple[int, ...], ...]]:
    """The targets of each batch, one after another."""
    seen: list[tuple[tuple[int, ...], ...]] = []
    build = ft._Batch.build

    def spy(model: EditableModel, rows: Sequence[ft.Row], config: ft.Config) -> Any:
        seen.append(tuple(tuple(target) for _, target in rows))
        return build(model, rows, config)

    monkeypatch.setattr(ft._Batch, "build", spy)
    run(tiny_model("llama"), built("locft-bf", **options), [tiny_requests()] * steps, seed)
    monkeypatch.undo()
    return seen


def test_epochs_are_shuffled_by_seed_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    first = orders(monkeypatch, seed=0, steps=2)
    assert first == orders(monkeypatch, seed=0, steps=2)
    assert first != orders(monkeypatch, seed=1, steps=2)
    epochs = [first[i] + first[i + 1] for i in range(0, len(first), 2)]
    assert len(epochs) == 2 * EPOCHS and len(set(epochs)) == len(epochs), "every epoch and step has its own order"
    assert {tuple(sorted(epoch)) for epoch in epochs} == {tuple(sorted(epochs[0]))}, "each goes once over all facts"


def test_a_step_that_is_one_batch_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(orders(monkeypatch, seed=0, steps=2, batch_size=6)) == 2


def test_ft_keeps_the_order_of_its_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    build = ft._Batch.build

    def spy(model: EditableModel, rows: Sequence[ft.Row], config: ft.Config) -> Any:
        seen.extend(target for _, target in rows)
        return build(model, rows, config)

    monkeypatch.setattr(ft._Batch, "build", spy)
    model = tiny_model("llama")
    options = {"weight_decay": 0.0, "norm_constraint": None, "objective": "target"}
    methods().build("ft", {"layer": 1, "steps": 3, "lr": LR, "batch_size": 2, **options}).apply(
        model, tiny_requests(), State()
    )
    assert seen == model.tokens.targets([r.target for r in tiny_requests()])


# ------------------------------------------------------------------ all facts at once
def test_after_all_steps_the_model_is_that_of_one_step_with_all_facts() -> None:
    """Whatever the stream was: one batch, so that no order comes in."""
    requests = tiny_requests()
    joint, once = tiny_model("gptj"), tiny_model("gptj")
    state = run(joint, built("locft-bf-joint", batch_size=100), [requests[:2], requests[2:3], requests[3:]])
    run(once, built("locft-bf", batch_size=100), [requests])
    for name in once.edited():
        assert torch.equal(joint.hf.get_parameter(name), once.hf.get_parameter(name))
    assert len(joint.edited()) == 2, "weight and bias"
    assert len(state.memory["facts"]) == len(requests)


def test_it_remembers_its_facts_in_a_checkpoint(tmp_path: Path) -> None:
    requests, method = tiny_requests(), built("locft-bf-joint")
    whole, resumed = tiny_model("llama"), tiny_model("llama")
    expected = run(whole, method, [requests[:4], requests[4:]])
    part = tiny_model("llama")
    checkpoint.save(tmp_path, "cell", 1, part, run(part, method, [requests[:4]]))
    state = method.prepare(resumed, Stats(Path("unused"), None), Seeded())
    assert checkpoint.restore(tmp_path, "cell", resumed, state) == 1
    state, report = method.apply(resumed, requests[4:], state)
    assert torch.equal(whole.weight(LAYER), resumed.weight(LAYER))
    assert state.memory == expected.memory
    assert report.update_norms[LAYER] == pytest.approx(float((resumed.weight(LAYER) - part.weight(LAYER)).norm()))


def test_the_end_of_a_text_is_trained_unless_it_is_declined() -> None:
    targets: list[list[int]] = []

    def spy(model: EditableModel, rows: Sequence[ft.Row], *_: Any) -> list[float]:
        targets.extend(target for _, target in rows)
        return [0.0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ft, "train", spy)
        model = tiny_model("llama")
        for ended in ({}, {"end_of_text": False}):
            run(model, built("locft-bf", **ended), [tiny_requests()[:1]])
    end = model.tokenizer.eos_token_id
    assert targets == [[*targets[1], end], targets[1]]

"""FT through `build`: its two objectives, and the box around the first weights of a call."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.api import Method, State
from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.model.editable import EditableModel
from bench.model.tiny import tiny_model
from tests.tinyworld import tiny_requests


def build(**options: Any) -> Method:
    registry = methods()
    known = {key: value for key, value in OPTIONS.items() if key in registry.options("ft")}
    built: Method = registry.build("ft", {**known, **options})
    return built


def plain_loss(model: EditableModel, objective: str) -> torch.Tensor:
    """The mean over facts of the mean NLL of a target's tokens, a fact at a time through the whole model."""
    requests = tiny_requests()
    prompts = model.tokens.prompts([each.text for each in requests])
    targets = model.tokens.targets([each.target for each in requests])
    assert min(map(len, targets)) > 1, "with one token the objectives are the same"
    losses = []
    for prompt, target in zip(prompts, targets, strict=True):
        logprobs = model.hf(torch.tensor([prompt + target])).logits[0].float().log_softmax(-1)
        forced = objective == "target"
        read = [logprobs[len(prompt) - 1 + (k if forced else 0), token] for k, token in enumerate(target)]
        losses.append(-torch.stack(read).mean())
    return torch.stack(losses).mean()


@pytest.mark.parametrize("objective", ["target", "prompt_last"])
@pytest.mark.parametrize("architecture", ["llama", "gptj"])
def test_one_step_of_adam_on_the_plain_loss(architecture: str, objective: str) -> None:
    model, plain = tiny_model(architecture), tiny_model(architecture)
    method = build(objective=objective, steps=1, lr=1e-3)
    _, report = method.apply(model, tiny_requests(), State())
    names = plain.parameter_names(1)
    parameters = [plain.parameter(name).requires_grad_(True) for name in names]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    loss = plain_loss(plain, objective)
    loss.backward()
    optimizer.step()
    assert report.losses == {"nll": pytest.approx(loss.item(), rel=1e-5)}
    for name in names:
        # where a gradient is next to nothing, Adam's first step is the sign of rounding
        same = (model.parameter(name) - plain.parameter(name)).abs() < 1e-6
        assert same.float().mean() > 0.99
    change = float((model.weight(1) - model.original(1)).norm())
    assert report.update_norms == {1: pytest.approx(change)}


def test_every_call_has_a_box_of_its_own() -> None:
    model, method = tiny_model("llama"), build(norm_constraint=1e-3, lr=1e-2, steps=3)
    state, before = State(), model.original(1)
    for call in (1, 2, 3):
        state, _ = method.apply(model, tiny_requests(), state)
        moved = (model.weight(1) - before).abs().max().item()
        assert moved == pytest.approx(1e-3, rel=1e-3), call
        before = model.weight(1).clone()
    assert (model.weight(1) - model.original(1)).abs().max() > 1.5e-3
    assert not any(parameter.requires_grad for parameter in model.hf.parameters())


def test_three_calls_forget_their_optimiser() -> None:
    """A step of several is each on its own: the same as new methods on the weights that the last one left."""
    requests = tiny_requests()
    one, others = tiny_model("llama"), tiny_model("llama")
    method, state = build(), State()
    for i in range(0, 6, 2):
        state, _ = method.apply(one, requests[i : i + 2], state)
        build().apply(others, requests[i : i + 2], State())
    assert torch.equal(one.weight(1), others.weight(1))

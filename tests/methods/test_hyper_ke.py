"""KE equals its formulas: the forward pass, a training step, an edit; going on after a stop; embeddings."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor

from bench.ground.errors import BenchError
from methods._hyper.ke import ConditionEncoder, Ke
from tests.methods import hyper_reference as reference
from tests.methods.hyper_world import (
    EDITS,
    REPHRASES,
    TEXTS,
    UNRELATED,
    WIDTH,
    WORDS,
    C,
    Little,
    doubled,
    factors_of,
    plain_weights,
    scatter,
    trained,
    training_loss,
)

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
SCALE = 3.0


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def editor_of(model: Little, seed: int = 0) -> Ke:
    ke = Ke(model.shapes, model.embed.weight, seeded(seed), hidden=4, condition=6, max_scale=SCALE)
    scatter(ke, seed, 0.6)
    return ke


def plain_updates(model: Little, parameters: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Dense updates of every edit by the reference."""
    weights, names = plain_weights(model), list(model.edited)
    updates = []
    for (ids, label), text in zip(EDITS, TEXTS, strict=True):
        factors = reference.gradient_factors(weights, names, ids, label)
        updates.append({n: reference.ke_update(parameters, n, text, factors[n], SCALE) for n in names})
    return updates


def test_updates_are_those_of_the_formula() -> None:
    model = Little()
    ke = editor_of(model)
    ours = ke(TEXTS, factors_of(model))
    for e, update in enumerate(plain_updates(model, doubled(dict(ke.named_parameters())))):
        for name, dense in update.items():
            assert dense.abs().max() > 1e-2
            torch.testing.assert_close(ours[name].dense()[e], dense.float(), **CLOSE)


def test_the_gradient_of_a_training_step_is_that_of_the_formula() -> None:
    model = Little()
    ke = editor_of(model)
    loss = training_loss(model, ke(TEXTS, factors_of(model)))
    loss.backward()
    parameters, weights = doubled(dict(ke.named_parameters())), plain_weights(model)
    losses = [
        reference.outer_loss(weights, update, rephrase, unrelated, C)
        for update, rephrase, unrelated in zip(plain_updates(model, parameters), REPHRASES, UNRELATED, strict=True)
    ]
    plain = torch.stack(losses).mean()
    plain.backward()
    torch.testing.assert_close(loss, plain.detach().float(), **CLOSE)
    for name, parameter in ke.named_parameters():
        torch.testing.assert_close(parameter.grad, parameters[name].grad.float(), **CLOSE, msg=lambda m, n=name: n + m)


def test_edits_made_together_are_those_made_alone() -> None:
    model = Little()
    ke = editor_of(model)
    together = ke(TEXTS, factors_of(model))
    for e, edit in enumerate(EDITS):
        for name, alone in ke(TEXTS[e : e + 1], factors_of(model, [edit])).items():
            torch.testing.assert_close(together[name].dense()[e], alone.dense()[0], **CLOSE)


def test_a_condition_without_tokens_is_refused() -> None:
    encoder = ConditionEncoder(torch.rand(WORDS, WIDTH), 4, 6, seeded())
    with pytest.raises(BenchError, match="record 1: an edit's condition has no tokens"):
        encoder([[1, 2], []])


def test_draws_are_the_generators_alone() -> None:
    model, state = Little(), torch.random.get_rng_state()
    one, again, other = (Ke(model.shapes, model.embed.weight, seeded(s), hidden=4, condition=6) for s in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    for (name, a), b, c in zip(one.named_parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name
        assert torch.equal(a, c) == name.endswith("embeddings"), name
    assert one.encoder.linear.weight.abs().max() <= 8**-0.5 < 1.1 * one.encoder.linear.weight.abs().max()
    assert one.encoder.lstm.weight_ih_l0.abs().max() <= 4**-0.5 < 1.1 * one.encoder.lstm.weight_ih_l0.abs().max()


def test_embeddings_are_a_copy_unless_shared() -> None:
    base = torch.rand(WORDS, WIDTH)
    before = base.clone()
    for shared in (False, True):
        encoder = ConditionEncoder(base, 4, 6, seeded(), shared=shared)
        assert torch.equal(encoder.embeddings, base)
        torch.optim.SGD(encoder.parameters(), lr=1.0).zero_grad()
        encoder([[1, 2]]).sum().backward()
        assert encoder.embeddings.grad[[1, 2]].all() and not encoder.embeddings.grad[3:].any()
        torch.optim.SGD(encoder.parameters(), lr=1.0).step()
        assert torch.equal(base, before) != shared
    assert not base.requires_grad


def test_embeddings_of_lower_precision_are_copied_and_not_shared() -> None:
    base = torch.rand(WORDS, WIDTH).half()
    assert ConditionEncoder(base, 4, 6, seeded()).embeddings.dtype == torch.float32
    with pytest.raises(BenchError, match=r"embeddings of torch\.float16 cannot be shared"):
        ConditionEncoder(base, 4, 6, seeded(), shared=True)


def test_training_goes_on_exactly_after_a_stop() -> None:
    model = Little()

    def begun(seed: int) -> tuple[Ke, torch.optim.Optimizer]:
        ke = Ke(model.shapes, model.embed.weight, seeded(seed), hidden=4, condition=6, max_scale=SCALE)
        return ke, torch.optim.Adam(ke.parameters(), lr=1e-2)

    def steps(ke: Ke, optimizer: torch.optim.Optimizer, n: int) -> list[float]:
        return trained(ke, lambda: training_loss(model, ke(TEXTS, factors_of(model))), n, optimizer)

    whole = begun(1)
    losses = steps(*whole, 4)
    stopped = begun(1)
    steps(*stopped, 2)
    file = io.BytesIO()
    torch.save([each.state_dict() for each in stopped], file)
    file.seek(0)
    resumed = begun(2)
    for each, state in zip(resumed, torch.load(file, weights_only=True), strict=True):
        each.load_state_dict(state)
    assert steps(*resumed, 2) == losses[2:]
    assert losses[3] < losses[0]
    for name, value in whole[0].state_dict().items():
        assert torch.equal(value, resumed[0].state_dict()[name]), name

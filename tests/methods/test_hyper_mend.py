"""MEND equals its formulas: the forward pass, a training step, an edit; its statistics; going on after a stop."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor

from bench.ground.errors import BenchError
from methods._hyper.mend import RANK, Mend, Normaliser, Residual
from tests.methods import hyper_reference as reference
from tests.methods.hyper_world import (
    EDITS,
    INNER,
    REPHRASES,
    UNRELATED,
    WIDTH,
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
DIM = WIDTH + INNER


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def editor_of(model: Little, seed: int = 0, **options: float) -> Mend:
    """With random parameters everywhere, and statistics of the edits."""
    mend = Mend(model.shapes, seeded(seed), **options)
    scatter(mend, seed, 0.2)
    mend.observe(factors_of(model))
    return mend


def rows(*shape: int) -> Tensor:
    return 3 * torch.randn(*shape, generator=seeded(5)) + 7


# ----------------------------------------------------------------- statistics
def test_statistics_in_chunks_are_those_of_all_rows() -> None:
    seen = rows(40, 6)
    normaliser = Normaliser(6)
    for chunk in seen.split([1, 1, 0, 7, 30, 1]):
        normaliser.observe(chunk)
    mean, std = reference.mean_and_std(list(seen.double()))
    torch.testing.assert_close(normaliser(seen), ((seen - mean) / (std + 1e-7)).float(), **CLOSE)
    assert normaliser.count == 40


def test_statistics_far_from_zero_do_not_drown() -> None:
    seen = rows(64, 3) + 1000
    normaliser = Normaliser(3)
    for chunk in seen.split(4):
        normaliser.observe(chunk)
    mean, std = reference.mean_and_std(list(seen.double()))
    torch.testing.assert_close(normaliser(seen), ((seen - mean) / std).float(), rtol=1e-3, atol=1e-3)


def test_a_constant_column_is_divided_by_what_stands_in_for_its_deviation() -> None:
    normaliser = Normaliser(1)
    normaliser.observe(torch.ones(3, 1))
    torch.testing.assert_close(normaliser(torch.tensor([[1.0], [1.5]])), torch.tensor([[0.0], [0.5e7]]))


@pytest.mark.parametrize("shown", [0, 1])
def test_fewer_than_two_rows_are_refused(shown: int) -> None:
    normaliser = Normaliser(6)
    normaliser.observe(rows(shown, 6))
    with pytest.raises(BenchError, match=f"at least 2 rows to go by and was shown {shown}"):
        normaliser(rows(4, 6))


def test_only_observing_changes_statistics() -> None:
    model = Little()
    mend = editor_of(model).train()
    before = {name: value.clone() for name, value in mend.state_dict().items()}
    mend(factors_of(model))
    assert all(torch.equal(before[name], value) for name, value in mend.state_dict().items())
    mend.observe(factors_of(model))
    # two weights of each shape, of which every example keeps all tokens
    key, tokens = f"transforms.{INNER}x{WIDTH}.x.count", sum(len(ids) for ids, _ in EDITS)
    assert before[key] == 2 * tokens and mend.state_dict()[key] == 4 * tokens


# ------------------------------------------------------------------ the start
@pytest.mark.parametrize("divided", [False, True])
def test_at_the_start_the_normalised_factors_stay_as_they_are(divided: bool) -> None:
    model = Little()
    mend = Mend(model.shapes, seeded(), rate=0.25, divided=divided)
    factors = factors_of(model)
    mend.observe(factors)
    for name, update in mend(factors).items():
        each, transform = factors[name], mend.transforms["x".join(map(str, model.shapes[name]))]
        kept = each.kept
        torch.testing.assert_close(update.v[kept], transform.x(each.x[kept]), rtol=0, atol=0)
        torch.testing.assert_close(update.u[kept], 0.25 * transform.delta(each.delta[kept]), rtol=0, atol=0)
        assert not update.u[~kept].any() and not update.v[~kept].any()


def test_the_first_step_moves_what_begins_at_zero() -> None:
    model = Little()
    mend = Mend(model.shapes, seeded(), rate=0.1)
    factors = factors_of(model)
    mend.observe(factors)
    training_loss(model, mend(factors)).backward()
    for transform in mend.transforms.values():
        assert all(
            layer.u.grad.any() and layer.bias.grad.any() and layer.shift.grad.any() for layer in transform.layers
        )
    assert mend.rates.grad.all()


def test_v_is_drawn_from_the_generator_alone_and_divided_where_asked() -> None:
    shapes, state = Little().shapes, torch.random.get_rng_state()
    released, again = (Residual(DIM, RANK, 1, divided=False, generator=seeded(3)) for _ in range(2))
    divided = Residual(DIM, RANK, 1, divided=True, generator=seeded(3))
    Mend(shapes, seeded())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(released.v, again.v) and torch.equal(divided.v, released.v / DIM**0.5)
    assert 0.8 < released.v.std() < 1.2 and released.v.shape == (DIM, DIM)
    assert Residual(DIM, 4, 1, divided=False, generator=seeded()).u.shape == (DIM, 4)


def test_a_network_is_of_a_shape_and_scales_are_of_a_weight() -> None:
    mend = Mend(Little().shapes, seeded(), rate=1e-4)
    assert sorted(mend.transforms) == [f"{WIDTH}x{INNER}", f"{INNER}x{WIDTH}"]
    assert all(layer.scale.shape == (2, DIM) for t in mend.transforms.values() for layer in t.layers)
    assert torch.equal(mend.rates, torch.full((4,), 1e-4))


# ---------------------------------------------------------------- the formula
def plain_updates(model: Little, parameters: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Dense updates of every edit by the reference, after statistics of all edits."""
    weights, names = plain_weights(model), list(model.edited)
    factors = [reference.gradient_factors(weights, names, ids, label) for ids, label in EDITS]
    updates: list[dict[str, Tensor]] = [{} for _ in EDITS]
    for place, name in enumerate(names):
        out, into = model.shapes[name]
        like = [other for other in names if model.shapes[other] == (out, into)]
        statistics = tuple(
            reference.mean_and_std([row for other in like for each in factors for row in each[other][side]])
            for side in (0, 1)
        )
        for e, each in enumerate(factors):
            index, rate = like.index(name), parameters["rates"][place]
            updates[e][name] = reference.mend_update(parameters, f"{out}x{into}", index, rate, each[name], statistics)
    return updates


@pytest.mark.parametrize("rank", [RANK, 3])
def test_updates_are_those_of_the_formula(rank: int) -> None:
    model = Little()
    mend = editor_of(model, rank=rank)
    ours = mend(factors_of(model))
    for e, update in enumerate(plain_updates(model, doubled(dict(mend.named_parameters())))):
        for name, dense in update.items():
            torch.testing.assert_close(ours[name].dense()[e], dense.float(), **CLOSE)


def test_the_gradient_of_a_training_step_is_that_of_the_formula() -> None:
    model = Little()
    mend = editor_of(model)
    loss = training_loss(model, mend(factors_of(model)))
    loss.backward()
    parameters = doubled(dict(mend.named_parameters()))
    weights = plain_weights(model)
    losses = [
        reference.outer_loss(weights, update, rephrase, unrelated, C)
        for update, rephrase, unrelated in zip(plain_updates(model, parameters), REPHRASES, UNRELATED, strict=True)
    ]
    plain = torch.stack(losses).mean()
    plain.backward()
    torch.testing.assert_close(loss, plain.detach().float(), **CLOSE)
    for name, parameter in mend.named_parameters():
        torch.testing.assert_close(parameter.grad, parameters[name].grad.float(), **CLOSE, msg=lambda m, n=name: n + m)


def test_edits_made_together_are_those_made_alone() -> None:
    model = Little()
    mend = editor_of(model)
    together = mend(factors_of(model))
    for e, edit in enumerate(EDITS):
        for name, alone in mend(factors_of(model, [edit])).items():
            torch.testing.assert_close(together[name].dense()[e], alone.dense()[0], **CLOSE)


# ----------------------------------------------------------------- going on
def test_training_goes_on_exactly_after_a_stop() -> None:
    model = Little()

    def begun(seed: int) -> tuple[Mend, torch.optim.Optimizer]:
        mend = Mend(model.shapes, seeded(seed), rate=0.1, divided=True)
        return mend, torch.optim.Adam(mend.parameters(), lr=1e-2)

    def steps(mend: Mend, optimizer: torch.optim.Optimizer, n: int) -> list[float]:
        def step() -> Tensor:
            factors = factors_of(model)
            mend.observe(factors)
            return training_loss(model, mend(factors))

        return trained(mend, step, n, optimizer)

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

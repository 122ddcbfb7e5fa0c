"""Factors of gradients: of each example alone, without padding, of frozen models."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.ground.errors import BenchError
from methods._hyper.factors import Factors, shape_of, tapped_factors
from tests.methods import hyper_reference as reference
from tests.methods.hyper_world import EDITS, INNER, WIDTH, Little, factors_of, padded, plain_weights

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def test_an_examples_factors_are_those_of_it_alone() -> None:
    model = Little()
    names = list(model.edited)
    ours = factors_of(model)
    for e, (ids, label) in enumerate(EDITS):
        for name, (x, delta) in reference.gradient_factors(plain_weights(model), names, ids, label).items():
            torch.testing.assert_close(ours[name].x[e, : len(ids)], x.float(), **CLOSE)
            torch.testing.assert_close(ours[name].delta[e, : len(ids)], delta.float(), **CLOSE)
            assert not ours[name].x[e, len(ids) :].any() and not ours[name].delta[e, len(ids) :].any()


def test_they_make_up_the_gradient_of_the_weight() -> None:
    model = Little().requires_grad_(True)
    ours = factors_of(model)
    ids, label = EDITS[1]
    torch.nn.functional.cross_entropy(model(*padded([ids])), torch.tensor([label])).backward()
    for name, module in model.edited.items():
        stored = module.weight.grad.T if type(module).__name__ == "Conv1D" else module.weight.grad
        torch.testing.assert_close(ours[name].gradient()[1], stored, **CLOSE)


def test_padding_is_dropped() -> None:
    model = Little()
    for name, each in factors_of(model, extra=6).items():
        assert each.x.shape[1] == max(len(ids) for ids, _ in EDITS)
        torch.testing.assert_close(each.gradient(), factors_of(model)[name].gradient(), **CLOSE)


def test_rows_that_are_zero_in_either_factor_are_dropped_wherever_they_stand() -> None:
    x, delta = torch.rand(2, 4, 3) + 0.1, torch.rand(2, 4, 2) + 0.1
    x[0, 1], delta[0, 3], delta[1, :3] = 0, 0, 0
    compact = Factors(x, delta).compact()
    assert compact.kept.tolist() == [[True, True], [True, False]]
    assert torch.equal(compact.x[0], x[0, [0, 2]]) and torch.equal(compact.delta[0], delta[0, [0, 2]])
    assert torch.equal(compact.x[1, 0], x[1, 3]) and not compact.x[1, 1].any()
    torch.testing.assert_close(compact.gradient(), Factors(x, delta).gradient())


def test_an_example_without_a_gradient_has_no_rows() -> None:
    compact = Factors(torch.rand(2, 3, 4), torch.zeros(2, 3, 5)).compact()
    assert compact.x.shape == (2, 0, 4) and not compact.gradient().any()
    assert compact.gradient().shape == (2, 5, 4)


def test_nothing_is_left_behind() -> None:
    model = Little().requires_grad_(True)
    factors = factors_of(model)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.edited.values())
    assert not any(each.x.requires_grad or each.delta.requires_grad for each in factors.values())


def test_gradients_are_recorded_though_the_caller_records_none() -> None:
    model = Little()
    with torch.no_grad():
        within = factors_of(model)
    assert all(torch.equal(within[name].delta, each.delta) for name, each in factors_of(model).items())


def test_what_cannot_be_told_apart_is_refused() -> None:
    shared = nn.Linear(WIDTH, WIDTH)
    with tapped_factors({"one": shared}), pytest.raises(BenchError, match="one runs more than once"):
        shared(shared(torch.rand(1, 2, WIDTH)))
    with tapped_factors({"flat": shared}), pytest.raises(BenchError, match="flat gives 2 dimensions"):
        shared(torch.rand(2, WIDTH))


def test_shapes_are_out_by_in() -> None:
    shapes = Little().shapes
    assert shapes["blocks.0.up"] == shapes["blocks.1.up"] == (INNER, WIDTH)
    assert shapes["blocks.0.down"] == shapes["blocks.1.down"] == (WIDTH, INNER)
    with pytest.raises(BenchError, match="not LayerNorm"):
        shape_of(nn.LayerNorm(3))
    with pytest.raises(BenchError, match="not LayerNorm"), tapped_factors({"norm": nn.LayerNorm(3)}):
        pass

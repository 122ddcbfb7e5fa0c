"""Low-rank updates equal the dense ones, as matrices and in a model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from transformers.pytorch_utils import Conv1D

from methods._hyper.lowrank import LowRank, joined, updated
from tests.methods.hyper_world import Little, padded

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def updates_for(model: Little, edits: int = 3, rank: int = 4, seed: int = 0) -> dict[str, LowRank]:
    return {
        name: LowRank(draw(seed + 2 * i, edits, rank, out) / 4, draw(seed + 2 * i + 1, edits, rank, into))
        for i, (name, (out, into)) in enumerate(model.shapes.items())
    }


def dense_logits(model: Little, updates: list[dict[str, LowRank]], batch: tuple[Tensor, Tensor], edit: int) -> Tensor:
    """Of the model whose weights hold the sum of updates."""
    changed = {}
    for name, module in model.edited.items():
        pairs = [zip(each[name][edit].u, each[name][edit].v, strict=True) for each in updates]
        dense = sum(torch.outer(u, v) for each in pairs for u, v in each)
        changed[f"{name}.weight"] = module.weight + (dense.T if isinstance(module, Conv1D) else dense)
    return functional_call(model, changed, batch)


def test_an_update_is_a_sum_of_outer_products() -> None:
    one = LowRank(draw(0, 3, 4), draw(1, 3, 5))
    plain = sum(torch.outer(u, v) for u, v in zip(one.u, one.v, strict=True))
    torch.testing.assert_close(one.dense(), plain)
    torch.testing.assert_close(one.norm(), plain.norm())
    torch.testing.assert_close(one.scaled(-0.5).dense(), -0.5 * plain)


def test_edits_of_a_batch_are_apart() -> None:
    several = LowRank(draw(0, 2, 3, 4), draw(1, 2, 3, 5))
    dense = several.dense()
    for e in (0, 1):
        torch.testing.assert_close(several[e].dense(), dense[e])
        torch.testing.assert_close(several.norm()[e], dense[e].norm())
        torch.testing.assert_close(several.scaled(torch.tensor([2.0, -3.0])).dense()[e], (2.0, -3.0)[e] * dense[e])
    torch.testing.assert_close(several.summed().dense(), dense.sum(0))


def test_edits_in_a_row_are_summed_and_the_last_may_be_fewer() -> None:
    several = LowRank(draw(0, 5, 3, 4), draw(1, 5, 3, 5))
    dense = several.dense()
    found = several.summed_by(2)
    assert found.u.shape == (3, 6, 4)
    torch.testing.assert_close(found.dense(), torch.stack([dense[:2].sum(0), dense[2:4].sum(0), dense[4]]))
    assert torch.equal(several.summed_by(1).u, several.u) and torch.equal(several.summed_by(1).v, several.v)


def test_joining_adds() -> None:
    one, other = (LowRank(draw(s, 2, r, 4), draw(s + 1, 2, r, 5)) for s, r in ((0, 3), (5, 1)))
    both = joined([one, other])
    assert both.u.shape == (2, 4, 4)
    torch.testing.assert_close(both.dense(), one.dense() + other.dense())
    # of what nearly cancels, squares in fp32 would keep nothing
    undone = joined([one, one.scaled(-0.9999)])
    torch.testing.assert_close(undone.norm(), 1e-4 * one.norm(), rtol=1e-2, atol=0)


def test_an_update_of_no_rank_is_nothing() -> None:
    none = LowRank(torch.zeros(2, 0, 4), torch.zeros(2, 0, 5))
    assert none.dense().shape == (2, 4, 5) and not none.dense().any() and not none.norm().any()


def test_every_row_runs_through_the_model_of_its_edit() -> None:
    model, edits = Little(), [2, 0, 0, 1]
    updates = updates_for(model)
    rows = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10]]
    with updated(model.edited, updates, torch.tensor(edits)):
        ours = model(*padded(rows))
    for row, edit, logits in zip(rows, edits, ours, strict=True):
        torch.testing.assert_close(logits, dense_logits(model, [updates], padded([row]), edit)[0], **CLOSE)
    unedited = model(*padded(rows))
    assert not torch.allclose(unedited, ours, atol=1e-2)
    assert not any(module._forward_hooks for module in model.edited.values())


def test_gradients_are_those_through_the_dense_weights() -> None:
    model = Little()
    updates = updates_for(model)
    leaves = [factor.requires_grad_() for each in updates.values() for factor in (each.u, each.v)]
    rows, edits = [[1, 2, 3], [4, 5], [6]], [1, 0, 1]
    with updated(model.edited, updates, torch.tensor(edits)):
        ours = torch.autograd.grad(model(*padded(rows)).square().sum(), leaves)
    plain = sum(dense_logits(model, [updates], padded([r]), e).square().sum() for r, e in zip(rows, edits, strict=True))
    for mine, dense in zip(ours, torch.autograd.grad(plain, leaves), strict=True):
        torch.testing.assert_close(mine, dense, **CLOSE)
        assert dense[:2].any() and not dense[2].any()


def test_contexts_within_each_other_add_up() -> None:
    model, batch = Little(), padded([[1, 2, 3], [4, 5]])
    first, second = updates_for(model), updates_for(model, rank=2, seed=50)
    with updated(model.edited, first, torch.tensor([0, 2])), updated(model.edited, second, torch.tensor([0, 2])):
        ours = model(*batch)
    torch.testing.assert_close(ours[1], dense_logits(model, [first, second], padded([[4, 5]]), 2)[0], **CLOSE)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_model_of_lower_precision_stays_so(dtype: torch.dtype) -> None:
    model = Little().to(dtype)
    with updated(model.edited, updates_for(Little()), torch.tensor([0])):
        assert model(torch.tensor([[1, 2]]), torch.ones(1, 2, dtype=dtype)).dtype == dtype

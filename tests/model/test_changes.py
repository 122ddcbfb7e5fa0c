"""What edits changed: next to nothing else than a plain softmax over both models' logits."""

from __future__ import annotations

import pytest
import torch

from bench.model.answers import Change
from bench.model.changes import SLICE, compared
from bench.model.editable import EditableModel
from bench.model.said import Said
from bench.model.tiny import tiny_classifier, tiny_model

PROMPTS = ["The river of A is", "x", "A的首都是", "A much longer question about the place is"]
TARGETS = [" Po", " yz", "波市", " Rhine and Po"]


def edited(seed: int = 1) -> EditableModel:
    model = tiny_model("llama", seed=3)
    model.add(1, 0.5 * torch.randn(model.weight(1).shape, generator=torch.Generator().manual_seed(seed)))
    return model


def plain(model: EditableModel, prompt: str, target: str) -> tuple[float, float]:
    """KL and top-1 overlap, position by position, in double precision."""
    (row,), (ids,) = model.tokens.prompts([prompt]), model.tokens.targets([target])

    def logits() -> torch.Tensor:
        out = model.hf(input_ids=torch.tensor([[*row, *ids[:-1]]])).logits[0, len(row) - 1 :]
        return out.double()

    now = logits()
    with model.unedited():
        then = logits()
    p, q = then.softmax(-1), now.softmax(-1)
    kl = (p * (p.log() - q.log())).sum(-1).mean()
    return float(kl), float((then.argmax(-1) == now.argmax(-1)).double().mean())


def test_an_unedited_model_changes_nothing() -> None:
    for change in tiny_model("llama", seed=3).changes(PROMPTS, TARGETS):
        assert change is not None
        assert (change.kl, change.top1, change.top5) == (0, 1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_changes_are_those_of_a_plain_computation_whatever_the_batch(seed: int) -> None:
    model = edited(seed)
    found = model.changes(PROMPTS, TARGETS)
    for prompt, target, change in zip(PROMPTS, TARGETS, found, strict=True):
        kl, top1 = plain(model, prompt, target)
        assert change is not None
        assert change.kl is not None
        assert change.kl >= 0
        assert change.kl == pytest.approx(kl, abs=1e-5)
        assert change.top1 == pytest.approx(top1)
        assert change.count == len(model.tokens.targets([target])[0])
    assert any(change.kl for change in found if change)
    model.budget.size = 1
    for one, other in zip(model.changes(PROMPTS, TARGETS), found, strict=True):
        assert one is not None
        assert other is not None
        assert one.kl == pytest.approx(other.kl, abs=1e-5)
        assert (one.top1, one.top5) == (pytest.approx(other.top1), pytest.approx(other.top5))


def said(logits: torch.Tensor) -> Said:
    return Said.of(logits, [[0]] * len(logits))


def test_overlap_counts_tokens_and_more_positions_than_a_slice_are_compared() -> None:
    count = SLICE + 3
    then = torch.arange(12.0).repeat(count, 1)
    now = then.clone()
    now[:, 11], now[:, 0] = -1, 20  # the likeliest leaves the five, another one comes
    found = compared(said(then), said(now))
    assert len(found) == count
    assert {each.top1 for each in found} == {0.0}
    assert [each.top5 for each in found] == pytest.approx([0.8] * count)


def test_a_diverged_model_has_no_kl_and_no_overlap() -> None:
    then = torch.arange(12.0)[None]
    (found,) = compared(said(then), said(torch.full_like(then, float("nan"))))
    assert found == Change(1, None, 0.0, 0.0)


def test_what_is_too_long_is_left_out() -> None:
    model = edited()
    long = "a" * (model.context_length + 1)
    found = model.changes([PROMPTS[0], long], TARGETS[:2])
    assert found[0] is not None
    assert found[1] is None


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_classifiers_have_two_labels_and_no_top_five(architecture: str) -> None:
    model = tiny_classifier(architecture)
    label = model.hf.config.id2label[0]
    (same,) = model.changes(["some claim"], [label])
    assert same == Change(1, 0.0, 1.0, None)
    name = next(iter(model.inner(0)))
    model.assign(name, model.master(name) + 1)
    (moved,) = model.changes(["some claim"], [label])
    assert moved is not None
    assert moved.kl is not None
    assert moved.kl >= 0

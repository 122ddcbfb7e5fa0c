"""Many edits of one model asked at once are those models, one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.api import EditRequest
from bench.model.tiny import tiny_classifier, tiny_model
from methods._hyper.apart import EditedApart
from methods._hyper.factors import shape_of
from methods._hyper.lowrank import LowRank, updated
from methods.ft_inner import Config, FineTuneInner

TEXTS = ["One river.", "A much longer text about two rivers and the sea.", "巴黎"]
EDITS = 3


def view(kind: str) -> Any:
    return tiny_model("llama") if kind == "llama" else tiny_classifier(kind)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "bloom", "llama"])
def test_each_edit_answers_as_the_model_with_its_weights(kind: str) -> None:
    model = view(kind)
    target = " sea" if kind == "llama" else "true"
    modules = {name: module for layer in (1, 3) for name, module in model.inner(layer).items()}
    generator = torch.Generator().manual_seed(0)
    updates = {}
    for name, module in modules.items():
        out, into = shape_of(module)
        u, v = (torch.randn(EDITS, 2, width, generator=generator) * 0.3 for width in (out, into))
        updates[name] = LowRank(u, v)
    asked = [(edit, text) for text in TEXTS for edit in range(EDITS)]
    at_once = EditedApart(model, lambda index: updated(modules, updates, index)).answers(
        [edit for edit, _ in asked], [text for _, text in asked], [target] * len(asked)
    )
    before = model.answers(TEXTS, [target] * len(TEXTS))
    for edit in range(EDITS):
        for name, update in updates.items():
            model.assign(name, model.master(name) + update[edit].dense())
        one_by_one = model.answers(TEXTS, [target] * len(TEXTS))
        model.reset()
        mine = [answer for (of, _), answer in zip(asked, at_once, strict=True) if of == edit]
        for a, b, unedited in zip(mine, one_by_one, before, strict=True):
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)
            assert a.predicted_ids == b.predicted_ids
            assert a.logprobs != pytest.approx(unedited.logprobs, abs=1e-3)
    assert model.answers(TEXTS, [target] * len(TEXTS)) == before


@pytest.mark.parametrize("kind", ["bert", "bloom", "llama"])
def test_fine_tuned_side_by_side_is_fine_tuned_one_by_one(kind: str) -> None:
    """And the weights that a sequence of one writes are those of the edit alone."""
    model = view(kind)
    targets = [" sea", " x", " y"] if kind == "llama" else ["true", "false", "true"]
    requests = [
        EditRequest(f"f{i}", "en", "{}", text, target)
        for i, (text, target) in enumerate(zip(TEXTS, targets, strict=True))
    ]
    method = FineTuneInner(Config(layers=(1, 2), lr=3e-3, steps=6))
    state = method.prepare(model, None, None)  # type: ignore[arg-type]
    at_once = method.apart(model, requests, state).answers([0, 1, 2], TEXTS, targets)
    for i, request in enumerate(requests):
        (alone,) = method.apart(model, [request], state).answers([0], [request.text], [request.target])
        assert alone.logprobs == pytest.approx(at_once[i].logprobs, abs=1e-3)
        method.apply(model, [request], state)
        (written,) = model.answers([request.text], [request.target])
        model.reset()
        assert written.logprobs == pytest.approx(alone.logprobs, abs=1e-4)
        (before,) = model.answers([request.text], [request.target])
        assert sum(alone.logprobs) > sum(before.logprobs) or before.predicted_ids == before.target_ids

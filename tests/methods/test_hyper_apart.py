"""Many edits of one model asked at once are those models, one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.model.tiny import tiny_classifier, tiny_model
from methods._hyper.apart import EditedApart
from methods._hyper.factors import shape_of
from methods._hyper.lowrank import LowRank

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
    at_once = EditedApart(model, modules, updates).answers(
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

"""MEMOIR: every edit trains and reads its own columns of a residual memory; other prompts do not meet it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.api import EditRequest, Fact, State
from bench.compute.tiny_facts import parallel_requests, practice
from bench.config.registry import methods
from bench.export.session import refuse_none
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.remembering import Remembering
from bench.model.stats import Stats
from bench.model.tiny import tiny_model
from methods.memoir import CLIP, DECAY, Memoir

REQUESTS = parallel_requests()
UNRELATED = ["x", "7 times 6 makes", "Wer weiß das?"]


class _Context:
    languages, model_name, data_dir, answers_kept = ("en", "de", "zh"), "tiny", None, "none"

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def practice(self, languages: Sequence[str] = ()) -> list[Fact]:
        return practice()


def edited(
    model: EditableModel, stream: Sequence[Sequence[EditRequest]], **options: Any
) -> tuple[Remembering, State, Memoir]:
    given = {"layer": 1, "steps": 6, "lr": 1.0, "top_k": 20, "overlap": 0.9, "prefix_lengths": (), **options}
    method = methods().build("memoir", given)
    assert isinstance(method, Memoir)
    state = method.prepare(model, Stats(Path("unread"), None), _Context())
    for step in stream:
        state, _ = method.apply(model, step, state)
    with method.deployed(model, state) as view:
        assert isinstance(view, Remembering)
        return view, state, method


def asked(requests: Sequence[EditRequest]) -> tuple[list[str], list[str]]:
    return [request.text for request in requests], [request.target for request in requests]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gptj"])
def test_an_edit_is_read_as_if_its_columns_were_weights(architecture: str) -> None:
    model, plain = tiny_model(architecture), tiny_model(architecture)
    view, state, _ = edited(model, [REQUESTS[:3], REQUESTS[3:]], prefix_lengths=((5, 1),))
    rows = model.rows(asked(REQUESTS)[0])
    parts = [reading.part for reading in view.read(rows, [0] * len(rows))]
    assert parts == list(range(1, len(REQUESTS) + 1))
    before = plain.answers(*asked(REQUESTS))
    for request, part, answer, old in zip(REQUESTS, parts, view.answers(*asked(REQUESTS)), before, strict=True):
        plain.add(1, state.memory["weight"] * state.memory["masks"][part - 1])
        (by_hand,) = plain.answers([request.text], [request.target])
        assert answer.logprobs == pytest.approx(by_hand.logprobs, abs=1e-4)
        assert sum(answer.logprobs) > sum(old.logprobs)
        plain.reset()


def test_an_unrelated_prompt_is_answered_bit_by_bit_as_by_the_unedited_model() -> None:
    model, targets = tiny_model("llama"), [" y"] * len(UNRELATED)
    view, _, _ = edited(model, [REQUESTS])
    prompts, wanted = asked(REQUESTS)
    among = view.answers([*prompts, *UNRELATED], [*wanted, *targets])[len(prompts) :]
    assert among == tiny_model("llama").answers(UNRELATED, targets)
    assert [change and change.kl for change in view.changes(UNRELATED, targets)] == [0] * len(UNRELATED)
    assert not model.edited()


def test_an_edit_leaves_other_columns_but_for_the_decay() -> None:
    _, first, method = edited(tiny_model("llama"), [REQUESTS[:1]])
    model = tiny_model("llama")
    _, both, _ = edited(model, [REQUESTS[:2]])
    mask = both.memory["masks"][1]
    decayed = first.memory["weight"] * (1 - DECAY) ** method.config.steps
    assert torch.allclose(both.memory["weight"][:, ~mask], decayed[:, ~mask], rtol=1e-6, atol=0)
    assert both.memory["masks"].sum(dim=1).tolist() == [20, 20]
    assert not torch.allclose(both.memory["weight"][:, mask], decayed[:, mask])


def test_an_update_is_a_step_down_the_gradient_of_the_whole_model() -> None:
    model, (request,) = tiny_model("llama"), REQUESTS[:1]
    _, state, _ = edited(model, [[request]], steps=1, lr=0.5)
    (mask,) = state.memory["masks"]
    weight = model.projection(1).weight.requires_grad_()
    (row,), (target,) = model.tokens.prompts([request.text]), model.tokens.targets([request.target])
    logits = model.hf(torch.tensor([[*row, *target[:-1]]])).logits[0, len(row) - 1 :]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(target))
    (gradient,) = torch.autograd.grad(loss, weight)
    weight.requires_grad_(False)
    step = gradient * mask
    step *= min(1.0, CLIP / float(step.norm()))
    assert torch.allclose(state.memory["weight"], -0.5 * step, atol=1e-5)


def test_masks_are_the_largest_of_what_differs_from_the_background() -> None:
    model = tiny_model("llama")
    _, state, _ = edited(model, [])
    hashed, text = state.constants["hashed"], REQUESTS[0].text
    (row,) = model.rows([text])
    seen: list[torch.Tensor] = []
    handle = model.projection(1).register_forward_hook(lambda _m, args, _o: seen.append(args[0][0].mean(0)))
    with torch.no_grad():
        model.hf(torch.tensor([row]))
    handle.remove()
    largest = (seen[0] - hashed.background).abs().argsort(descending=True)[:20]
    (mask,) = hashed([row])
    assert set(mask.nonzero()[:, 0].tolist()) == set(hashed.order[largest].tolist())
    assert sorted(hashed.order.tolist()) == list(range(len(mask)))


def test_prompts_find_in_a_batch_what_they_find_alone() -> None:
    model = tiny_model("llama")
    view, _, _ = edited(model, [REQUESTS], overlap=0.5)
    rows = model.rows([*asked(REQUESTS)[0], *UNRELATED, *(f"{request.text}?" for request in REQUESTS)])
    together = view.read(rows, [0] * len(rows))
    assert together == [view.read([row], [0])[0] for row in rows]


def test_a_prompt_that_is_edited_again_has_one_mask() -> None:
    _, state, _ = edited(tiny_model("llama"), [REQUESTS[:2], REQUESTS[1:2]])
    assert len(state.memory["masks"]) == 2


def test_an_edit_that_is_learnt_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    def weight(steps: int) -> torch.Tensor:
        found: torch.Tensor = edited(tiny_model("llama"), [REQUESTS[:1]], steps=steps)[1].memory["weight"]
        return found

    assert not torch.equal(weight(80), weight(81))
    # random weights learn no further
    monkeypatch.setattr("methods.memoir.SAID", 2.0)
    monkeypatch.setattr("methods.memoir.STILL", 0.1)
    assert torch.equal(weight(80), weight(81))


def test_it_cannot_be_taken_home() -> None:
    with pytest.raises(BenchError, match="method 'memoir' answers from a memory beside the model"):
        refuse_none("memoir", methods())

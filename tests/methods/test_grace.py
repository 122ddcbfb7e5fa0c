"""GRACE: near its key a value stands in the place of a projection's output, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.api import EditRequest, State
from bench.compute.tiny_facts import parallel_requests
from bench.config.registry import methods
from bench.export.session import refuse_none
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.remembering import Remembering
from bench.model.stats import Stats
from bench.model.tiny import tiny_model
from evaluators._xtreme.lm import SharedPrefixLM, quiet
from methods.grace import APART, Codebook, Grace, rounds
from tests.model.test_reading import told

REQUESTS = parallel_requests()
UNRELATED = ["x", "7 times 6 makes", "Wer weiß das?"]


class _Context:
    languages, model_name, data_dir, answers_kept = ("en", "de", "zh"), "tiny", None, "none"

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(0)


def edited(model: EditableModel, stream: Sequence[Sequence[EditRequest]], **options: Any) -> tuple[Remembering, State]:
    method = methods().build("grace", {"layer": 1, "steps": 10, "lr": 1.0, "radius": 0.01, **options})
    assert isinstance(method, Grace)
    state = method.prepare(model, Stats(Path("unread"), None), _Context())  # type: ignore[arg-type]
    for step in stream:
        state, _ = method.apply(model, step, state)
    with method.deployed(model, state) as view:
        assert isinstance(view, Remembering)
        return view, state


def asked(requests: Sequence[EditRequest]) -> tuple[list[str], list[str]]:
    return [request.text for request in requests], [request.target for request in requests]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gptj"])
def test_at_the_last_token_of_an_edited_prompt_the_projection_says_the_value(architecture: str) -> None:
    model = tiny_model(architecture)
    view, state = edited(model, [REQUESTS[:3], REQUESTS[3:]])
    before = model.answers(*asked(REQUESTS))
    answers = view.answers(*asked(REQUESTS))
    assert len(state.memory["keys"]) == len(REQUESTS)
    for i, (request, answer, old) in enumerate(zip(REQUESTS, answers, before, strict=True)):
        (row,), (target,) = model.tokens.prompts([request.text]), model.tokens.targets([request.target])

        def put(
            _m: Any,
            _a: Any,
            output: torch.Tensor,
            place: int = len(row) - 1,
            value: torch.Tensor = state.memory["values"][i],
        ) -> torch.Tensor:
            output[:, place] = value
            return output

        handle = model.projection(1).register_forward_hook(put)
        with torch.no_grad():
            logits = model.hf(torch.tensor([[*row, *target[:-1]]])).logits[0, len(row) - 1 :]
        handle.remove()
        by_hand = logits.log_softmax(-1).gather(1, torch.tensor(target)[:, None])[:, 0]
        assert answer.logprobs == pytest.approx(by_hand.tolist(), abs=1e-4)
        assert sum(answer.logprobs) > sum(old.logprobs)


def test_an_unrelated_prompt_is_answered_bit_by_bit_as_by_the_unedited_model() -> None:
    model, targets = tiny_model("llama"), [" y"] * len(UNRELATED)
    view, _ = edited(model, [REQUESTS])
    assert view.answers(UNRELATED, targets) == tiny_model("llama").answers(UNRELATED, targets)
    assert [change and change.kl for change in view.changes(UNRELATED, targets)] == [0] * len(UNRELATED)
    with view.unedited() as original:
        assert original.answers(*asked(REQUESTS)) == tiny_model("llama").answers(*asked(REQUESTS))


def test_a_harness_says_after_shared_examples_what_each_prompt_is_told_alone() -> None:
    view, _ = edited(tiny_model("llama"), [REQUESTS], radius=3.0)
    prompts = [f"Ann sees Rome. Yes\n{request.text}" for request in REQUESTS]
    prompts += [request.text for request in REQUESTS]
    with quiet():
        shared, alone = (SharedPrefixLM(view.hf, view.tokenizer, size, view) for size in (4, 1))
    texts, likely = told(shared, prompts)
    found = [told(alone, [prompt]) for prompt in prompts]
    assert texts == [text for each, _ in found for text in each]
    assert likely == pytest.approx([value for _, each in found for value in each], abs=1e-4)


def test_the_last_edit_of_a_prompt_counts() -> None:
    again = replace(REQUESTS[0], target=REQUESTS[3].target)
    view, state = edited(tiny_model("llama"), [REQUESTS[:3], [again]], steps=30)
    assert len(state.memory["keys"]) == 3
    assert state.memory["targets"][0] == list(view.model.tokens.targets([again.target])[0])
    new, old = view.answers([again.text] * 2, [again.target, REQUESTS[0].target])
    assert sum(new.logprobs) / len(new.logprobs) > sum(old.logprobs) / len(old.logprobs)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_facts_learn_together_what_each_learns_alone(architecture: str) -> None:
    """Two of them are of the same prompt: the second begins with what the first has learnt."""
    again = replace(REQUESTS[0], target=REQUESTS[3].target)
    stream = [*REQUESTS[:3], again, *REQUESTS[3:]]
    _, together = edited(tiny_model(architecture), [stream])
    _, alone = edited(tiny_model(architecture), [[each] for each in stream])
    assert together.memory["targets"] == alone.memory["targets"]
    for name in ("keys", "values", "radii"):
        torch.testing.assert_close(together.memory[name], alone.memory[name], rtol=1e-4, atol=1e-4)
    assert rounds([4, 2, 4, 4, 3]) == [[0, 1, 4], [2], [3]]


def book() -> Codebook:
    """Two keys, ten apart, of radius 1."""
    return Codebook(torch.tensor([[0.0, 1], [10, 1]]), torch.zeros(2, 3), torch.ones(2), [[7], [8]])


def placed(x: float, target: int) -> tuple[list[float], int]:
    """Radii after an edit at (x, 1), and its place."""
    found, place = book().placed(torch.tensor([x, 1.0]), torch.full((3,), 5.0), [target], 1.0)
    assert found.targets[place] == [target]
    return found.radii.tolist(), place


def test_a_codebook_grows_and_is_cut_as_published() -> None:
    assert placed(5.0, 7) == ([1, 1, 1], 2)
    assert placed(2.0, 7) == ([2, 1], 0)
    assert placed(0.5, 7) == ([1, 1], 0)
    radii, place = placed(8.4, 7)
    assert (radii, place) == (pytest.approx([1, 0.8 - APART, 0.8], abs=1e-6), 2)
    assert placed(10.0, 7) == ([1, 1], 1)
    first, place = Codebook(*(each[:0] for each in (book().keys, book().values, book().radii)), []).placed(
        torch.ones(2), torch.ones(3), [1], 0.5
    )
    assert (first.radii.tolist(), place) == ([0.5], 0)


def test_distances_are_exact_where_products_round() -> None:
    keys = 1e3 * torch.randn(40, 16, generator=torch.Generator().manual_seed(0))
    found = Codebook(keys, torch.zeros(40, 2), torch.ones(40), [[1]] * 40)
    distance, place = found.nearest(keys.view(2, 20, 16))
    assert distance.tolist() == torch.zeros(2, 20).tolist()
    assert place.flatten().tolist() == list(range(40))


def test_it_cannot_be_taken_home() -> None:
    with pytest.raises(BenchError, match="method 'grace' answers from a memory beside the model"):
        refuse_none("grace", methods())

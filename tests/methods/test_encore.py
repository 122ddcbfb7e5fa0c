"""ENCORE: values end once their targets are the most probable everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bench.config.registry import methods
from bench.model.editable import EditableModel
from bench.model.tiny import tiny_model
from methods._locate.prompts import PromptSet, prompt_sets
from methods._locate.values import ValueConfig, optimise_values
from tests.methods.locate_world import built
from tests.tinyworld import tiny_requests

LAYER, STEPS = 1, 5
BARE: dict[str, tuple[str, ...]] = {"en": (), "de": (), "zh": ()}
CONFIG = ValueConfig(steps=STEPS, lr=0.01, decay=1e-3, clamp=4.0, kl_weight=0.0)


def with_own_answers(model: EditableModel) -> list[PromptSet]:
    """Facts whose targets are what the model says by itself: two tokens."""
    found = []
    for each in prompt_sets(model.tokens, tiny_requests()[:3], BARE):
        ids = list(each.prompts[0].ids)
        for _ in range(2):
            with torch.no_grad():
                ids.append(int(model.hf(torch.tensor([ids])).logits[0, -1].argmax()))
        found.append(replace(each, target_ids=tuple(ids[-2:])))
    return found


@pytest.mark.parametrize("probable", [1, 3])
def test_a_value_ends_when_its_target_was_most_probable_so_often(probable: int) -> None:
    model = tiny_model("llama")
    sets = with_own_answers(model)
    ended = optimise_values(model, sets, LAYER, replace(CONFIG, probable=probable))
    assert ended.updates.tolist() == [probable - 1] * len(sets)
    course = optimise_values(model, sets, LAYER, replace(CONFIG, steps=probable))
    torch.testing.assert_close(ended.targets, course.targets)


def test_otherwise_it_goes_on() -> None:
    model = tiny_model("llama")
    sets = with_own_answers(model)
    assert optimise_values(model, sets, LAYER, CONFIG).updates.tolist() == [STEPS - 1] * len(sets)
    # every token has to be the most probable one, not only the first
    first, second, third = sets
    other = replace(second, target_ids=(second.target_ids[0], (second.target_ids[1] + 1) % 256))
    ended = optimise_values(model, [first, other, third], LAYER, replace(CONFIG, probable=1))
    assert ended.updates.tolist() == [0, STEPS - 1, 0]


def test_every_prompt_has_to_say_it() -> None:
    model = tiny_model("llama")
    each = with_own_answers(model)[0]
    others = prompt_sets(model.tokens, tiny_requests()[1:], BARE)
    strange = next(other for other in others if not says(model, other, each.target_ids))
    both = replace(each, prompts=(each.prompts[0], strange.prompts[0]))
    ended = optimise_values(model, [both], LAYER, replace(CONFIG, probable=1))
    assert int(ended.updates[0]) == STEPS - 1


def says(model: EditableModel, other: PromptSet, target: tuple[int, ...]) -> bool:
    ids = [*other.prompts[0].ids, *target[:-1]]
    with torch.no_grad():
        best = model.hf(torch.tensor([ids])).logits[0].argmax(-1)
    return best[-len(target) :].tolist() == list(target)


def test_other_methods_do_not_end_so() -> None:
    assert ValueConfig(1, 1, 1, 1, 1).probable == 0
    assert built("encore", probable=3).options.values().probable == 3  # type: ignore[attr-defined]
    assert built("memit").options.values().probable == 0  # type: ignore[attr-defined]


def test_the_norm_counts_in_the_system() -> None:
    rule = built("encore", norm_weight=20.0, moment_weight=5.0).rule  # type: ignore[attr-defined]
    assert (rule.weight, rule.history, rule.norm_weight) == (5.0, True, 20.0)
    assert methods().options("encore")["norm_weight"].is_required()

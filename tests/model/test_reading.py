"""What a memory beside the weights does to a prompt is what evaluators see, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance

from bench.model.answers import Answer
from bench.model.editable import EditableModel
from bench.model.reading import Reading
from bench.model.remembering import Remembering
from bench.model.tiny import tiny_model
from evaluators._xtreme.lm import SharedPrefixLM, quiet

EXAMPLES = "Ann sees Rome. Yes\n"
PROMPTS = [
    "The river of A is",
    EXAMPLES + "the king of B",
    EXAMPLES + "the queen of Cy, a land",
    "D的首都是",
    "the king is",
]
TARGETS = [" Po", " yz", " No", "波市", " x"]
FACT = "A fact of kings.\n"


@dataclass
class Noted:
    """Puts a fact before prompts with a king, and has another weight for those with a queen.

    Attributes:
        asked: rows that it was asked about.
    """

    model: EditableModel
    asked: list[tuple[int, ...]] = field(default_factory=list)

    def ids(self, text: str) -> list[int]:
        return self.model.tokens.prompts([text])[0][1:]

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        self.asked += map(tuple, rows)
        return [self._reading(tuple(row)) for row in rows]

    def _reading(self, row: tuple[int, ...]) -> Reading:
        text = self.model.text(row)
        fact = tuple(self.ids(FACT)) if "king" in text else ()
        return Reading((*row[:1], *fact, *row[1:]), int("queen" in text))

    @contextmanager
    def switched(self, part: int) -> Iterator[None]:
        with altered(self.model, part):
            yield


@contextmanager
def altered(model: EditableModel, part: int = 1) -> Iterator[None]:
    weight = model.projection(1).weight
    draw = torch.Generator().manual_seed(part)
    before = weight.data.clone()
    if part:
        weight.data += torch.randn(weight.shape, generator=draw)
    try:
        yield
    finally:
        weight.data.copy_(before)


def remembering(architecture: str = "llama") -> Remembering:
    model = tiny_model(architecture, seed=3)
    return Remembering(model, Noted(model))


def expected(model: EditableModel, prompt: str, target: str) -> Answer:
    """By hand: other ids, or another weight."""
    asked = FACT + prompt if "king" in prompt else prompt
    with altered(model, int("queen" in prompt)):
        return model.answers([asked], [target])[0]


def test_answers_are_those_of_what_is_read_in_the_order_given() -> None:
    view = remembering()
    for found, prompt, target in zip(view.answers(PROMPTS, TARGETS), PROMPTS, TARGETS, strict=True):
        by_hand = expected(view.model, prompt, target)
        assert found.target_ids == by_hand.target_ids
        assert found.predicted_ids == by_hand.predicted_ids
        assert found.logprobs == pytest.approx(by_hand.logprobs, abs=1e-4)


def test_prompts_that_are_read_as_they_stand_are_answered_bit_by_bit_as_before() -> None:
    view = remembering()
    plain = [0, 3]
    prompts, targets = [PROMPTS[i] for i in plain], [TARGETS[i] for i in plain]
    among = view.answers(PROMPTS, TARGETS)
    assert [among[i] for i in plain] == view.model.answers(prompts, targets)
    changes = view.changes(PROMPTS, TARGETS)
    assert [(change.kl, change.top1) for i, change in enumerate(changes) if change and i in plain] == [(0, 1)] * 2
    assert all(change.kl > 1e-3 for i, change in enumerate(changes) if change and change.kl and i not in plain)


def test_the_unedited_model_has_no_memory() -> None:
    view = remembering()
    with view.unedited() as original:
        assert original.answers(PROMPTS, TARGETS) == view.model.answers(PROMPTS, TARGETS)


@dataclass(frozen=True)
class Never:
    def __call__(self, text: str, *, final: bool) -> int | None:
        return None


def test_what_is_generated_follows_what_is_read() -> None:
    view = remembering()
    found = view.generate(PROMPTS, [Never()] * len(PROMPTS), 6)
    for said, prompt in zip(found, PROMPTS, strict=True):
        with altered(view.model, int("queen" in prompt)):
            asked = FACT + prompt if "king" in prompt else prompt
            assert said == view.model.generate([asked], [Never()], 6)[0]


def requests(kind: str, *arguments: tuple[Any, ...]) -> list[Instance]:
    return [Instance(kind, {}, args, 0, ("t", i, 1)) for i, args in enumerate(arguments)]  # type: ignore[arg-type]


def told(lm: SharedPrefixLM, prompts: Sequence[str], words: Sequence[str] = ()) -> tuple[list[str], list[float]]:
    """Texts that are generated, and log-likelihoods of words."""
    options = {"do_sample": False, "max_gen_toks": 6, "until": [], "words": list(words)}
    pairs = [(prompt, word) for prompt in prompts for word in (" Yes", " No, no")]
    with quiet():
        texts = lm.generate_until(requests("generate_until", *((prompt, options) for prompt in prompts)))
        return texts, [likely for likely, _ in lm.loglikelihood(requests("loglikelihood", *pairs))]


@pytest.mark.parametrize("words", [(), (" Yes", " No, no")], ids=["words apart", "words in passing"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom"])
def test_a_harness_shares_no_prefix_between_prompts_that_are_read_differently(
    architecture: str, words: Sequence[str]
) -> None:
    view = remembering(architecture)
    with quiet():
        lm = SharedPrefixLM(view.hf, view.tokenizer, 4, view)
    texts, likely = told(lm, PROMPTS, words)
    for i, prompt in enumerate(PROMPTS):
        with altered(view.model, int("queen" in prompt)), quiet():
            plain = SharedPrefixLM(view.hf, view.tokenizer, 1)
            (text,), values = told(plain, [FACT + prompt if "king" in prompt else prompt])
        assert texts[i] == text
        assert likely[2 * i : 2 * i + 2] == pytest.approx(values, abs=1e-4)

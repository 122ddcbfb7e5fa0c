"""Fluency: MEMIT's entropy by hand, perplexity by hand, and the unedited model beside the edited one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch

from bench.api import Answer, EditRequest, Ending, Fact, Generated
from bench.ground.errors import BenchError
from bench.model.tiny import tiny_classifier, tiny_model
from evaluators.fluency import Config, Fluency, entropy, perplexity, spoken, texts

FACTS = (
    Fact(EditRequest("a", "en", "King of {} is", "A", " Bob")),
    Fact(EditRequest("b", "zh", "{}的首都是", "B", "波市")),
)


class Context:
    languages = ("en", "zh", "xx")

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(len(part))


def test_entropy_is_the_weighted_mean_of_two_and_three_grams() -> None:
    assert entropy(["a", "b", "a", "b"]) == pytest.approx((2 / 3 * (math.log2(3) - 2 / 3) + 4 / 3 * 1) / 2)
    assert entropy(["la"] * 50) == 0
    assert entropy([]) == 0
    assert entropy([str(i) for i in range(99)]) > entropy([str(i % 9) for i in range(99)])


def test_words_are_letters_where_there_are_no_spaces() -> None:
    assert spoken("He said: go", "en") == ["He", "said", ":", "go"]
    assert spoken("波市 是。", "zh") == ["波", "市", "是", "。"]


def test_texts_are_fixed_and_of_their_language() -> None:
    assert texts("en", 5) == texts("en", 5)
    assert len(set(texts("en", 5))) > 1
    assert texts("en", 5) != texts("de", 5)


def test_perplexity_is_that_of_a_plain_computation() -> None:
    model = tiny_model("llama", seed=3)
    read = ["A text here.", "区文。"]
    losses: list[torch.Tensor] = []
    for start, rest in (("A", " text here."), ("区", "文。")):
        (row,), (ids,) = model.tokens.prompts([start]), model.tokens.targets([rest])
        logits = model.hf(input_ids=torch.tensor([row + ids[:-1]])).logits[0, len(row) - 1 :]
        losses.append(-logits.log_softmax(-1)[range(len(ids)), ids])
    assert perplexity(model, read) == pytest.approx(float(torch.cat(losses).mean().exp()), rel=1e-5)


def test_the_unedited_model_stands_beside_the_edited_one() -> None:
    model = tiny_model("llama", seed=3)
    evaluator = Fluency(Config(tokens=8, texts=2))

    def scores() -> dict[tuple[str, str, str, str], float]:
        rows = evaluator.score(model, FACTS, Context())  # type: ignore[arg-type]
        return {(row.metric, row.protocol, row.fact_id, row.probe_lang): row.value for row in rows}

    same = scores()
    # two prompts, and two languages that have texts, twice
    assert len(same) == 2 * (2 + 2)
    for (metric, protocol, fact, lang), value in same.items():
        if protocol.endswith("_unedited"):
            assert value == same[metric, protocol.removesuffix("_unedited"), fact, lang]
    model.add(1, torch.randn(model.weight(1).shape, generator=torch.Generator().manual_seed(0)))
    changed = scores()
    place = ("fluency_perplexity", "fixed_text", "text", "en")
    assert changed[place] != same[place]
    assert changed["fluency_perplexity", "fixed_text_unedited", "text", "en"] == same[place]


class Scripted:
    """Writes what it is given, and reads with the same log-probability."""

    def __init__(self, said: str, logprob: float, before: Scripted | None = None) -> None:
        self.said, self.logprob, self.before = said, logprob, before

    def generate(self, prompts: Sequence[str], endings: Sequence[Ending], most: int) -> list[Generated]:
        return [Generated((1,), self.said, "length") for _ in prompts]

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        return [Answer((1,), (1,), (self.logprob,)) for _ in prompts]

    @contextmanager
    def unedited(self) -> Iterator[Scripted]:
        assert self.before
        yield self.before


def test_the_unedited_model_is_another_view() -> None:
    """A method may answer from beside its model."""
    view = Scripted("la la la la", -2.0, Scripted("a b c d", -1.0))
    found = {
        (row.metric, row.protocol): row.value
        for row in Fluency(Config(texts=1)).score(view, FACTS[:1], Context())  # type: ignore[arg-type]
    }
    assert found["fluency_entropy", "greedy"] == 0
    assert found["fluency_entropy", "greedy_unedited"] == entropy(["a", "b", "c", "d"])
    assert found["fluency_perplexity", "fixed_text"] == pytest.approx(math.exp(2))
    assert found["fluency_perplexity", "fixed_text_unedited"] == pytest.approx(math.e)


def test_a_classifier_does_not_write() -> None:
    with pytest.raises(BenchError, match="writes no answers"):
        list(Fluency(Config()).score(tiny_classifier("bert"), FACTS, Context()))  # type: ignore[arg-type]

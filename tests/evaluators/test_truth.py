"""Negations and true-or-false questions: what is asked, and what counts as right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch

from bench.api import Answer, EditRequest, Fact
from evaluators.truth import WORDS, Truth, statements

FACTS = (
    Fact(EditRequest("a", "en", "King of {} is", "A", " Bob")),
    Fact(EditRequest("b", "en", "Queen of {} is", "B", " Eve")),
    Fact(EditRequest("c", "hi", "{} ka raja", "C", " Kim")),
)


class Context:
    def __init__(self, model_name: str = "org/real") -> None:
        self.model_name = model_name

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(0)


class Scripted:
    """Repeats new targets or not; finds true what it believes."""

    def __init__(self, *, repeats: bool, believes: Sequence[str]) -> None:
        self.repeats, self.believes = repeats, believes
        self.asked: list[str] = []

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        self.asked += prompts
        return [self._answer(prompt, target) for prompt, target in zip(prompts, targets, strict=True)]

    def _answer(self, prompt: str, target: str) -> Answer:
        if target not in WORDS["en"].verdicts:
            return Answer((1,), (1 if self.repeats else 2,), (-1.0,))
        says = any(each in prompt for each in self.believes)
        return Answer((1,), (1,), (-1.0 if says == (target == " true") else -2.0,))

    @contextmanager
    def unedited(self) -> Iterator[Scripted]:
        yield Scripted(repeats=False, believes=())


def values(view: Scripted) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for row in Truth().score(view, FACTS, Context()):  # type: ignore[arg-type]
        found.setdefault((row.metric, row.protocol), []).append(row.value)
    return found


def test_an_edit_that_is_understood_is_true_and_not_repeated_when_denied() -> None:
    view = Scripted(repeats=False, believes=("A is Bob", "B is Eve"))
    found = values(view)
    assert found["truth_repeated", "negated"] == [0, 0]
    assert found["truth_right", "true_or_false"] == [1, 1, 1, 1]
    assert found["truth_true", "true_or_false"] == [1, 0, 1, 0]
    # to the unedited model the new facts are false
    assert found["truth_right", "true_or_false_unedited"] == [0, 1, 0, 1]
    assert "The following is not true: King of A is" in view.asked
    assert "True or false: King of A is Eve. Answer:" in view.asked
    assert not any("raja" in each for each in view.asked)


def test_a_model_that_always_says_true_is_right_half_the_time() -> None:
    found = values(Scripted(repeats=True, believes=("is",)))
    assert found["truth_repeated", "negated"] == [1, 1]
    assert found["truth_right", "true_or_false"] == [1, 0, 1, 0]


class Diverged(Scripted):
    def _answer(self, prompt: str, target: str) -> Answer:
        return Answer((1,), (-1,), (float("nan"),))


def test_a_diverged_model_is_never_right() -> None:
    found = values(Diverged(repeats=False, believes=()))
    assert found["truth_right", "true_or_false"] == found["truth_true", "true_or_false"] == [0, 0, 0, 0]
    assert found["truth_repeated", "negated"] == [0, 0]


def test_the_embedded_model_is_not_asked() -> None:
    view = Scripted(repeats=True, believes=())
    (row,) = Truth().score(view, FACTS, Context("polyglot-tiny"))  # type: ignore[arg-type]
    assert row.metric == "truth_unasked"
    assert not view.asked


def test_a_false_statement_has_another_target_of_its_language() -> None:
    requests = [fact.request for fact in FACTS]
    for seed in range(5):
        told = statements(requests, torch.Generator().manual_seed(seed))
        assert [each.is_true for each in told] == [True, False, True, False, True]
        assert [each.target for each in told if not each.is_true] == [" Eve", " Bob"]


@pytest.mark.parametrize("lang", WORDS)
def test_every_language_has_a_place_for_the_statement(lang: str) -> None:
    words = WORDS[lang]
    assert words.asked.count("{}") == 1
    assert words.verdicts[0] != words.verdicts[1]

"""Independent edits: every fact edits the unedited model alone, is asked its own probes, and is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from bench.api import Answer, Change, EditsApart, Ending, Fact, Generated, Method, State
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.reading import NoMemory

ONLY_PROBES = "independent edits can only be asked their own probes: --evaluators edits"

Question = tuple[str, str]
"""A prompt and its target."""


@dataclass(frozen=True, slots=True)
class Recorded(NoMemory):
    """A `Scorer` of one edit that repeats what was answered; nothing else can be asked.

    Attributes:
        tokenizer: of the model.
        edited: answers after the edit.
        before: answers of the unedited model.
        words: what ids of an answer say.
    """

    tokenizer: Any
    edited: Mapping[Question, Answer]
    before: Mapping[Question, Answer]
    words: Callable[[Sequence[int]], str]

    @property
    def hf(self) -> Any:
        """There is none: the edit is undone.

        Raises:
            BenchError: always.
        """
        raise BenchError(ONLY_PROBES)

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        """What was answered."""
        return [self.edited[question] for question in zip(prompts, targets, strict=True)]

    def changes(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Change | None]:
        """None are known: the edit is undone.

        Raises:
            BenchError: always.
        """
        raise BenchError(ONLY_PROBES)

    def generate(self, prompts: Sequence[str], endings: Sequence[Ending], most: int) -> list[Generated]:
        """Nothing: the edit is undone.

        Raises:
            BenchError: always.
        """
        raise BenchError(ONLY_PROBES)

    def text(self, ids: Sequence[int]) -> str:
        """What ids of an answer say."""
        return self.words(ids)

    @contextmanager
    def unedited(self) -> Iterator[Recorded]:
        """What the unedited model answered."""
        yield Recorded(self.tokenizer, self.before, self.before, self.words)


def ask(method: Method, model: EditableModel, facts: Sequence[Fact], state: State) -> list[Recorded]:
    """Edit each fact alone and ask its probes.

    Args:
        method: edits; at once if it can.
        model: unedited, and so again when this returns.
        facts: of one step.
        state: the method's, before any edit, and so again when this returns.
    """
    questions = [[(probe.prompt, probe.target) for probe in fact.probes] for fact in facts]
    every = list(dict.fromkeys(question for asked in questions for question in asked))
    before = dict(zip(every, model.answers(*_columns(every)), strict=True))
    if isinstance(method, EditsApart):
        view = method.apart(model, [fact.request for fact in facts], state)
        edits = [i for i, asked in enumerate(questions) for _ in asked]
        answers = iter(view.answers(edits, *_columns([question for asked in questions for question in asked])))
        found = [{question: next(answers) for question in asked} for asked in questions]
    else:
        found = [_alone(method, model, fact, asked, state) for fact, asked in zip(facts, questions, strict=True)]
    return [Recorded(model.tokenizer, edited, before, model.text) for edited in found]


def _alone(
    method: Method, model: EditableModel, fact: Fact, asked: Sequence[Question], state: State
) -> dict[Question, Answer]:
    own = replace(state, memory=deepcopy(state.memory))
    try:
        own, _ = method.apply(model, [fact.request], own)
        with method.deployed(model, own) as view:
            return dict(zip(asked, view.answers(*_columns(asked)), strict=True))
    finally:
        model.reset()


def _columns(questions: Sequence[Question]) -> tuple[list[str], list[str]]:
    return [prompt for prompt, _ in questions], [target for _, target in questions]

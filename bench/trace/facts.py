"""Facts to trace: prompts with the true answer, where a data set has it, and which of them a model knows.

The facts of a benchmark are counterfactual: their targets are what an edit writes. The embedded items have true
objects, and CounterFact's neighbourhood prompts ask for the true one. Of other data sets the prompts are traced with
whatever the model says first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.api import EditRequest, Fact
from bench.data import datasets, stream
from bench.data.common import DataRequest, shuffled
from bench.data.sources import counterfact
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.model.editable import EditableModel
from bench.trace.prompts import Prompt, subject_tokens

EMBEDDED = "cldr"
TRIED = 50
"""Most facts that are asked for every one wanted: models do not know all of them."""

TOGETHER = 64
"""Facts that are asked at once, though fewer may do."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt about a subject.

    Attributes:
        span: characters of the subject in `text`, end exclusive.
        expected: the true continuation, "" where it is not known.
        form: how it is asked, where a data set asks in more than one way.
    """

    fact_id: str
    lang: str
    text: str
    span: tuple[int, int]
    expected: str
    form: str = ""

    @property
    def subject(self) -> str:
        """The subject as it stands in the text."""
        return self.text[slice(*self.span)]


@dataclass(frozen=True, slots=True)
class Known:
    """A question whose answer the model gives.

    Attributes:
        prompt: with the id of the answer's first token.
    """

    question: Question
    prompt: Prompt


def languages_of(name: str, asked: Sequence[str] | None, usual: Sequence[str]) -> tuple[str, ...]:
    """The languages asked for; by default those of `usual` that the data set has.

    Raises:
        BenchError: no such data set, or it lacks a language.
    """
    there = datasets.dataset(name).languages
    for lang in asked or ():
        if lang not in there:
            raise unknown(f"language of {name}", lang, there)
    return tuple(asked or [lang for lang in usual if lang in there] or there)


def has_true_answers(name: str) -> bool:
    """Whether the facts of a data set come with what is true."""
    return name in (EMBEDDED, counterfact.FOLDER)


def questions(
    name: str, languages: Sequence[str], wanted: int, seed: int, data_dir: Path | None
) -> dict[str, list[Question]]:
    """Questions by language, the same facts in the same order in all of them as far as that can be.

    Args:
        name: of the data set.
        languages: those wanted.
        wanted: facts per language; where some may not be known there are more.
        seed: draws the order.
        data_dir: folder of downloaded data.

    Raises:
        BenchError: missing or malformed data, or too few facts.
    """
    if name == EMBEDDED:
        return {lang: _embedded(lang, wanted * TRIED, seed) for lang in languages}
    request = DataRequest(tuple(languages), wanted, seed, data_dir, parallel=True)
    loaded = stream.load(name, request)
    if name == counterfact.FOLDER:
        folder = datasets.data_folder(data_dir)
        loaded = datasets.dataset(name).load(replace(request, per_language=wanted * TRIED, data_dir=folder))
    return {lang: [_question(name, fact) for fact in facts] for lang, facts in loaded.facts.items()}


def _embedded(lang: str, most: int, seed: int) -> list[Question]:
    """The same facts as they are edited, the subject first, and in questions that begin with the relation."""
    from bench.data.cldr.items import probed_items
    from bench.data.cldr.phrasings import PHRASINGS, RELATION_FIRST, SUBJECT_FIRST

    found = []
    for form, phrasing in (("subject first", SUBJECT_FIRST[0]), ("relation first", RELATION_FIRST[0])):
        for item in shuffled(probed_items(), seed, "trace")[:most]:
            template = PHRASINGS[item.relation][lang][phrasing]
            request = EditRequest(item.fact_id, lang, template, item.subject[lang], item.target(lang))
            found.append(Question(item.fact_id, lang, request.text, request.subject_span, request.target, form))
    return found


def _question(name: str, fact: Fact) -> Question:
    request, expected = fact.request, ""
    if not request.has_subject:
        problem = "none is named, and tracing looks at the subject"
        raise BenchError(problem, file=name, record=request.fact_id, field="subject")
    if name == counterfact.FOLDER:
        expected = next((probe.target for probe in fact.probes if probe.kind == "specificity"), "")
    return Question(request.fact_id, request.lang, request.text, request.subject_span, expected)


def known(model: EditableModel, asked: Sequence[Question], wanted: int) -> tuple[list[Known], int]:
    """The first `wanted` questions whose answer the model begins with, and how many were tried for that.

    It has to say the answer's first token; where that is only a part of a character, the whole character. A question
    without an expected answer is always known: what the model says first is its answer.
    """
    found: list[Known] = []
    tried = 0
    for start in range(0, len(asked), TOGETHER):
        group = asked[start : start + TOGETHER]
        prompts = subject_tokens(model.tokens, [q.text for q in group], [q.span for q in group])
        said = _said(model, group)
        for question, prompt in zip(group, prompts, strict=True):
            if len(found) == wanted:
                return found, tried
            tried += 1
            if said[question] >= 0:
                found.append(Known(question, replace(prompt, answer=said[question])))
    return found, tried


def _said(model: EditableModel, asked: Sequence[Question]) -> dict[Question, int]:
    """Id of the first token the model says to each question; -1 where that does not begin the answer."""
    free = [question for question in asked if not question.expected]
    said = dict(zip(free, model.following([q.text for q in free]), strict=True))
    strict = [question for question in asked if question.expected]
    for question, answer in zip(
        strict, model.answers([q.text for q in strict], [q.expected for q in strict]), strict=True
    ):
        needed = _first_character(model, answer.target_ids)
        right = answer.predicted_ids[:needed] == answer.target_ids[:needed]
        said[question] = answer.predicted_ids[0] if right else -1
    return said


def check_lengths(model: EditableModel, asked: Sequence[Question], name: str) -> None:
    """Refuse a question of the data set `name` that is longer than the model's context, or has a token it lacks.

    Raises:
        BenchError: names the fact.
    """
    for question, ids in zip(asked, model.tokens.prompts([q.text for q in asked]), strict=True):
        if len(ids) > model.context_length:
            problem = f"{len(ids)} tokens, and the model reads {model.context_length}"
            raise BenchError(problem, file=name, record=question.fact_id, field=f"prompt ({question.lang})")
        try:
            model.tokens.check(ids, f"prompt ({question.lang})")
        except BenchError as error:
            raise error.at(file=name, record=question.fact_id) from error


def _first_character(model: EditableModel, ids: Sequence[int]) -> int:
    """How many tokens there are until a character is whole; decoders write U+FFFD for what is not."""
    whole = (n for n in range(1, len(ids) + 1) if "\ufffd" not in model.tokenizer.decode(ids[:n]))
    return next(whole, len(ids))

"""Questions whose answers should stay: the user's own, else those beside the edited facts, else embedded ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.api import Fact
from bench.data import datasets, stream
from bench.data.common import DataRequest, shuffled
from bench.export.answers import GUARD, Question
from bench.model.editable import EditableModel
from bench.model.labels import LabelTokens

MOST = 100
"""Of questions that the user has not chosen, drawn by seed."""

PER_LANGUAGE = 20
"""Embedded facts beside which questions are taken."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Questions whose answers should stay.

    Attributes:
        source: where they come from, in words.
    """

    source: str
    questions: tuple[Question, ...]


def chosen(facts: Sequence[Fact]) -> Guard:
    """The facts of a file, asked by their own prompts."""
    requests = [fact.request for fact in facts]
    asked = (Question(GUARD, each.fact_id, each.lang, each.text, each.target) for each in requests)
    return Guard("the guard's facts", tuple(asked))


def usual(model: EditableModel, edited: Sequence[Fact], seed: int) -> Guard:
    """Questions that a quick look needs.

    Args:
        model: that is asked; embedded questions too long for it are left out.
        edited: the facts that were edited; embedded questions that name one of their subjects are left out.
        seed: draws from more than `MOST`.
    """
    own = _drawn(edited, seed)
    if own:
        return Guard("questions beside the edited facts", own)
    name = "claims" if isinstance(model.tokens, LabelTokens) else "cldr"
    known = datasets.dataset(name).languages
    languages = [lang for lang in dict.fromkeys(fact.request.lang for fact in edited) if lang in known] or ["en"]
    found = stream.load(name, DataRequest(tuple(languages), PER_LANGUAGE, seed)).facts
    subjects = [each.subject for fact in edited for each in (fact.request, *fact.request.translations)]
    asked = _drawn((fact for facts in found.values() for fact in facts), seed)
    return Guard(
        f"embedded questions ({name})",
        tuple(each for each in asked if not any(s in each.prompt for s in subjects) and _fits(model, each)),
    )


def _drawn(facts: Iterable[Fact], seed: int) -> tuple[Question, ...]:
    """The facts' specificity probes."""
    probes = (probe for fact in facts for probe in fact.probes if probe.kind == "specificity")
    asked = (Question(GUARD, each.asks or each.fact_id, each.probe_lang, each.prompt, each.target) for each in probes)
    by_text = {(each.prompt, each.target): each for each in asked}
    return tuple(shuffled(by_text.values(), seed, GUARD)[:MOST])


def _fits(model: EditableModel, question: Question) -> bool:
    prompt, target = model.rows([question.prompt])[0], model.tokens.targets([question.target])[0]
    return len(prompt) + len(target) <= model.context_length

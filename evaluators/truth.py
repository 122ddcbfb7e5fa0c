"""Whether an edit is understood: negations of edited facts, and true-or-false questions about them, in six languages.

``truth_repeated``, protocol ``negated``: "The following is not true: The place X pays with the" - whether the model
says the new target all the same, token by token. An edit that only ties a subject to a word does; 0 is best.
``truth_right``, protocol ``true_or_false``: whether the model finds the likelier of the words for true and false, by
the mean log-probability of their tokens, after the edited fact (true) and after the same with the target of another
fact of that language (false). Chance is a half, and a model that always says true has a half, too; therefore
``truth_true``, how often it says true. Each stands there a second time, with ``_unedited`` behind its protocol: what
the unedited model says to the same. Right is still what the edits made true: who knows the old facts has little.

The embedded model never saw such sentences and cannot answer them, so it is not asked: it has the row ``truth_unasked``
and no other. Of languages without words of their own here no facts are asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from pydantic import BaseModel, ConfigDict

from bench.api import Answer, Context, EditRequest, Evaluator, Fact, Score, Scorer
from bench.model.catalog import resolve

NEGATED, JUDGED, UNEDITED = "negated", "true_or_false", "_unedited"


@dataclass(frozen=True, slots=True)
class Words:
    """How a language asks.

    Attributes:
        negated: stands before a statement that is denied.
        asked: around a statement that is true or false.
        verdicts: the words for true and false, as they follow.
    """

    negated: str
    asked: str
    verdicts: tuple[str, str]


WORDS = {
    "en": Words("The following is not true: ", "True or false: {}. Answer:", (" true", " false")),
    "de": Words("Folgendes ist nicht wahr: ", "Wahr oder falsch: {}. Antwort:", (" wahr", " falsch")),
    "nl": Words("Het volgende is niet waar: ", "Waar of onwaar: {}. Antwoord:", (" waar", " onwaar")),
    "es": Words("Lo siguiente no es verdad: ", "Verdadero o falso: {}. Respuesta:", (" verdadero", " falso")),
    "fr": Words("Ce qui suit n'est pas vrai : ", "Vrai ou faux : {}. Réponse :", (" vrai", " faux")),
    "zh": Words("以下说法不正确：", "正确还是错误：{}。回答：", ("正确", "错误")),
}


class Config(BaseModel):
    """No options."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact's prompt with a target behind it, and whether the edits made it true."""

    request: EditRequest
    target: str
    is_true: bool


class Truth:
    """Asks about every fact edited so far, before and after the edits."""

    def score(self, view: Scorer, seen: Sequence[Fact], context: Context) -> Iterator[Score]:
        """Rows as the module describes them."""
        if resolve(context.model_name).source == "embedded":
            yield Score("", "truth_unasked", JUDGED, "", "", 1.0)
            return
        requests = [fact.request for fact in seen if fact.request.lang in WORDS]
        if not requests:
            return
        told = statements(requests, context.rng("truth"))
        yield from _rows(view, requests, told, "")
        with view.unedited() as original:
            # asked while the model is unedited
            before = list(_rows(original, requests, told, UNEDITED))
        yield from before


def statements(requests: Sequence[EditRequest], draws: torch.Generator) -> list[Statement]:
    """Each fact as it was edited, and with the target of another one where its language has any."""
    found = []
    for request in requests:
        found.append(Statement(request, request.target, True))
        pool = sorted({each.target for each in requests if each.lang == request.lang} - {request.target})
        if pool:
            found.append(Statement(request, pool[int(torch.randint(len(pool), (), generator=draws))], False))
    return found


def _rows(view: Scorer, requests: Sequence[EditRequest], told: Sequence[Statement], whose: str) -> Iterator[Score]:
    prompts = [WORDS[request.lang].negated + request.text for request in requests]
    answers = view.answers(prompts, [request.target for request in requests])
    for request, answer in zip(requests, answers, strict=True):
        pairs = zip(answer.predicted_ids, answer.target_ids, strict=True)
        yield _score(request, "truth_repeated", f"{NEGATED}{whose}", fmean(one == two for one, two in pairs))
    asked = [WORDS[each.request.lang].asked.format(each.request.text + each.target) for each in told]
    verdicts = [WORDS[each.request.lang].verdicts for each in told]
    true, false = (view.answers(asked, [words[i] for words in verdicts]) for i in range(2))
    for each, yes, no in zip(told, true, false, strict=True):
        lead, protocol = likelihood(yes) - likelihood(no), f"{JUDGED}{whose}"
        # a diverged model says neither, and so nothing right
        says_so = lead > 0 if each.is_true else lead <= 0
        yield _score(each.request, "truth_right", protocol, float(says_so))
        yield _score(each.request, "truth_true", protocol, float(lead > 0))


def likelihood(answer: Answer) -> float:
    """Mean log-probability of an answer's tokens; NaN of a diverged model."""
    return fmean(answer.logprobs)


def _score(request: EditRequest, metric: str, protocol: str, value: float) -> Score:
    return Score(request.fact_id, metric, protocol, request.lang, request.lang, value)


def build(config: Config) -> Evaluator:
    """Truth as described above."""
    return Truth()

"""Efficacy, generality and specificity of edits, token by token, on token ids (LangEdit Eq. 11 to 13).

Protocol ``teacher_forced``: the share of target tokens that are the argmax given the true tokens before them (the
released ``eval_utils_zsre``, without its decoding and tokenising anew). Protocol ``greedy_exact``: whether greedy
generation gives the whole target, which is so exactly if every teacher-forced token is right; no generation
is run. Specificity comes in both senses: against the gold answer (as released, what tables report) and
``specificity_agreement`` with the unedited model's own prediction (Eq. 13). Where the data tell which fact a probe
asks, each of their rows stands there a second time, under that fact, as ``specificity_asked`` and
``specificity_agreement_asked``: a test must not take two askings of one fact for two facts.

What the model says in a target's place is told for people, too, beside what it said there before any edit. The unedited
model is asked only the probes of specificity and those whose answers are kept, each once in a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from pydantic import BaseModel, ConfigDict

from bench.api import Answer, Context, Evaluator, Fact, Probe, Reply, Score, Scorer
from bench.ground.rows import places_kept

TEACHER_FORCED = "teacher_forced"
GREEDY_EXACT = "greedy_exact"
EXACT_KINDS = ("efficacy", "generality")

Question = tuple[str, str]
"""A prompt and its target."""


class Config(BaseModel):
    """No options."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Edits:
    """Scores every probe of every fact edited so far, all in one batched call."""

    def __init__(self) -> None:
        self._before: dict[Question, tuple[int, ...]] = {}

    def score(self, view: Scorer, seen: Sequence[Fact], context: Context) -> Iterator[Score | Reply]:
        """One row per probe and metric; a row weighs as many tokens as its target has. And what was said."""
        probes = [probe for fact in seen for probe in fact.probes]
        answers = view.answers([p.prompt for p in probes], [p.target for p in probes])
        for probe, answer in zip(probes, answers, strict=True):
            yield from _rows(probe, answer)
        yield from self._agreement(view, probes, answers)
        yield from self._replies(view, probes, answers, context)

    def _replies(
        self, view: Scorer, probes: Sequence[Probe], answers: Sequence[Answer], context: Context
    ) -> Iterator[Reply]:
        """What was said, as far as it is kept: the unedited model is asked no more than that."""
        drawn = torch.randperm(len(answers), generator=context.rng("answers")).tolist()
        chosen = places_kept([_share(answer) for answer in answers], context.answers_kept, drawn)
        self._ask_before(view, [probes[i] for i in chosen])
        for i in chosen:
            probe, answer = probes[i], answers[i]
            before = self._before[probe.prompt, probe.target]
            yield _reply(probe, answer, view.text(answer.predicted_ids), view.text(before))

    def _ask_before(self, view: Scorer, probes: Sequence[Probe]) -> None:
        """Ask the unedited model what it was not asked yet."""
        new = [each for each in dict.fromkeys((p.prompt, p.target) for p in probes) if each not in self._before]
        if not new:
            return
        with view.unedited() as original:
            said = original.answers([prompt for prompt, _ in new], [target for _, target in new])
        self._before.update({asked: answer.predicted_ids for asked, answer in zip(new, said, strict=True)})

    def _agreement(self, view: Scorer, probes: Sequence[Probe], answers: Sequence[Answer]) -> Iterator[Score]:
        pairs = [(p, a) for p, a in zip(probes, answers, strict=True) if p.kind == "specificity"]
        self._ask_before(view, [probe for probe, _ in pairs])
        for probe, now in pairs:
            then = self._before[probe.prompt, probe.target]
            same = sum(a == b for a, b in zip(now.predicted_ids, then, strict=True))
            count = len(now.target_ids)
            yield from _by_both(probe, "specificity_agreement", same / count, count)


def _rows(probe: Probe, answer: Answer) -> Iterator[Score]:
    share, count = _share(answer), len(answer.target_ids)
    yield from _by_both(probe, probe.kind, share, count)
    if probe.kind == "generality" and probe.distinct:
        yield _score(probe, "generality_distinct", TEACHER_FORCED, share, count)
    if probe.kind in EXACT_KINDS:
        yield _score(probe, f"{probe.kind}_exact", GREEDY_EXACT, float(share == 1), 1)


def _share(answer: Answer) -> float:
    """Of the target's tokens, those that are right."""
    right = sum(a == b for a, b in zip(answer.predicted_ids, answer.target_ids, strict=True))
    return right / len(answer.target_ids)


def _reply(probe: Probe, answer: Answer, said: str, before: str) -> Reply:
    return Reply(
        probe.fact_id, probe.kind, TEACHER_FORCED, probe.edit_lang, probe.probe_lang, probe.prompt, probe.target,
        probe.aliases, before, said, len(answer.target_ids), "target", _share(answer),
    )  # fmt: skip


def _by_both(probe: Probe, metric: str, value: float, weight: int) -> Iterator[Score]:
    """The row of the edited fact, and the same of the fact that is asked where that is known."""
    row = _score(probe, metric, TEACHER_FORCED, value, weight)
    yield row
    if probe.asks:
        yield replace(row, fact_id=probe.asks, metric=f"{metric}_asked")


def _score(probe: Probe, metric: str, protocol: str, value: float, weight: int) -> Score:
    return Score(probe.fact_id, metric, protocol, probe.edit_lang, probe.probe_lang, value, float(weight))


def build(config: Config) -> Evaluator:
    """The editing metrics."""
    return Edits()

"""What the model says of its own accord, greedily from the bare prompt, until its answer ends: as a user would ask.

Protocol ``generation``: an answer is at most 50 tokens and ends with its sentence or line by the rules of the language
(`evaluators._generation.endings`), or by the model's own token; it is compared after NFKC, without case, punctuation,
the articles of the language and, where it has none, spaces (`evaluators._generation.words`). Protocol
``generation_wild`` (``rules: wild``) is that of WILD (Yang et al., The Mirage of Model Editing, ACL 2025): an answer
ends before the first full stop or line break whatever they stand in, and is compared as SQuAD does for English.

Per probe: ``<kind>_match``, whether the answer is the target or an alias of it; ``<kind>_contained``, whether it holds
one; ``<kind>_f1`` of its words; and ``<kind>_length`` in tokens. What they are worth without an edit stands beside
them as protocols of their own: ``generation_unedited``, what the unedited model says to the same, and
``generation_shuffled``, the edited model's answers judged by the target of another fact of that kind and language.
``specificity_unchanged``: whether the answer is the unedited model's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bench.api import Context, Evaluator, Fact, Generated, Probe, Reply, Score, Scorer
from evaluators._generation import words
from evaluators._generation.controls import others, wanted
from evaluators._generation.rules import Judged, Multilingual, Rules, Wild, judge

RULES: dict[str, Rules] = {"multilingual": Multilingual(), "wild": Wild()}

UNEDITED, SHUFFLED = "unedited", "shuffled"


class Config(BaseModel):
    """Options.

    Attributes:
        rules: where answers end and how they are compared; see the module.
        tokens: most tokens of an answer; 50 are the published ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Literal["multilingual", "wild"] = "multilingual"
    tokens: int = Field(50, ge=1)


class Generation:
    """Asks every probe of every fact edited so far, all in one batched call, before and after the edits."""

    def __init__(self, config: Config) -> None:
        self._rules, self._most = RULES[config.rules], config.tokens

    def score(self, view: Scorer, seen: Sequence[Fact], context: Context) -> Iterator[Score | Reply]:
        """Rows as the module describes them, and every answer."""
        probes = [probe for fact in seen for probe in fact.probes]
        now = self._said(view, probes)
        with view.unedited() as original:
            before = self._said(original, probes)
        rules = self._rules
        strange = others(probes, rules, context.rng(f"{rules.protocol}/{SHUFFLED}"))
        for probe, said, old, other in zip(probes, now, before, strange, strict=True):
            judged = judge(rules, said.text, wanted(probe), probe.probe_lang)
            first = judge(rules, old.text, wanted(probe), probe.probe_lang)
            for protocol, found, text in ((rules.protocol, judged, said), (f"{rules.protocol}_{UNEDITED}", first, old)):
                yield from _rows(probe, protocol, found)
                yield _score(probe, f"{probe.kind}_length", protocol, float(len(text.ids)))
            if other:
                chance = judge(rules, said.text, other, probe.probe_lang)
                yield from _rows(probe, f"{rules.protocol}_{SHUFFLED}", chance)
            if probe.kind == "specificity":
                yield self._unchanged(probe, said, old)
            yield _reply(probe, rules.protocol, judged, said, old)

    def _said(self, view: Scorer, probes: Sequence[Probe]) -> list[Generated]:
        endings = [self._rules.ending(probe.probe_lang) for probe in probes]
        return view.generate([probe.prompt for probe in probes], endings, self._most)

    def _unchanged(self, probe: Probe, now: Generated, before: Generated) -> Score:
        lang, rules = probe.probe_lang, self._rules
        same = words.same(rules.words(now.text, lang), rules.words(before.text, lang), rules.lang(lang))
        return _score(probe, "specificity_unchanged", self._rules.protocol, float(same))


def _rows(probe: Probe, protocol: str, judged: Judged) -> Iterator[Score]:
    yield _score(probe, f"{probe.kind}_match", protocol, judged.match)
    yield _score(probe, f"{probe.kind}_contained", protocol, judged.contained)
    yield _score(probe, f"{probe.kind}_f1", protocol, judged.f1)


def _score(probe: Probe, metric: str, protocol: str, value: float) -> Score:
    return Score(probe.fact_id, metric, protocol, probe.edit_lang, probe.probe_lang, value)


def _reply(probe: Probe, protocol: str, judged: Judged, now: Generated, before: Generated) -> Reply:
    return Reply(
        probe.fact_id, probe.kind, protocol, probe.edit_lang, probe.probe_lang, probe.prompt, probe.target,
        probe.aliases, before.text, now.text, len(now.ids), now.ended, judged.match,
    )  # fmt: skip


def build(config: Config) -> Evaluator:
    """Free generation as described above."""
    return Generation(config)

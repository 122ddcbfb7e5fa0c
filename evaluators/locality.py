"""How far edits moved what is said of other facts: KL, top-1 and top-5 overlap with the unedited model.

At every position of a specificity probe's target, given the true tokens before it, the next-token distribution of the
edited model is set beside the unedited one's: ``specificity_kl``, KL(unedited || edited) over the whole vocabulary in
nats; ``specificity_top1``, whether the likeliest token is the same; ``specificity_top5``, the share of the five
likeliest that are among the five likeliest still. No gold answer is asked for, so the model need not know the fact.

Protocol ``teacher_forced`` asks the bare probe, protocol ``edit_prepended`` the probe after the edit itself, prompt and
new target as a sentence (the hard variant: CounterFact+, Hoelscher-Obermaier et al., ACL Findings 2023). The unedited
model reads that sentence, too, so that only what the edit did counts. Probes that are too long then have no row. A
model that has diverged has no KL, and its overlap is 0. Where the data tell which fact a probe asks, each row stands
there a second time, under that fact, as in the evaluator ``edits``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from bench.api import Change, Context, EditRequest, Evaluator, Fact, Probe, Score, Scorer

BARE, HARD = "teacher_forced", "edit_prepended"

STOPS = {"zh": "。", "ja": "。"}
"""What ends a sentence where that is no full stop and space."""


class Config(BaseModel):
    """Options.

    Attributes:
        hard: ask after the edit itself, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hard: bool = True


class Locality:
    """Compares the model with itself before all edits, on the specificity probes of every fact edited so far."""

    def __init__(self, config: Config) -> None:
        self._hard = config.hard

    def score(self, view: Scorer, seen: Sequence[Fact], context: Context) -> Iterator[Score]:
        """Up to three rows per probe and protocol; a row weighs as many tokens as its target has."""
        asked = [(fact.request, probe) for fact in seen for probe in fact.probes if probe.kind == "specificity"]
        targets = [probe.target for _, probe in asked]
        prompts = {BARE: [probe.prompt for _, probe in asked]}
        if self._hard:
            prompts[HARD] = [sentence(request) + probe.prompt for request, probe in asked]
        for protocol, texts in prompts.items():
            changed = view.changes(texts, targets) if texts else []
            for (_, probe), change in zip(asked, changed, strict=True):
                if change is not None:
                    yield from _rows(probe, protocol, change)


def sentence(request: EditRequest) -> str:
    """An edit as a statement that another text can follow."""
    return f"{request.text}{request.target}{STOPS.get(request.lang, '. ')}"


def _rows(probe: Probe, protocol: str, change: Change) -> Iterator[Score]:
    for name, value in (("kl", change.kl), ("top1", change.top1), ("top5", change.top5)):
        if value is None:
            continue
        row = Score(
            probe.fact_id, f"specificity_{name}", protocol, probe.edit_lang, probe.probe_lang, value,
            float(change.count),
        )  # fmt: skip
        yield row
        if probe.asks:
            yield replace(row, fact_id=probe.asks, metric=f"{row.metric}_asked")


def build(config: Config) -> Evaluator:
    """Locality as described above."""
    return Locality(config)

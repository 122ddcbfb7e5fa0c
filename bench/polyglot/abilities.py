"""What the embedded model must be able to do beside recalling facts: be edited, and solve its own XTREME tasks."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench.api import Fact, Kept
from bench.config.registry import evaluators, methods
from bench.config.settings import hyperparameters
from bench.data.cldr.facts import load_cldr, practice_facts
from bench.data.cldr.phrasings import LANGUAGES
from bench.data.corpora import EMBEDDED, corpus
from bench.model.editable import EditableModel
from bench.model.stats import Stats

MODEL = "polyglot-tiny"
SEED = 2000
"""Of the facts asked; neither the benchmark's nor the tuning's."""

BATCH = 20
TOKEN_BUDGET = 20_000


@dataclass(frozen=True, slots=True)
class _Anywhere:
    """A context without a cell: all languages, seeded."""

    languages: tuple[str, ...] = LANGUAGES
    model_name: str = MODEL
    data_dir: Path | None = None
    answers_kept: Kept = "none"

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(SEED)

    def practice(self, languages: Sequence[str] = ()) -> list[Fact]:
        return [fact for of in practice_facts(languages or self.languages).values() for fact in of]


def editability(
    model: EditableModel, languages: tuple[str, ...] = LANGUAGES, options: Mapping[str, Any] | None = None
) -> dict[str, dict[str, float]]:
    """Edit one batch of facts per language with MEMIT.

    Args:
        model: the model, unedited; as it was when this returns.
        languages: those to edit in.
        options: of MEMIT; those for the embedded model where None.

    Returns:
        By name and language: ``reached`` (share of targets with an NLL of at most .1 after value optimisation),
        ``efficacy`` and ``specificity`` (token accuracy).
    """
    registry = methods()
    memit = registry.build("memit", hyperparameters(MODEL, registry)["memit"] if options is None else options)
    scorer = evaluators().build("edits", {})
    facts, context = load_cldr(LANGUAGES, BATCH, SEED), _Anywhere()
    found: dict[str, dict[str, float]] = {"reached": {}, "efficacy": {}, "specificity": {}}
    with tempfile.TemporaryDirectory() as cache:
        state = memit.prepare(model, Stats(Path(cache), corpus(EMBEDDED), TOKEN_BUDGET), context)
        for lang in languages:
            batch: list[Fact] = facts[lang]
            _, report = memit.apply(model, [fact.request for fact in batch], state)
            rows = list(scorer.score(model, batch, context))
            found["reached"][lang] = 1 - report.losses["unreached"]
            for metric in ("efficacy", "specificity"):
                kept = [row for row in rows if row.metric == metric]
                found[metric][lang] = sum(r.value * r.weight for r in kept) / sum(r.weight for r in kept)
            model.reset()
    return found


def xtreme_f1(model: EditableModel, limit: int = 100) -> dict[str, dict[str, float]]:
    """F1 of the unedited model on xtreme-mini by the published protocol.

    Args:
        model: the model.
        limit: most items per task and language.

    Returns:
        task -> language -> F1 in [0, 1].
    """
    scorer = evaluators().build("xtreme", {"source": "mini", "limit": limit})
    found: dict[str, dict[str, float]] = {}
    for row in scorer.score(model, (), _Anywhere()):
        if (row.metric, row.protocol) == ("xtreme_f1", "langedit"):
            found.setdefault(row.fact_id, {})[row.probe_lang] = row.value
    return found

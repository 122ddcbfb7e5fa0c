"""Whether facts can be written into the embedded model: one MEMIT batch per language, on the unedited weights."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from bench import models
from bench.api import Fact
from bench.model import EditableModel
from bench.polyglot.facts import load_cldr
from bench.polyglot.phrasings import LANGUAGES
from bench.registry import evaluators, methods
from bench.settings import hyperparameters
from bench.stats import Stats

MODEL = "polyglot-tiny"
SEED = 2000
"""Of the facts asked; neither the benchmark's nor the tuning's."""

BATCH = 10
TOKEN_BUDGET = 20_000


@dataclass(frozen=True, slots=True)
class _Languages:
    """A context without a cell: all languages, seeded."""

    languages: tuple[str, ...] = LANGUAGES
    model_name: str = MODEL
    data_dir: Path | None = None

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(SEED)


def editability(folder: Path, languages: tuple[str, ...] = LANGUAGES) -> dict[str, float]:
    """Edit one batch of facts per language with MEMIT and its hyperparameters for the embedded model.

    Args:
        folder: a saved model with its tokenizer.
        languages: those to edit in.

    Returns:
        By name: ``value-nll`` (mean NLL of the targets after value optimisation), ``efficacy`` and ``specificity``
        (token accuracy), each a mean over the languages.
    """
    registry = methods()
    memit = registry.build("memit", hyperparameters(MODEL, registry)["memit"])
    scorer = evaluators().build("edits", {})
    facts, context = load_cldr(LANGUAGES, BATCH, SEED), _Languages()
    sums = dict.fromkeys(("value-nll", "efficacy", "specificity"), 0.0)
    with tempfile.TemporaryDirectory() as cache:
        model = EditableModel(*models.load_pretrained(str(folder), "float32", "cpu", Path(cache)))
        state = memit.prepare(model, Stats(Path(cache), token_budget=TOKEN_BUDGET), context)
        for lang in languages:
            batch: list[Fact] = facts[lang]
            _, report = memit.apply(model, [fact.request for fact in batch], state)
            rows = list(scorer.score(model, batch, context))
            sums["value-nll"] += report.losses["nll"]
            for metric in ("efficacy", "specificity"):
                kept = [row for row in rows if row.metric == metric]
                sums[metric] += sum(r.value * r.weight for r in kept) / sum(r.weight for r in kept)
            model.reset()
    return {name: total / len(languages) for name, total in sums.items()}

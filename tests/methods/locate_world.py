"""What tests of locate-then-edit methods build on: statistics of tiny models, a context with practice facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench.api import EditReport, EditRequest, Fact, Method, State
from bench.compute.conformance import OPTIONS
from bench.compute.tiny_facts import practice
from bench.config.registry import methods
from bench.data.corpora import corpus
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model

SHORT = {**OPTIONS, "value_steps": 3, "prefix_lengths": ()}
"""What takes least time."""


def tiny_stats(folder: Path) -> Stats:
    (folder / "corpus.txt").write_text("\n".join(tiny_corpus()), encoding="utf-8")
    return Stats(folder, corpus(str(folder / "corpus.txt")))


class Here:
    """A context of some languages."""

    model_name, data_dir = "tiny", None

    def __init__(self, *languages: str) -> None:
        self.languages = languages
        self.asked: list[tuple[str, ...]] = []

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(len(part))

    def practice(self, languages: Sequence[str] = ()) -> list[Fact]:
        self.asked.append(tuple(languages))
        return [fact for fact in practice() if fact.request.lang in (languages or self.languages)]


def built(name: str, **options: Any) -> Method:
    registry = methods()
    known = {key: value for key, value in SHORT.items() if key in registry.options(name)}
    found: Method = registry.build(name, {**known, **options})
    return found


def edited(
    name: str, stats: Stats, steps: Sequence[Sequence[EditRequest]], context: Here, seed: int = 0, **options: Any
) -> tuple[EditableModel, State, list[EditReport]]:
    model, chosen = tiny_model("llama", seed=seed), built(name, **options)
    state, reports = chosen.prepare(model, stats, context), []
    for step in steps:
        state, report = chosen.apply(model, step, state)
        reports.append(report)
    return model, state, reports

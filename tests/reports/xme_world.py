"""Runs of independent edits made up for the tests: what every edit gives in every language, as we like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.config.cell import SCHEMA_VERSION, Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.ground.atomic import write_json
from bench.store.results import Results, place
from bench.store.shards import COST_TABLE, ResultStore
from reports.experiments.common import groups
from reports.experiments.xme_study import Study, study
from reports.numbers.aggregate import Setting, panels
from tests.reports.world import ENVIRONMENT, costs, hand_made

Level = Callable[[str, str, str, int], float]
"""(method, language of the edit, of the question, number of the fact) -> value."""


@dataclass(frozen=True)
class Edits:
    """Edits in all languages, asked in all.

    Attributes:
        generality, specificity: what an edit gives.
        says: whether the unedited model says the target of a fact already.
        asked: the claims that specificity asks are told.
    """

    methods: tuple[str, ...]
    generality: Level
    specificity: Level = lambda method, edited, asked, fact: 1.0
    says: Callable[[int], bool] = lambda fact: fact % 2 == 1
    languages: tuple[str, ...] = ("en", "fr", "hi")
    facts: int = 4
    model: str = "claims-bert-tiny"
    data: str = "claims"
    asked: bool = False

    def results(self) -> Results:
        """In memory."""
        cells = [{"cell": method, "method": method, "model": self.model, "data": self.data} for method in self.methods]
        rows = [{"cell": method, "step": step, **row} for method in self.methods for step, row in self.rows(method)]
        return replace(hand_made(rows, cells), run={"independent": True})

    def rows(self, method: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Scores with their steps; a step edits one language, as with the order cycle."""
        for step, edited in enumerate(self.languages, start=1):
            for fact in range(self.facts):
                base = {"fact": f"f{fact}", "edit_lang": edited, "protocol": "teacher_forced", "weight": 1.0}
                said = float(self.says(fact)) if method == "none" else 1.0
                yield step, {**base, "metric": "efficacy", "probe_lang": edited, "value": said}
                for asked in self.languages:
                    there = {**base, "probe_lang": asked}
                    metric = "generality" if asked == edited else "crosslingual"
                    yield step, {**there, "metric": metric, "value": self.generality(method, edited, asked, fact)}
                    kept = {"metric": "specificity_agreement", "value": self.specificity(method, edited, asked, fact)}
                    yield step, {**there, **kept}
                    yield step, {**there, "metric": "specificity", "value": kept["value"]}
                    if self.asked:
                        claim = {"fact": f"q{fact % 3}", "metric": "specificity_agreement_asked"}
                        yield step, {**there, **kept, **claim}

    def study(self) -> Study:
        """What the sections are computed from."""
        given = self.results()
        (group,) = groups(panels(given), Setting._fields, "edited")
        found = study(given, group, next(iter(group.panels.values())))
        assert found is not None
        return found

    def write(self, root: Path) -> Path:
        """The same on disk."""
        store = ResultStore(root)
        cells = [self.cell(method) for method in self.methods]
        for cell in cells:
            store.start(cell, ENVIRONMENT)
            rows = list(self.rows(cell.method.name))
            for step in range(1, len(self.languages) + 1):
                store.record(cell.id(), step, "edits", [row for at, row in rows if at == step])
                store.record(cell.id(), step, COST_TABLE, costs(cell, step, "done"))
            store.finish(cell.id(), "done")
        run = {"schema_version": SCHEMA_VERSION, "independent": True, "cells": [place(cell) for cell in cells]}
        write_json(root / "run.json", run)
        return root

    def cell(self, method: str) -> Cell:
        return Cell(
            method=MethodSpec(name=method),
            model=ModelRef(name=self.model, fingerprint=f"f00d {self.model}"),
            data=DataRef(name=self.data),
            schedule=Schedule(
                languages=self.languages,
                edits_per_language=self.facts,
                batch_size=self.facts,
                parallel=True,
                independent=True,
            ),
        )


def texts(rows: Sequence[Sequence[Any]], count: int) -> list[tuple[str, ...]]:
    """The first texts of some rows."""
    return [tuple(cell.text for cell in row[:count]) for row in rows]

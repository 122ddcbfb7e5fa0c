"""Runs made up for the tests: cells on disk as the driver writes them, numbers as we like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.config.cell import SCHEMA_VERSION, Cell, DataRef, MethodSpec, ModelRef, Order, Schedule
from bench.config.run import ALL
from bench.ground.atomic import write_json
from bench.store.results import CELL_COLUMNS, Results, place
from bench.store.shards import COST_SCHEMA, COST_TABLE, SCORE_SCHEMA, ResultStore, Status
from reports.parts.sections import Section
from reports.parts.tables import Cell as TableCell
from reports.parts.tables import Table

LEVELS = {
    "none": (12, 11, 88),
    "ft": (70, 40, 22),
    "rome": (45, 38, 30),
    "memit": (83, 74, 55),
    "prune": (80, 71, 58),
    "rect": (78, 70, 61),
    "alphaedit": (90, 80, 74),
    "langedit": (93, 85, 80),
}
"""Efficacy, generality and specificity of each method, in percent."""

ENVIRONMENT = {
    "python": "3.11.9",
    "packages": {"langedit-bench": "0.1.0", "torch": "2.13.0", "lm_eval": None},
    "commit": "abc1234",
    "device": "cpu (x86_64)",
    "threads": 1,
    "alignment": [],
}


@dataclass
class World:
    """A run to be written.

    Attributes:
        status: of the cells (method, seed) that are not done.
        languages: that facts are edited in.
        facts: per language.
        levels: per method.
        orders, edited: a cell for each; () = all languages.
        scored: steps after which the model is scored; XTREME falls by a point a step before the last.
        asked: whether facts are asked in other languages, at 6/10 of the level of efficacy.
        hops: whether a second hop is asked, at half the level.
        alone: points that a language gains where it is the only one.
    """

    methods: tuple[str, ...] = tuple(LEVELS)
    seeds: tuple[int, ...] = (0, 1, 2)
    languages: tuple[str, ...] = ("en", "de", "nl", "es", "fr", "zh")
    facts: int = 10
    status: Mapping[tuple[str, int], Status] = field(default_factory=dict)
    levels: Mapping[str, tuple[int, int, int]] = field(default_factory=lambda: LEVELS)
    extra: bool = True
    xtreme: bool = False
    data: str = "cldr"
    orders: tuple[Order, ...] = ("cycle",)
    edited: tuple[tuple[str, ...], ...] = ((),)
    scored: tuple[int, ...] = (3,)
    asked: bool = False
    hops: bool = False
    alone: float = 0.0

    def write(self, root: Path, model: str = "polyglot-tiny", plan: bool = True) -> Path:
        """Write cells, scores, costs and run.json below `root`."""
        store, cells = ResultStore(root), self.planned(model)
        for cell in cells:
            self.write_cell(store, cell)
        if plan:
            path = root / "run.json"
            write_json(path, {"schema_version": SCHEMA_VERSION, "cells": [place(cell) for cell in cells]})
        return root

    def planned(self, model: str) -> list[Cell]:
        return [
            self.cell(method, seed, model, order, edited)
            for method in self.methods
            for seed in self.seeds
            for order in self.orders
            for edited in self.edited
        ]

    def cell(self, method: str, seed: int, model: str, order: Order = "cycle", edited: tuple[str, ...] = ()) -> Cell:
        return Cell(
            method=MethodSpec(name=method, options={} if method == "none" else {"layers": [2, 3], "lambda": 3000.0}),
            model=ModelRef(name=model, fingerprint=f"f00d {model}"),
            data=DataRef(name=self.data),
            schedule=self.schedule(order, edited),
            seed=seed,
        )

    def schedule(self, order: Order, edited: tuple[str, ...]) -> Schedule:
        """Three steps of one fact each, in every group of languages."""
        facts = max(self.facts, 3)
        return Schedule(
            languages=self.languages, edits_per_language=facts, order=order, edited=edited, batch_size=1, steps=3
        )

    def write_cell(self, store: ResultStore, cell: Cell) -> None:
        status = self.status.get((cell.method.name, cell.seed), "done")
        if status == "missing":
            return
        store.start(cell, ENVIRONMENT)
        if status in ("failed", "interrupted"):
            store.finish(cell.id(), status, "Traceback ...\nRuntimeError: out of memory")
            return
        for step in self.scored:
            store.record(cell.id(), step, "edits", self.scores(cell))
            if self.xtreme:
                store.record(cell.id(), step, "xtreme", xtreme(cell, step))
        for step in (1, 2, 3):
            store.record(cell.id(), step, COST_TABLE, costs(cell, step, status))
        store.finish(cell.id(), status, "weights are not finite" if status == "diverged" else "")

    def scores(self, cell: Cell) -> Iterator[dict[str, Any]]:
        draw = np.random.default_rng(cell.seed)  # the same for every method, as in real runs: pairs are paired
        alone = self.alone if len(cell.schedule.written) == 1 and cell.method.name != "none" else 0.0
        for language_number, language in enumerate(self.languages):
            for fact in range(self.facts):
                record = {"fact": f"fact-{cell.seed}-{language}-{fact}", "edit_lang": language}
                rows = list(self.probes(cell, draw, 2.0 * (language_number % 3) - alone))
                if language in cell.schedule.written:
                    yield from ({**record, "probe_lang": language, **row} for row in rows)
                    yield from ({**record, **row} for row in self.further(cell, language, rows[0]))

    def probes(self, cell: Cell, draw: np.random.Generator, shift: float) -> Iterator[dict[str, Any]]:
        for metric, level in zip(("efficacy", "generality", "specificity"), self.levels[cell.method.name], strict=True):
            weight = float(draw.integers(1, 4))
            value = float(np.clip((level - shift + 8 * draw.standard_normal()) / 100, 0, 1))
            own_noise = np.random.default_rng([cell.seed, len(cell.method.name), int(1e6 * value)]).normal(0, 0.02)
            value = float(np.clip(value + own_noise, 0, 1))
            row = {"metric": metric, "protocol": "teacher_forced", "value": value, "weight": weight}
            yield row
            if self.extra and metric != "specificity":
                yield {**row, "metric": f"{metric}_exact", "protocol": "greedy_exact", "value": float(value > 0.8)}
            if self.extra and metric == "specificity":
                yield {**row, "metric": "specificity_agreement"}

    def further(self, cell: Cell, language: str, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if self.hops:
            yield {**row, "metric": "portability", "probe_lang": language, "value": 0.5 * row["value"]}
        for number, other in enumerate(code for code in self.languages if self.asked and code != language):
            yield {**row, "metric": "crosslingual", "probe_lang": other, "value": (0.6 - 0.02 * number) * row["value"]}
            spared = self.levels[cell.method.name][2] / 100 + 0.01 * number
            yield {**row, "metric": "specificity", "probe_lang": other, "value": min(1.0, spared)}


def xtreme(cell: Cell, step: int = 3) -> Iterator[dict[str, Any]]:
    """Two tasks in unequal numbers of languages, both protocols, three items each."""
    early = 0.0 if cell.method.name == "none" else 0.01 * (3 - step)
    strength = LEVELS[cell.method.name][2] / 100 + early
    for task, languages in (("xnli", ("en", "de", "zh")), ("wikiann", ("en", "fr"))):
        for number, language in enumerate(languages):
            for protocol, loss in (("langedit", 0.0), ("likelihood", 0.1)):
                row = {"protocol": protocol, "edit_lang": "", "probe_lang": language, "weight": 1.0}
                yield {**row, "metric": "xtreme_f1", "fact": task, "value": max(0.0, strength - loss - 0.01 * number)}
                for item in range(3):
                    value = max(0.0, strength - 0.02 * item * cell.seed)
                    yield {**row, "metric": "xtreme_item", "fact": f"{task}/{language}/{item}", "value": value}


def costs(cell: Cell, step: int, status: str) -> list[dict[str, Any]]:
    """Cost rows as the driver writes them; a loss that was no number is null."""
    values: dict[str, float | None] = {
        "edits": 10,
        "diverged": float(status == "diverged" and step == 3),
        "seconds.total": 0.5 + step,
        "memory.peak_bytes": step * 2.0**28,
        "loss.nll": None,
    }
    if cell.method.name != "none":
        values |= {"seconds.values": 0.5, "seconds.solve": 0.25}
    if step == 3:
        values["seconds.score.edits"] = 4.0
    return [{"quantity": name, "layer": -1, "value": value} for name, value in values.items()]


def hand_made(
    rows: list[dict[str, Any]], cells: list[dict[str, Any]], costs: list[dict[str, Any]] | None = None
) -> Results:
    """Results of rows that name only what matters.

    Args:
        rows: scores; a fact "x" asked and edited in "en" at step 1, weight 1, unless they say otherwise.
        cells: done, of model "m", data "d", order "cycle", everything edited, seed 0, unless they say otherwise.
        costs: cost rows.
    """
    score = {"step": 1, "metric": "efficacy", "protocol": "teacher_forced", "fact": "x", "edit_lang": "en"}
    cell = {"model": "m", "data": "d", "order": "cycle", "edited": ALL, "seed": 0, "status": "done", "reason": ""}
    full = [{**score, "weight": 1.0, "probe_lang": row.get("edit_lang", "en"), **row} for row in rows]
    spent = [{"layer": -1, **row} for row in costs or []]
    return Results(
        pd.DataFrame([{**cell, **each} for each in cells], columns=list(CELL_COLUMNS)),
        pd.DataFrame(full, columns=SCORE_SCHEMA.names),
        pd.DataFrame(spent, columns=COST_SCHEMA.names) if spent else COST_SCHEMA.empty_table().to_pandas(),
        {},
    )


def table_named(section: Section, name: str) -> Table:
    """A table of a section."""
    return next(part for part in section.parts if isinstance(part, Table) and part.name == name)


def by_key(table: Table, texts: int = 1) -> dict[tuple[str, ...], dict[str, TableCell]]:
    """Rows by their first texts, cells by column."""
    keys = [column.key for column in table.columns]
    return {tuple(cell.text for cell in row[:texts]): dict(zip(keys, row, strict=True)) for row in table.rows}

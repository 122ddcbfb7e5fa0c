"""The numbers of a column: every measure with interval, n and rank, over all languages and in each that was edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import comb

import pandas as pd

from bench.ground.progress import Progress
from reports.board.columns import Column, Row
from reports.board.entries import EVALUATORS, MEASURES, Computed
from reports.numbers.aggregate import Panel, Setting, Standing, Summary, languages, summaries
from reports.numbers.f1 import is_f1
from reports.numbers.grouping import Ranking, ranking
from reports.numbers.intervals import Interval, interval
from reports.numbers.measures import EFFICACY, SCORE, Measure
from reports.numbers.upper import competes

EVERY = ""
"""Stands for all languages."""


@dataclass(frozen=True, slots=True)
class Number:
    """A row's number: None where seeds are missing; its interval; and the best and worst rank that tests leave it."""

    summary: Summary
    interval: Interval
    places: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class View:
    """A measure in one language, or in all.

    Attributes:
        numbers: by label of the row.
    """

    numbers: Mapping[str, Number]
    ranking: Ranking


@dataclass(frozen=True, slots=True)
class Asked:
    """A measure of a column.

    Attributes:
        told: what its evaluator was told to ask, by option.
        views: by language; `EVERY` first.
    """

    measure: Measure
    told: Mapping[str, object]
    views: Mapping[str, View]

    @property
    def protocol(self) -> str:
        """How answers are judged; the score's is that of its parts."""
        return (EFFICACY if self.measure == SCORE else self.measure).protocol or ""


@dataclass(frozen=True, slots=True)
class _Open:
    """A measure that is yet to be ranked.

    Attributes:
        told: what its evaluator was told to ask, by option.
        parts: the records by language; `EVERY` first.
        competing: rows that are ranked.
    """

    measure: Measure
    told: Mapping[str, object]
    parts: Mapping[str, Panel]
    competing: Sequence[str]


def standing(column: Column, progress: Progress) -> list[Asked]:
    """Every measure that any row of a column has; how far it is goes by the tests of F1, which take the time."""
    order = {measure: place for place, measure in enumerate(MEASURES)}
    to_rank = [each for evaluator, asked in _sheets(column) for each in _measures(column, evaluator, asked)]
    slow = [each for each in to_rank if is_f1(each.measure)]
    begun = _count(progress, sum(len(each.parts) * comb(len(each.competing), 2) for each in slow))
    found = []
    for each in sorted(to_rank, key=lambda each: order[each.measure]):
        views = {code: _view(panel, each, begun) for code, panel in each.parts.items()}
        there = {code: view for code, view in views.items() if any(n.summary.have for n in view.numbers.values())}
        if EVERY in there:
            found.append(Asked(each.measure, each.told, there))
    return found


def _count(progress: Progress, total: int) -> Callable[[], None]:
    """Counts the tests of F1; methods without a number are not tested, so fewer than `total` may come."""
    done = count()
    return lambda: progress.step(next(done), total, "testing F1")


def _sheets(column: Column) -> list[tuple[str, dict[str, object]]]:
    """What evaluators were told to ask in a column: each way apart."""
    found: list[tuple[str, dict[str, object]]] = []
    for cell in (cell for row in column.rows for cell in row.cells):
        for evaluator in sorted(cell.scores):
            if (each := (evaluator, cell.asked(evaluator))) not in found:
                found.append(each)
    return found


def _sheet(column: Column, evaluator: str, asked: dict[str, object]) -> Panel:
    """One way of asking, as the table of a report."""
    standings: list[Standing] = []
    records: list[pd.DataFrame] = []
    for row in column.rows:
        cells = _cells(row, evaluator, asked)
        scored = {seed: cell for seed, cell in cells.items() if evaluator in cell.scores}
        if not scored:
            continue
        standings.append(
            Standing(
                method=row.label,
                seeds=tuple(sorted({*cells, *row.missing})),
                scored=tuple(sorted(scored)),
                diverged=tuple(seed for seed, cell in sorted(scored.items()) if cell.place["status"] == "diverged"),
                steps=(),
            )
        )
        for seed, cell in scored.items():
            records.append(cell.scores[evaluator].assign(method=row.label, seed=seed))
    place = column.rows[0].cells[0].place
    setting = Setting(place["model"], place["data"], place["order"], place["edited"])
    return Panel(setting, tuple(standings), pd.concat(records, ignore_index=True))


def _cells(row: Row, evaluator: str, asked: dict[str, object]) -> dict[int, Computed]:
    """A row's cell of every seed, of several copies one that is scored in this way."""
    found: dict[int, Computed] = {}
    for cell in row.cells:
        if cell.asked(evaluator) == asked and (evaluator in cell.scores or cell.lacks(evaluator)):
            known = found.get(cell.seed)
            if known is None or evaluator not in known.scores:
                found[cell.seed] = cell
    return found


def _measures(column: Column, evaluator: str, asked: dict[str, object]) -> list[_Open]:
    panel = _sheet(column, evaluator, asked)
    methods = {row.label: row.method for row in column.rows}
    competing = [each.method for each in panel.standings if competes(methods[each.method])]
    parts = {EVERY: panel}
    if len(codes := languages(panel)) > 1:
        parts |= {code: replace(panel, records=panel.records[panel.records["edit_lang"] == code]) for code in codes}
    of_it = [each for each in MEASURES if EVALUATORS.get(each.metric, "edits") == evaluator]
    return [_Open(measure, asked, parts, competing) for measure in of_it]


def _view(panel: Panel, of: _Open, begun: Callable[[], None]) -> View:
    found = summaries(panel, of.measure)
    ranks = ranking(panel, of.measure, of.competing, begun)
    numbers = {
        name: Number(summary, interval(panel, of.measure, name), ranks.places.get(name))
        for name, summary in found.items()
    }
    return View(numbers, ranks)

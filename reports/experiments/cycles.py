"""Facts written, taken back and written again: what remains after so many passes over the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bench.store.results import Results
from reports.experiments.common import finer, seeds_of, summaries_by, with_reasons
from reports.numbers.aggregate import Panel, Summary
from reports.numbers.measures import CORE, FURTHER, GENERALITY, SPECIFICITY, XTREME, Measure
from reports.parts.contents import METHOD, display_name, summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.curves import Chart, draw_curves

TURN = "turn"
"""Quantity that tells of a step to which pass it belongs; only runs with several record it."""

REPLACED = next(measure for measure in FURTHER if measure.key == "replaced")
MEASURES = (*CORE, REPLACED, XTREME)


@dataclass(frozen=True, slots=True)
class Course:
    """Scores after each pass.

    Attributes:
        measures: that the run has, in the order of tables.
        passes: after which the model was scored, ascending; odd ones wrote the new objects.
        numbers: (method, metric, pass) -> number.
    """

    methods: tuple[str, ...]
    measures: tuple[Measure, ...]
    passes: tuple[int, ...]
    numbers: Mapping[tuple[Any, ...], Summary]


def is_of(results: Results) -> bool:
    """Whether a run edits its facts several times."""
    return bool((results.costs["quantity"] == TURN).any())


def section(results: Results, panel: Panel) -> Section | None:
    """The course and what it comes to, or None where facts are edited once."""
    found = course(results, panel) if is_of(results) else None
    if found is None or len(found.passes) < 2:
        return None
    text = (
        "All facts are edited in every pass: odd passes write their new objects, even ones what was true before. Each "
        f"fact is asked for what its last edit wrote and for what that replaced, {seeds_of(panel)}. An editor that "
        "leaves no traces comes back to the same numbers in every second pass, and after an even one to the unedited "
        "model's abilities."
    )
    alt = f"Scores after each of {len(found.passes)} passes, a line per method"
    caption = "Scores after each pass over the same facts, percent; odd passes write new objects, even ones restore."
    picture = Picture("cycles", caption, alt, draw(found))
    return Section("Again and again", (text, picture, remaining(panel, found), table(panel, found)))


def course(results: Results, panel: Panel) -> Course | None:
    """Numbers after the last step of every pass; None where no pass has come to its end."""
    records = finer(results, panel, MEASURES, ("fact", "edit_lang"), every_step=True)
    records = records.merge(ends(results.costs), on=["cell", "step"])
    if records.empty:
        return None
    there = tuple(measure for measure in MEASURES if (records["metric"] == measure.metric).any())
    return Course(
        tuple(standing.method for standing in panel.standings),
        there,
        tuple(sorted({int(each) for each in records[TURN]})),
        summaries_by(panel, records, ("metric", TURN)),
    )


def ends(costs: pd.DataFrame) -> pd.DataFrame:
    """cell, step and pass of the last step of every pass that has come so far."""
    rows = costs[costs["quantity"] == TURN]
    last = rows.groupby(["cell", "value"], as_index=False)["step"].max()
    found: pd.DataFrame = last.assign(**{TURN: last["value"].astype(int)})[["cell", "step", TURN]]
    return found


def draw(found: Course) -> Figure:
    """A panel per measure."""
    charts = [
        Chart(
            measure.title,
            {method: _points(found, method, measure) for method in found.methods},
            "Passes",
            level=measure in (XTREME, SPECIFICITY),
        )
        for measure in found.measures
    ]
    return draw_curves(found.methods, charts)


def _points(found: Course, method: str, measure: Measure) -> list[tuple[float, float]]:
    numbers = ((each, found.numbers.get((method, measure.metric, each))) for each in found.passes)
    return [(float(each), number.mean) for each, number in numbers if number is not None and number.mean is not None]


def remaining(panel: Panel, found: Course) -> Table:
    """A row per method: scores after the last pass less those after the first, of passes that wrote and restored."""
    kinds = {"written": [n for n in found.passes if n % 2], "restored": [n for n in found.passes if n % 2 == 0]}
    wanted = [(measure, kind) for measure in found.measures if measure != GENERALITY for kind in kinds]
    header = (METHOD, *(Column(f"{m.key}_{kind}", f"{m.title}, {kind}", "number") for m, kind in wanted))
    rows = tuple(
        (Cell(display_name(method)), *(_change(found, method, measure, kinds[kind]) for measure, kind in wanted))
        for method in found.methods
    )
    caption = "What the passes cost: the last pass that wrote, or that restored, less the first of its kind, in points."
    return with_reasons(Table("cycles", header, rows, caption), [panel])


def _change(found: Course, method: str, measure: Measure, passes: Sequence[int]) -> Cell:
    means = [found.numbers[method, measure.metric, number].mean for number in passes]
    if len(means) < 2 or means[0] is None or means[-1] is None:
        return Cell(DASH)
    return Cell(mean=means[-1] - means[0])


def table(panel: Panel, found: Course) -> Table:
    """A row per measure and pass, a column per method."""
    header = (
        Column("measure", "Measure", "text"),
        Column(TURN, "Pass", "number", 0),
        Column("wrote", "Wrote", "text"),
        *(Column(method, display_name(method), digits=1) for method in found.methods),
    )
    rows = tuple(
        (
            Cell(measure.title),
            Cell(mean=float(number)),
            Cell("new objects" if number % 2 else "what was true"),
            *(summary_cell(found.numbers[method, measure.metric, number]) for method in found.methods),
        )
        for measure in found.measures
        for number in found.passes
        if (found.methods[0], measure.metric, number) in found.numbers
    )
    caption = "Scores after each pass over the same facts, mean ± standard deviation over seeds, percent."
    return with_reasons(Table("cycles-passes", header, rows, caption), [panel])

"""How far a method carries: scores over the number of edits, and what is left of an edit after so many later ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bench.store.results import Results
from reports.experiments.common import finer, seeds_of, summaries_by, with_reasons
from reports.experiments.figure2 import edits_until
from reports.numbers.aggregate import Panel, Summary
from reports.numbers.measures import CORE, XTREME, Measure
from reports.parts.contents import display_name, summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import Cell, Column, Table
from reports.pictures.curves import Chart, draw_curves

FEWEST = 4
"""Numbers of edits from which on there is a course to speak of."""

EFFICACY = CORE[0]
RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Course:
    """Scores of all facts edited so far, and efficacy at the end by age.

    Attributes:
        measures: that the run has, in the order of tables.
        edits: at which the model was scored, ascending.
        ages: edits made after a group of facts, ascending; a group holds what was edited between two scorings.
        numbers: (method, metric, edits) -> number; (method, "retention", age) -> efficacy at the last scoring.
    """

    methods: tuple[str, ...]
    measures: tuple[Measure, ...]
    edits: tuple[int, ...]
    ages: tuple[int, ...]
    numbers: Mapping[tuple[Any, ...], Summary]

    def points(self, method: str, name: str, places: Sequence[int]) -> list[tuple[float, float]]:
        """Those there are."""
        found = ((place, self.numbers.get((method, name, place))) for place in places)
        return [(float(x), number.mean) for x, number in found if number is not None and number.mean is not None]


def section(results: Results, panel: Panel) -> Section | None:
    """The course and its numbers, or None where edits were scored at fewer than `FEWEST` numbers of edits."""
    found = course(results, panel)
    if found is None or len(found.edits) < FEWEST:
        return None
    text = (
        f"All facts edited so far are asked after so many edits, {found.edits[-1]} at most, {seeds_of(panel)}. "
        "Retention: efficacy at the end of the stream, of the facts after which so many others were edited."
    )
    alt = f"Scores over {len(found.edits)} numbers of edits and efficacy by age, a line per method"
    caption = "Efficacy, generality, specificity and XTREME F1 over the number of edits; retention by age; percent."
    return Section(
        "Over the number of edits", (text, Picture("horizon", caption, alt, draw(found)), table(panel, found))
    )


def course(results: Results, panel: Panel) -> Course | None:
    """Numbers at every scored step, by the edits made until then; None where no edits were scored."""
    measures = [*CORE, XTREME]
    records = finer(results, panel, measures, ("fact", "edit_lang"), every_step=True)
    records = records.merge(edits_until(results.costs), on=["cell", "step"])
    there = tuple(measure for measure in measures if (records["metric"] == measure.metric).any())
    if EFFICACY not in there:
        return None
    numbers = summaries_by(panel, records, ("metric", "edits"))
    aged = _by_age(records[records["metric"] == EFFICACY.metric])
    numbers |= summaries_by(panel, aged, ("metric", "age"))
    return Course(
        tuple(standing.method for standing in panel.standings),
        there,
        tuple(sorted({int(edits) for edits in records["edits"]})),
        tuple(sorted({int(age) for age in aged["age"]})),
        numbers,
    )


def _by_age(efficacy: pd.DataFrame) -> pd.DataFrame:
    """Records of the last scoring of every cell, each with how many edits came after those of its scoring."""
    cell = efficacy.groupby("cell")["edits"]
    since = efficacy.groupby(["cell", "fact", "edit_lang"])["edits"].transform("min")
    aged = efficacy.assign(age=cell.transform("max") - since, metric=RETENTION)
    return aged[efficacy["edits"] == cell.transform("max")]


def draw(found: Course) -> Figure:
    """A panel per measure, and one by age."""
    charts = [
        Chart(
            measure.title,
            {method: found.points(method, measure.metric, found.edits) for method in found.methods},
            level=measure == XTREME,
        )
        for measure in found.measures
    ]
    kept = {method: found.points(method, RETENTION, found.ages) for method in found.methods}
    return draw_curves(found.methods, [*charts, Chart("Efficacy at the end, by age", kept, "Edits since", level=False)])


def table(panel: Panel, found: Course) -> Table:
    """A row per measure and number of edits, and per age; a column per method."""
    header = (
        Column("measure", "Measure", "text"),
        Column("edits", "Edits, or edits since", "number", 0),
        *(Column(method, display_name(method), digits=1) for method in found.methods),
    )
    rows = [(measure.title, measure.metric, edits) for measure in found.measures for edits in found.edits]
    rows += [("Retention", RETENTION, age) for age in found.ages]
    body = [
        (
            Cell(name),
            Cell(mean=float(place)),
            *(summary_cell(found.numbers[method, key, place]) for method in found.methods),
        )
        for name, key, place in rows
        if (found.methods[0], key, place) in found.numbers
    ]
    caption = "Scores over the number of edits, and efficacy at the end by age; mean ± standard deviation over seeds."
    return with_reasons(Table("horizon", header, tuple(body), caption), [panel])

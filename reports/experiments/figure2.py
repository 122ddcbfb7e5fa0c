"""Figure 2: XTREME F1 of every task over the number of edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bench.store.results import Results
from reports.experiments.common import finer, seeds_of, summaries_by, with_reasons
from reports.numbers.aggregate import Panel, Summary
from reports.numbers.measures import XTREME
from reports.parts.contents import TASKS, display_name, summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import Cell, Column, Table
from reports.pictures.curves import Chart, draw_curves

AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class Curves:
    """XTREME F1 over edits.

    Attributes:
        tasks: in the order of tables, the average last.
        edits: at which the model was scored, ascending.
        numbers: (method, task, edits) -> number.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    edits: tuple[int, ...]
    numbers: Mapping[tuple[Any, ...], Summary]

    def line(self, method: str, task: str) -> list[float]:
        """One value per number of edits; NaN where there is none."""
        found = (self.numbers.get((method, task, edits)) for edits in self.edits)
        return [nan if number is None or number.mean is None else number.mean for number in found]


def section(results: Results, panel: Panel) -> Section | None:
    """The figure and its numbers, or None where the run was scored at fewer than two numbers of edits."""
    found = curves(results, panel)
    if len(found.edits) < 2:
        return None
    text = (
        "XTREME F1 of each task after so many edits, protocol langedit, mean over the task's languages; the unedited "
        f"model is the dashed line. {found.edits[-1]} edits at most, {seeds_of(panel)}."
    )
    alt = f"XTREME F1 by task over {len(found.edits)} numbers of edits, a line per method"
    caption = "XTREME F1 by task over the number of edits, percent; mean over seeds."
    picture = Picture("figure2", caption, alt, draw(found))
    return Section("Downstream abilities over the number of edits (Figure 2)", (text, picture, table(panel, found)))


def curves(results: Results, panel: Panel) -> Curves:
    """Numbers at every scored step, by the edits made until then."""
    records = finer(results, panel, [XTREME], ("fact",), every_step=True)
    records = records.merge(edits_until(results.costs), on=["cell", "step"])
    average = records.groupby(["method", "seed", "edits"], as_index=False)["value"].mean().assign(fact=AVERAGE)
    tasks = sorted(set(records["fact"]), key=lambda task: ([*TASKS, task].index(task), task))
    both = pd.concat([records, average] if len(tasks) > 1 else [records])
    return Curves(
        tuple(s.method for s in panel.standings),
        (*tasks, *((AVERAGE,) if len(tasks) > 1 else ())),
        tuple(sorted({int(edits) for edits in records["edits"]})),
        summaries_by(panel, both, ("fact", "edits")),
    )


def edits_until(costs: pd.DataFrame) -> pd.DataFrame:
    """cell, step, and the facts edited in all steps up to it."""
    rows = costs[costs["quantity"] == "edits"].sort_values(["cell", "step"])
    return rows.assign(edits=rows.groupby("cell")["value"].cumsum().astype(int))[["cell", "step", "edits"]]


def table(panel: Panel, found: Curves) -> Table:
    """A row per task and number of edits, a column per method."""
    header = (
        Column("task", "Task", "text"),
        Column("edits", "Edits", "number", 0),
        *(Column(method, display_name(method), digits=1) for method in found.methods),
    )
    rows = [
        (
            Cell(title(task)),
            Cell(mean=float(edits)),
            *(summary_cell(found.numbers[method, task, edits]) for method in found.methods),
        )
        for task in found.tasks
        for edits in found.edits
        if (found.methods[0], task, edits) in found.numbers
    ]
    caption = "XTREME F1 by task and number of edits, mean ± standard deviation over seeds, percent."
    return with_reasons(Table("figure2", header, tuple(rows), caption), [panel])


def title(task: str) -> str:
    """A task's name for people."""
    return "Mean over tasks" if task == AVERAGE else TASKS.get(task, task)


def draw(found: Curves) -> Figure:
    """One panel per task."""
    charts = [
        Chart(
            title(task),
            {
                method: [(x, y) for x, y in zip(found.edits, found.line(method, task), strict=True) if not isnan(y)]
                for method in found.methods
            },
        )
        for task in found.tasks
    ]
    return draw_curves(found.methods, charts)

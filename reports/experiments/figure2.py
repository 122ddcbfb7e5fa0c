"""Figure 2: XTREME F1 of every task over the number of edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, isnan, nan
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from bench.store.results import Results
from reports.experiments.common import finer, seeds_of, summaries_by, with_reasons
from reports.numbers.aggregate import UNEDITED, XTREME, Panel, Summary
from reports.parts.contents import TASKS, display_name, short_name, summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import Cell, Column, Table
from reports.pictures.style import INK, SCALE, SMALL, TITLE, WIDTH, apart, canvas, plain, style

AVERAGE = "average"
ROW = 2.15
"""Inches of a row of panels."""

LEADER = 0.28
"""Inches between the end of a line and its name."""


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


def draw(found: Curves, columns: int = 2) -> Figure:
    """One panel per task; lines carry their names at their ends."""
    down = ceil(len(found.tasks) / columns)
    height = ROW * down
    figure = canvas(height)
    wide = WIDTH / columns
    names = LEADER + 0.06 * max(len(short_name(method)) for method in found.methods)
    for place, task in enumerate(found.tasks):
        left, top = wide * (place % columns) + 0.45, ROW * (place // columns) + 0.3
        box = (left / WIDTH, 1 - (top + ROW - 0.75) / height, (wide - 0.5 - names) / WIDTH, (ROW - 0.75) / height)
        axes = figure.add_axes(box)
        axes.set_title(title(task), fontsize=TITLE, fontweight="bold", loc="left")
        _panel(axes, found, task)
        if place >= len(found.tasks) - columns:
            axes.set_xlabel("Edits", fontsize=SMALL)
    return figure


def _panel(axes: Any, found: Curves, task: str) -> None:
    plain(axes)
    axes.set_ylim(*SCALE)
    axes.set_xlim(0, max(found.edits) * 1.02)
    axes.xaxis.set_major_locator(
        FixedLocator((0, *found.edits)) if len(found.edits) < 7 else MaxNLocator(6, integer=True)
    )
    ends: dict[str, tuple[float, float]] = {}
    for method in found.methods:
        values = found.line(method, task)
        seen = [(x, y) for x, y in zip(found.edits, values, strict=True) if not isnan(y)]
        if not seen:
            continue
        colour, line, marker = style(method, found.methods)
        ends[method] = (max(found.edits), seen[-1][1]) if method == UNEDITED else seen[-1]
        if method == UNEDITED:  # it does not change, so one number is the whole line
            axes.axhline(seen[-1][1], color=colour, linestyle=line, linewidth=1.2, zorder=2, clip_on=False)
        else:
            axes.plot(
                found.edits, values, color=colour, linestyle=line, marker=marker, markersize=3.2, linewidth=1.2,
                clip_on=False, zorder=3,
            )  # fmt: skip
    _names(axes, ends, found)


def _names(axes: Any, ends: Mapping[str, tuple[float, float]], found: Curves) -> None:
    """Names beside the ends of lines, moved apart; a thin line leads from each to its end."""
    letter = 100 * SMALL * 1.2 / 72 / (ROW - 0.75)
    places = apart([y for _, y in ends.values()], letter)
    inches = axes.get_position().width * WIDTH
    edge = max(found.edits) * 1.02 * (1 + LEADER / inches)
    for (method, (x, y)), place in zip(ends.items(), places, strict=True):
        # it ends at the left of the name, not at its middle
        leader = {"arrowstyle": "-", "color": style(method, found.methods)[0], "lw": 0.7, "relpos": (0, 0.5)}
        axes.annotate(
            short_name(method), (x, y), (edge, place), fontsize=SMALL, color=INK, va="center",
            annotation_clip=False, arrowprops=leader,
        )  # fmt: skip

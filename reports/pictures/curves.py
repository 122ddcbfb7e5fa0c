"""Lines over the number of edits, a panel per measure; lines carry their methods' names at their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from reports.numbers.aggregate import UNEDITED
from reports.parts.contents import short_name
from reports.pictures.style import INK, SCALE, SMALL, TITLE, WIDTH, apart, canvas, plain, style

ROW = 2.15
"""Inches of a row of panels."""

LEADER = 0.28
"""Inches between the end of a line and its name."""

NARROWEST = 1.2
"""Inches of a panel between its scale and the names; less has no room for what stands below its axis."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What one panel shows.

    Attributes:
        title: its name for people.
        lines: points (edits, percent) by method, ascending.
        axis: what the points are over.
        level: the unedited model is one level: what is asked is always the same.
    """

    title: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    axis: str = "Edits"
    level: bool = True

    @property
    def places(self) -> list[float]:
        """Where lines have points, ascending."""
        return sorted({x for points in self.lines.values() for x, _ in points})


def draw_curves(methods: Sequence[str], charts: Sequence[Chart], columns: int = 2) -> Figure:
    """Draw the panels row by row.

    Args:
        methods: all of the figure, in the order of tables; colours go by it.
        charts: the panels.
        columns: panels of a row, fewer where names are too long for that.
    """
    names = LEADER + 0.06 * max(len(short_name(method)) for method in methods)
    columns = max(1, min(columns, int(WIDTH / (0.5 + names + NARROWEST))))
    height = ROW * ceil(len(charts) / columns)
    figure = canvas(height)
    wide = WIDTH / columns
    for place, chart in enumerate(charts):
        left, top = wide * (place % columns) + 0.45, ROW * (place // columns) + 0.3
        box = (left / WIDTH, 1 - (top + ROW - 0.75) / height, (wide - 0.5 - names) / WIDTH, (ROW - 0.75) / height)
        axes = figure.add_axes(box)
        axes.set_title(chart.title, fontsize=TITLE, fontweight="bold", loc="left")
        _panel(axes, methods, chart)
        below = charts[place + columns].axis if place + columns < len(charts) else None
        if below != chart.axis:
            axes.set_xlabel(chart.axis, fontsize=SMALL)
    return figure


def _panel(axes: Any, methods: Sequence[str], chart: Chart) -> None:
    plain(axes)
    places = chart.places
    axes.set_ylim(*SCALE)
    axes.set_xlim(0, max(places) * 1.02)
    axes.xaxis.set_major_locator(FixedLocator((0, *places)) if len(places) < 7 else MaxNLocator(6, integer=True))
    ends: dict[str, tuple[float, float]] = {}
    for method in methods:
        seen = list(chart.lines.get(method, ()))
        if not seen:
            continue
        colour, line, marker = style(method, tuple(methods))
        level = chart.level and method == UNEDITED
        ends[method] = (max(places), seen[-1][1]) if level else seen[-1]
        if level:  # one number is the whole line
            axes.axhline(seen[-1][1], color=colour, linestyle=line, linewidth=1.2, zorder=2, clip_on=False)
        else:
            across, up = zip(*seen, strict=True)
            axes.plot(
                across, up, color=colour, linestyle=line, marker=marker, markersize=3.2, linewidth=1.2,
                clip_on=False, zorder=3,
            )  # fmt: skip
    _names(axes, ends, tuple(methods), max(places))


def _names(axes: Any, ends: Mapping[str, tuple[float, float]], methods: tuple[str, ...], last: float) -> None:
    """Names beside the ends of lines, moved apart; a thin line leads from each to its end."""
    letter = 100 * SMALL * 1.2 / 72 / (ROW - 0.75)
    heights = apart([y for _, y in ends.values()], letter)
    inches = axes.get_position().width * WIDTH
    edge = last * 1.02 * (1 + LEADER / inches)
    for (method, (x, y)), height in zip(ends.items(), heights, strict=True):
        # it ends at the left of the name, not at its middle
        leader = {"arrowstyle": "-", "color": style(method, methods)[0], "lw": 0.7, "relpos": (0, 0.5)}
        axes.annotate(
            short_name(method), (x, y), (edge, height), fontsize=SMALL, color=INK, va="center",
            annotation_clip=False, arrowprops=leader,
        )  # fmt: skip

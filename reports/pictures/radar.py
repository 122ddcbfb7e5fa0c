"""Radar charts: one per measure, languages as axes, one fixed scale from 0 to 100.

A value that is missing leaves a gap in its line, never a zero. The unedited model is drawn dashed in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isnan, nan, pi, sin
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.projections.polar import PolarAxes

from reports.numbers.aggregate import UNEDITED, Panel, Summary, languages, per_language
from reports.numbers.measures import CORE, Measure
from reports.parts.contents import language_label, short_name
from reports.pictures.style import (
    FRAME,
    GRID,
    INK,
    SCALE,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    canvas,
    set_script,
    style,
)

RINGS = (20, 40, 60, 80, 100)
COLUMNS = 2
CIRCLE, ROW, LINE = 2.1, 3.0, 0.22
"""Inches: across a chart's circle, down to the next row, down to the next line of a legend."""

BESIDE = 13
"""Lines of a legend that stand beside a chart."""

LETTER, HANDLE = 0.075, 0.75
"""Inches of a legend's columns: for every letter, and for the line before the name."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One radar chart.

    Attributes:
        axes: language codes, in order.
        lines: method -> one value per axis; NaN where there is none.
    """

    title: str
    axes: tuple[str, ...]
    lines: Mapping[str, tuple[float, ...]]


def charts(panel: Panel, measures: Sequence[Measure] = CORE) -> list[Chart]:
    """The numbers to draw."""
    codes = tuple(languages(panel))
    methods = [standing.method for standing in panel.standings]
    return [chart(measure.title, methods, codes, per_language(panel, measure)) for measure in measures]


def chart(
    title: str, methods: Sequence[str], codes: Sequence[str], numbers: Mapping[tuple[str, str], Summary]
) -> Chart:
    """One chart from numbers by method and language."""
    lines = {method: tuple(_value(numbers.get((method, code))) for code in codes) for method in methods}
    return Chart(title, tuple(codes), lines)


def draw(panels: Sequence[Chart]) -> Figure:
    """Draw charts two in a row; their legend stands where a last one would, or below."""
    down = ceil(len(panels) / COLUMNS)
    names = [_named(method, values) for method, values in panels[0].lines.items()]
    free = len(panels) % COLUMNS > 0 and len(names) <= BESIDE
    columns = max(1, min(4, int(WIDTH / (HANDLE + LETTER * max(map(len, names), default=0)))))
    height = ROW * down + (0 if free else LINE * ceil(len(names) / columns))
    figure = canvas(height)
    for place, each in enumerate(panels):
        middle = WIDTH / COLUMNS * (place % COLUMNS + 0.5)
        bottom = height - ROW * (place // COLUMNS) - 0.58 - CIRCLE
        box = ((middle - CIRCLE / 2) / WIDTH, bottom / height, CIRCLE / WIDTH, CIRCLE / height)
        _draw_one(figure.add_axes(box, projection="polar"), each)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    looks: dict[str, Any] = {"frameon": False, "fontsize": TEXT, "handlelength": 3.0}
    if free:
        beside = (1 - 0.5 / COLUMNS, 0.5 / down)
        figure.legend(handles, labels, loc="center", bbox_to_anchor=beside, **looks)
    else:
        figure.legend(handles, labels, loc="lower center", ncols=columns, columnspacing=1.2, **looks)
    return figure


def _draw_one(axes: Any, chart: Chart) -> None:
    assert isinstance(axes, PolarAxes)  # noqa: S101 - add_subplot's type does not tell
    angles = [2 * pi * i / max(1, len(chart.axes)) for i in range(len(chart.axes))]
    axes.set_theta_offset(pi / 2)
    axes.set_theta_direction(-1)
    axes.set_ylim(*SCALE)
    axes.set_yticks(RINGS, [])
    for ring in RINGS:  # as texts of their own: labels of ticks would lie under the lines
        text = axes.text(pi / max(1, len(chart.axes)), ring, str(ring), fontsize=SMALL - 1, color=INK, zorder=6)
        text.set_horizontalalignment("center")
        text.set_verticalalignment("center")
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])
    axes.grid(color=GRID, linewidth=0.7)
    axes.spines["polar"].set_color(FRAME)
    axes.set_title(chart.title, fontsize=TITLE, fontweight="bold", pad=14)
    _label(axes, angles, chart.axes)
    for method, values in chart.lines.items():
        colour, line, marker = style(method, list(chart.lines))
        axes.plot(
            [*angles, *angles[:1]],
            [*values, *values[:1]],
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=3.2,
            linewidth=1.3,
            label=_named(method, values),
            clip_on=False,
            zorder=2 if method == UNEDITED else 3,
        )


def _named(method: str, values: Sequence[float]) -> str:
    return short_name(method) + (" (incomplete)" if all(map(isnan, values)) else "")


def _label(axes: Any, angles: Sequence[float], codes: Sequence[str]) -> None:
    axes.set_xticks(angles, [language_label(code) for code in codes])
    axes.tick_params(axis="x", pad=1)
    for angle, text in zip(angles, axes.get_xticklabels(), strict=True):
        # beside the circle a label starts where it touches, above and below it is centred
        text.set_horizontalalignment("center" if abs(sin(angle)) < 0.1 else "left" if sin(angle) > 0 else "right")
        text.set_fontsize(TEXT)
    set_script(axes.get_xticklabels())


def _value(summary: Summary | None) -> float:
    return nan if summary is None or summary.mean is None else summary.mean

"""Bars in groups, a panel per method; a line is the level of the unedited model, a diamond a second number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isnan
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.pictures.style import FRAME, INK, SCALE, SMALL, TEXT, TITLE, WIDTH, canvas, plain

LOOKS = (("#0072B2", "", "white"), ("#56B4E9", "///", INK), ("#F5E6C8", "...", INK))
"""Colour, hatch, and colour of the number in it, of each series."""

COLUMNS = 2
ROW, LEGEND = 1.75, 0.4
"""Inches: of a row of panels, and of the legend."""

BAR = 0.27
"""Width of a bar, of the distance between groups."""

Values = Mapping[tuple[str, str], float]
"""Percent by group and series."""


@dataclass(frozen=True, slots=True)
class Bars:
    """One panel.

    Attributes:
        groups: names below the bars.
        heights: of the bars; what is missing has none.
        diamonds: a second number of each.
    """

    title: str
    groups: tuple[str, ...]
    heights: Values
    diamonds: Values


@dataclass(frozen=True, slots=True)
class Names:
    """What the legend says.

    Attributes:
        series: by key, in order.
        diamond, level: what a diamond and a dash are.
    """

    series: Mapping[str, str]
    diamond: str
    level: str


def draw_bars(charts: Sequence[Bars], names: Names, levels: Mapping[str, float]) -> Figure:
    """Draw the panels row by row.

    Args:
        charts: the panels.
        names: for the legend.
        levels: of the unedited model by series; {} where it is not known.
    """
    down = ceil(len(charts) / COLUMNS)
    figure = canvas(ROW * down + LEGEND, WIDTH)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(down, COLUMNS, sharey=True, squeeze=False).flatten()
    for axes, chart in zip(panels, charts, strict=False):
        _panel(axes, chart, tuple(names.series), levels)
    for axes in panels[len(charts) :]:
        axes.set_visible(False)
    handles: list[Any] = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=INK, linewidth=0.5, label=title)
        for (colour, hatch, _), title in zip(LOOKS, names.series.values(), strict=False)
    ]
    handles.append(Line2D([], [], color=INK, marker="D", markersize=3, linestyle="none", label=names.diamond))
    if levels:
        handles.append(Line2D([], [], color="#D55E00", linewidth=1.6, label=names.level))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=SMALL)
    return figure


def _panel(axes: Any, chart: Bars, series: tuple[str, ...], levels: Mapping[str, float]) -> None:
    plain(axes)
    axes.set_title(chart.title, fontsize=TITLE, fontweight="bold", loc="left")
    axes.set_ylim(SCALE[0], SCALE[1] + 4)
    axes.set_yticks(range(0, 101, 25))
    axes.set_xticks(range(len(chart.groups)), chart.groups)
    axes.tick_params(labelsize=TEXT, color=FRAME)
    axes.set_xlim(-0.5, max(len(chart.groups), 3) - 0.5)
    for number, key in enumerate(series):
        colour, hatch, ink = LOOKS[number]
        for place, group in enumerate(chart.groups):
            height = chart.heights.get((group, key), float("nan"))
            if isnan(height):
                continue
            middle = place + BAR * (number - (len(series) - 1) / 2)
            axes.bar(middle, height, BAR * 0.94, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.5)
            box = {"facecolor": colour, "edgecolor": "none", "pad": 0.8}
            axes.text(middle, 3, f"{height:.0f}", ha="center", va="bottom", fontsize=SMALL - 1, color=ink, bbox=box)
            if key in levels:
                axes.plot([middle - BAR / 2, middle + BAR / 2], [levels[key]] * 2, color="#D55E00", linewidth=1.6)
            second = chart.diamonds.get((group, key), float("nan"))
            axes.plot(
                [middle], [second], marker="D", markersize=3, color=INK, markeredgecolor="white", markeredgewidth=0.4
            )

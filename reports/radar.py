"""Radar charts: one per measure, languages as axes, one fixed scale from 0 to 100.

A value that is missing leaves a gap in its line, never a zero. Every method has a colour (Okabe and Ito's, which
colour-blind readers can tell apart), a line style and a marker; the unedited model is drawn dashed in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan, pi, sin
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import withStroke
from matplotlib.projections.polar import PolarAxes

from bench.atomic import replacing
from reports.aggregate import CORE, UNEDITED, Measure, Panel, languages, per_language
from reports.contents import display_name, language_name
from reports.fonts import chinese_font, latin_only

STYLES: Mapping[str, tuple[str, str, str]] = {
    UNEDITED: ("#777777", "--", "none"),
    "ft": ("#E69F00", ":", "s"),
    "rome": ("#CC79A7", "-.", "v"),
    "memit": ("#56B4E9", "-", "^"),
    "prune": ("#000000", ":", "D"),
    "rect": ("#009E73", "-.", "P"),
    "alphaedit": ("#0072B2", "--", "X"),
    "langedit": ("#D55E00", "-", "o"),
}
"""Colour, line and marker of each method, the same in every report."""

OTHERS = (("#56B4E9", ":", "*"), ("#D55E00", ":", "p"), ("#009E73", ":", "h"), ("#CC79A7", ":", "8"))


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
    found = []
    for measure in measures:
        numbers = per_language(panel, measure)
        lines = {s.method: tuple(_value(numbers[s.method, code].mean) for code in codes) for s in panel.standings}
        found.append(Chart(measure.title, codes, lines))
    return found


def write_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as `stem`.png and .svg."""
    written = []
    for suffix, options in ((".png", {"dpi": 160}), (".svg", {"metadata": {"Date": None}})):
        with replacing(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], facecolor="white", **options)
        written.append(stem.with_suffix(suffix))
    return written


def draw(panels: Sequence[Chart]) -> Figure:
    """Draw charts side by side with one legend."""
    figure = Figure(figsize=(4.5 * len(panels), 4.9))
    FigureCanvasAgg(figure)
    for place, chart in enumerate(panels, start=1):
        _draw_one(figure.add_subplot(1, len(panels), place, projection="polar"), chart)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=min(8, max(1, len(labels))), frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.07, right=0.93, top=0.82, bottom=0.15, wspace=0.45)
    return figure


def _draw_one(axes: Any, chart: Chart) -> None:
    assert isinstance(axes, PolarAxes)  # noqa: S101 - add_subplot's type does not tell
    angles = [2 * pi * i / max(1, len(chart.axes)) for i in range(len(chart.axes))]
    axes.set_theta_offset(pi / 2)
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 100)
    axes.set_yticks([20, 40, 60, 80, 100])
    axes.tick_params(axis="y", labelsize=7, labelcolor="#444444")
    for text in axes.get_yticklabels():
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])
        text.set_zorder(5)
    axes.set_rlabel_position(180 / max(1, len(chart.axes)))
    axes.grid(color="#dddddd", linewidth=0.7)
    axes.spines["polar"].set_color("#bbbbbb")
    axes.set_title(chart.title, fontsize=12, pad=20)
    _label(axes, angles, chart.axes)
    for method, values in chart.lines.items():
        colour, line, marker = style(method, list(chart.lines))
        axes.plot(
            [*angles, *angles[:1]],
            [*values, *values[:1]],
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=4,
            linewidth=1.6,
            label=display_name(method) + (" (incomplete)" if all(map(isnan, values)) else ""),
            clip_on=False,
            zorder=2 if method == UNEDITED else 3,
        )


def _label(axes: Any, angles: Sequence[float], codes: Sequence[str]) -> None:
    font = chinese_font()
    names = [language_name(code) for code in codes]
    shown = [name if font or latin_only(name) else code for name, code in zip(names, codes, strict=True)]
    axes.set_xticks(angles, shown)
    axes.tick_params(axis="x", pad=3)
    for angle, text in zip(angles, axes.get_xticklabels(), strict=True):
        # beside the circle a label starts where it touches, above and below it is centred
        text.set_horizontalalignment("center" if abs(sin(angle)) < 0.1 else "left" if sin(angle) > 0 else "right")
        if font and not latin_only(text.get_text()):
            text.set_fontproperties(FontProperties(fname=str(font)))
        text.set_fontsize(9.5)


def style(method: str, methods: Sequence[str]) -> tuple[str, str, str]:
    """Colour, line and marker of a method; those the paper does not have share a second palette."""
    others = [name for name in methods if name not in STYLES]
    return STYLES[method] if method in STYLES else OTHERS[others.index(method) % len(OTHERS)]


def _value(mean: float | None) -> float:
    return nan if mean is None else mean

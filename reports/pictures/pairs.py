"""Groups of bars that stand in pairs: a language edited alone, and among all languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.numbers.aggregate import UNEDITED
from reports.parts.contents import display_name, language_label, short_name
from reports.parts.tables import DASH
from reports.pictures.style import INK, SCALE, SMALL, TEXT, TITLE, canvas, plain, set_script, style

ROW = 1.95
"""Inches of a row of bars."""


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar per language."""

    method: str
    alone: bool

    @property
    def name(self) -> str:
        """For people."""
        return f"{short_name(self.method)}, {'language alone' if self.alone else 'all languages'}"


@dataclass(frozen=True, slots=True)
class Place:
    """The bars of one language.

    Attributes:
        code: the language.
        means: of the bars from left to right, percent; None where there is no number.
        differences: method -> all languages minus alone, points, where both are known.
        unedited: the unedited model's number.
    """

    code: str
    means: tuple[float | None, ...]
    differences: Mapping[str, float | None]
    unedited: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of all languages."""

    title: str
    places: tuple[Place, ...]


def draw_pairs(rows: Sequence[Row], series: Sequence[Bars]) -> Figure:
    """Groups of bars, a row per measure."""
    top, bottom = 0.3, 0.2
    height = ROW * len(rows) + top + bottom
    figure = canvas(height)
    for number, row in enumerate(rows):
        low = bottom + ROW * (len(rows) - 1 - number) + 0.1
        axes = figure.add_axes((0.06, low / height, 0.93, (ROW - 0.7) / height))
        axes.set_title(row.title, fontsize=TITLE, fontweight="bold", loc="left", pad=13)
        _row(axes, row.places, series)
    _legend(figure, series)
    return figure


def _row(axes: Any, places: Sequence[Place], series: Sequence[Bars]) -> None:
    plain(axes)
    axes.set_ylim(*SCALE)
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_xticks(range(len(places)), [language_label(place.code) for place in places], fontsize=TEXT)
    axes.tick_params(axis="x", length=0, labelsize=TEXT)
    set_script(axes.get_xticklabels())
    wide = 0.8 / len(series)
    for at, place in enumerate(places):
        for i, (each, mean) in enumerate(zip(series, place.means, strict=True)):
            x = at - 0.4 + wide * (i + 0.5)
            if mean is None:
                axes.text(x, 1, DASH, ha="center", va="bottom", fontsize=TEXT, color=INK)
            else:
                axes.bar(x, mean, 0.9 * wide, **_look(each, series))
            if each.alone:
                _difference(axes, place.differences.get(each.method), at - 0.4 + wide * (i + 1))
        if place.unedited is not None:
            colour, line, _ = style(UNEDITED, [UNEDITED])
            for look in ({"color": "white", "linewidth": 2.0}, {"color": colour, "linestyle": line, "linewidth": 1.3}):
                axes.hlines(place.unedited, at - 0.45, at + 0.45, zorder=4, clip_on=False, **look)


def _difference(axes: Any, found: float | None, x: float) -> None:
    """The gap, above the scale: among the bars it would meet the line of the unedited model."""
    if found is not None:
        text = f"{found:+.1f}".replace("-", "−") if abs(found) >= 0.05 else "0.0"
        axes.text(x, SCALE[1] + 2, text, ha="center", va="bottom", fontsize=SMALL, color=INK)


def _look(each: Bars, series: Sequence[Bars]) -> dict[str, Any]:
    """Alone in stripes on white, all languages filled; the second method has dots, the third crosses."""
    methods = list(dict.fromkeys(other.method for other in series))
    colour = style(each.method, methods)[0]
    if each.alone:
        return {"facecolor": "white", "edgecolor": colour, "hatch": "/////", "linewidth": 1.0, "zorder": 3}
    hatch = ("", "....", "xxxx")[methods.index(each.method) % 3]
    return {"facecolor": colour, "edgecolor": "white", "hatch": hatch, "linewidth": 0.0, "zorder": 3}


def _legend(figure: Figure, series: Sequence[Bars]) -> None:
    handles: list[Any] = [Patch(label=each.name, **_look(each, series)) for each in series]
    colour, line, _ = style(UNEDITED, [UNEDITED])
    lines = figure.axes[0].plot([], [], color=colour, linestyle=line, label=display_name(UNEDITED))
    figure.legend(
        handles=[*handles, *lines], loc="upper center", ncols=4 if len(handles) < 4 else 3, frameon=False,
        fontsize=SMALL, columnspacing=1.2, handlelength=2.2,
    )  # fmt: skip

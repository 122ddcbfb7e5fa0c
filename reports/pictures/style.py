"""How pictures look: one colour, line and marker per method, in every figure.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; lines, markers and the hatches of bars tell
methods apart in grey print. Figures are as wide as the text of a page, so letters have the size they are given here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from PIL import Image
from scipy.optimize import isotonic_regression

from bench.ground.atomic import replacing
from reports.numbers.aggregate import UNEDITED
from reports.numbers.upper import UPPER
from reports.parts.fonts import chinese_font, is_chinese, visible

STYLES: Mapping[str, tuple[str, str, str]] = {
    UNEDITED: ("#777777", "--", "none"),
    "ft": ("#E69F00", ":", "s"),
    "rome": ("#CC79A7", "-.", "v"),
    "memit": ("#56B4E9", "-", "^"),
    "prune": ("#000000", ":", "D"),
    "rect": ("#009E73", "-.", "P"),
    "alphaedit": ("#0072B2", "--", "X"),
    "langedit": ("#D55E00", "-", "o"),
    "langedit-released": ("#D55E00", "--", "p"),
    UPPER: ("#777777", ":", "none"),
}
"""Colour, line and marker of each method, the same in every report."""

OTHERS = (
    ("#56B4E9", ":", "*"), ("#D55E00", ":", "d"), ("#009E73", ":", "h"), ("#CC79A7", ":", "8"),
    ("#0072B2", ":", "<"), ("#E69F00", "-.", ">"), ("#000000", "--", "H"), ("#56B4E9", "--", "P"),
    ("#009E73", "-", "D"), ("#CC79A7", "-", "X"), ("#0072B2", "-.", "v"), ("#E69F00", "--", "o"),
)  # fmt: skip

COLOURS = 256
"""Of a palette; shades of edges among them."""

WIDTH = 7.0
"""Inches; the text of a page of the report is as wide."""

TITLE, TEXT, SMALL = 9.0, 8.0, 7.0
"""Sizes of letters, in points."""

GRID = "#dddddd"
FRAME = "#999999"
INK = "#222222"

SCALE = (0.0, 100.0)
"""Of all percentages, so that pictures can be compared."""


def style(method: str, methods: Sequence[str]) -> tuple[str, str, str]:
    """Colour, line and marker of a method; those the paper does not have share a second palette."""
    others = [name for name in methods if name not in STYLES]
    return STYLES[method] if method in STYLES else OTHERS[others.index(method) % len(OTHERS)]


def canvas(height: float, width: float = WIDTH) -> Figure:
    """An empty figure that belongs to no window."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as `stem`.png and .svg; texts in it are no formulas."""
    png, svg = (stem.with_name(stem.name + suffix) for suffix in (".png", ".svg"))
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(visible(text.get_text()))
    # equal figures make equal files
    with rc_context({"svg.hashsalt": stem.name}), replacing(svg) as temporary:
        figure.savefig(temporary, format="svg", facecolor="white", metadata={"Date": None})
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", facecolor="white", dpi=200)
    with replacing(png) as temporary, Image.open(drawn) as image:
        # a palette takes a third of the space, and charts have few colours
        image.convert("RGB").quantize(COLOURS).save(temporary, format="png", optimize=True)
    return [png, svg]


def plain(axes: Any, grid: str = "y") -> None:
    """Grid behind the data, no frame but the axes, small letters."""
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=GRID, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FRAME)
    axes.tick_params(labelsize=SMALL, color=FRAME)


def set_script(texts: Sequence[Text]) -> None:
    """Give Chinese texts a font that has their letters; sizes stay as they are."""
    font = chinese_font()
    for text in texts:
        if font and is_chinese(text.get_text()):
            text.set_fontproperties(FontProperties(fname=str(font), size=text.get_fontsize()))


def apart(values: Sequence[float], gap: float, low: float = SCALE[0], high: float = SCALE[1]) -> list[float]:
    """Places of labels as near to `values` as can be, at least `gap` apart, between `low` and `high`."""
    if not len(values):
        return []
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    # labels gap apart, less the gaps, need only rise: least squares under that is isotonic regression
    fitted = isotonic_regression(np.asarray(values, dtype=np.float64)[order] - steps).x
    places = np.empty(len(values))
    places[order] = np.clip(fitted, low, max(low, high - steps[-1])) + steps
    return [float(place) for place in places]

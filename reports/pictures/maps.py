"""Heat maps: language of the edit by language of the question, all on one scale, the numbers in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.numbers.scripts import script_of
from reports.parts.tables import DASH
from reports.pictures.style import INK, SCALE, SMALL, TEXT, WIDTH, canvas

SHADES = "Blues"
"""From light to dark, so that it reads the same in grey."""

DARK = 60
"""Percent from which on numbers are white."""

COLUMNS, FEW = 4, 8
"""Maps side by side, and languages up to which so many are; of more languages, half as many."""

GAP, LEFT, TOP, BOTTOM = 0.2, 0.5, 0.3, 0.36
"""Inches: between two maps, left of the first, above each, and below each."""

DIGITS = 0.42
"""Size of numbers, of the width of a cell: three bold digits fit."""

LETTER = 0.75
"""Room of a letter under a column, of its size."""

Shares = NDArray[np.float64]
"""Percent by language of the edit (rows) and of the question (columns); NaN where there is none."""


@dataclass(frozen=True, slots=True)
class Map:
    """One matrix."""

    title: str
    shares: Shares


def draw_maps(
    rows: Sequence[Sequence[Map]], edited: Sequence[str], asked: Sequence[str], titles: tuple[str, str] | None = None
) -> Figure:
    """Draw maps row by row; all in one row where there is room.

    Args:
        rows: maps of one measure each.
        edited: languages of their rows.
        asked: of their columns.
        titles: what rows and columns are, where they are no languages.
    """
    down_title, across_title = titles or ("Edited", "Asked")
    columns = COLUMNS if len(asked) <= FEW else COLUMNS // 2
    if sum(map(len, rows)) <= columns:
        rows = [[each for row in rows for each in row]]
    lines = [row[start : start + columns] for row in rows for start in range(0, len(row), columns)]
    side = (WIDTH - LEFT - GAP * (columns - 1) - 0.05) / columns
    tall = side * len(edited) / max(len(asked), 1)
    cell = 72 * side / max(len(asked), 1)
    pitch = TOP + tall + BOTTOM
    figure = canvas(pitch * len(lines))
    height = pitch * len(lines)
    for down, line in enumerate(lines):
        for across, each in enumerate(line):
            left, bottom = LEFT + (side + GAP) * across, height - pitch * down - TOP - tall
            axes = figure.add_axes((left / WIDTH, bottom / height, side / WIDTH, tall / height))
            axes.set_title(each.title, fontsize=TEXT, fontweight="bold", loc="left", pad=4)
            _matrix(axes, each.shares, edited, asked, min(SMALL - 0.5, DIGITS * cell))
            axes.tick_params(axis="x", labelsize=min(SMALL, cell / (LETTER * max(map(len, asked)))))
            if titles is None:
                _set_scripts_apart(axes, edited, asked)
            axes.set_xlabel(across_title, fontsize=SMALL, labelpad=1)
            if across:
                axes.set_yticklabels([])
            else:
                axes.set_ylabel(down_title, fontsize=SMALL, labelpad=2)
    return figure


def _matrix(
    axes: Any, shares: Shares, edited: Sequence[str], asked: Sequence[str], letters: float = SMALL - 0.5
) -> None:
    """Fill `axes` with one matrix; what is asked in the language of the edit is bold."""
    axes.imshow(np.ma.masked_invalid(shares), cmap=SHADES, vmin=SCALE[0], vmax=SCALE[1], aspect="auto")
    axes.set_xticks(range(len(asked)), asked)
    axes.set_yticks(range(len(edited)), edited)
    axes.tick_params(length=0, labelsize=SMALL, pad=2)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(shares):
        text = DASH if isnan(value) else f"{value:.0f}"
        own = edited[row] == asked[column]
        axes.text(
            column, row, text, ha="center", va="center", fontsize=letters, fontweight="bold" if own else "normal",
            color="white" if value > DARK else INK,
        )  # fmt: skip


def _set_scripts_apart(axes: Any, edited: Sequence[str], asked: Sequence[str]) -> None:
    for codes, draw_line in ((edited, axes.axhline), (asked, axes.axvline)):
        for place, (one, two) in enumerate(pairwise(codes)):
            if script_of(one) != script_of(two):
                draw_line(place + 0.5, color="white", linewidth=2)

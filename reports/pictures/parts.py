"""A score by the parts of a method: one panel per order, one line per history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from reports.numbers.aggregate import Summary
from reports.pictures.style import FRAME, SMALL, TEXT, TITLE, canvas, plain

LOOKS = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a number, or None, over each of the places on the axis."""

    name: str
    numbers: tuple[Summary | None, ...]


def draw_parts(panels: Mapping[str, Sequence[Line]], places: Sequence[str], measure: str) -> Figure:
    """Means with their standard deviations over seeds; at most two lines a panel."""
    figure = canvas(2.9)
    figure.set_layout_engine("constrained")
    side_by_side = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, lines) in zip(side_by_side, panels.items(), strict=True):
        plain(axes)
        for line, (colour, dashes, marker) in zip(lines, LOOKS, strict=False):
            known = [(x, n) for x, n in enumerate(line.numbers) if n is not None and n.mean is not None]
            axes.errorbar(
                [x for x, _ in known], [n.mean for _, n in known], [n.std or 0.0 for _, n in known],
                color=colour, linestyle=dashes, marker=marker, markersize=3.5, linewidth=1.2, capsize=2,
                label=line.name,
            )  # fmt: skip
        axes.set_title(title, fontsize=TITLE, fontweight="bold", loc="left")
        axes.set_xticks(range(len(places)), places, rotation=90)
        axes.tick_params(labelsize=SMALL, color=FRAME)
    side_by_side[0].set_ylabel(measure, fontsize=SMALL)
    handles = side_by_side[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False, fontsize=TEXT)
    return figure

"""Lines of costs, one per method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from reports.parts.contents import short_name
from reports.pictures.style import TEXT, canvas, plain, style


def draw(lines: Mapping[str, Sequence[tuple[float, float]]], x: str, y: str, log: bool = False) -> Figure:
    """Draw one line per method; the cost is on a logarithmic axis, for methods lie far apart."""
    figure = canvas(4.2)
    axes = figure.add_subplot()
    for method, points in lines.items():
        colour, line, marker = style(method, list(lines))
        look: dict[str, Any] = {"color": colour, "linestyle": line, "marker": marker, "markersize": 4, "linewidth": 1.3}
        axes.plot(*zip(*points, strict=True), label=short_name(method), **look)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    # within a decade too, for the methods often span less than one
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    if log:
        axes.set_xscale("log")
        axes.set_xticks(sorted({at for points in lines.values() for at, _ in points}))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(x, fontsize=TEXT)
    axes.set_ylabel(y, fontsize=TEXT)
    plain(axes, "both")
    figure.legend(loc="outside right upper", frameon=False, fontsize=TEXT)
    figure.set_layout_engine("constrained")
    return figure

"""Causal traces drawn: heat maps per language, and effects over layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from reports.numbers.traces import KINDS, PARTS, Effects, averages, grid, top_of
from reports.parts.contents import language_label
from reports.parts.tables import number
from reports.pictures.style import FRAME, SMALL, TEXT, TITLE, canvas, plain, set_script

COLOURS = "cividis"
"""Rises in lightness all the way, alike for colour-blind readers and in grey."""

MISSING, MARK = "#d9d9d9", "#ffffff"


def draw_maps(effects: Effects, numbers: pd.DataFrame) -> Figure:
    """Draw a row per language, a column per kind, and the scale of each kind below it."""
    down = len(effects.languages)
    figure = canvas(1.05 * down + 1.0)
    figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.03)
    panels = figure.subplots(down, len(KINDS), squeeze=False, sharex=True, sharey=True)
    for across, kind in enumerate(KINDS):
        top = top_of(effects, numbers, kind)
        for axes, lang in zip(panels[:, across], effects.languages, strict=True):
            image = _heat(axes, grid(effects, numbers, lang, kind), top)
            if kind == "mlp":
                _frame(axes, effects.about["recommended"]["layers"])
        panels[0, across].set_title(_title(effects, kind), fontsize=TITLE, fontweight="bold")
        panels[-1, across].set_xlabel(_axis(kind), fontsize=SMALL)
        bar = figure.colorbar(image, ax=panels[:, across], location="bottom", shrink=0.75, aspect=22, pad=0.02)
        bar.set_ticks([0, top / 2, top], labels=[number(value, 3) for value in (0, top / 2, top)])
        bar.ax.tick_params(labelsize=SMALL, color=FRAME)
        bar.set_label("Average indirect effect", fontsize=SMALL)
    for axes, lang in zip(panels[:, 0], effects.languages, strict=True):
        axes.set_yticks(range(len(PARTS)), list(PARTS.values()), fontsize=SMALL)
        set_script([axes.set_ylabel(language_label(lang), fontsize=TITLE)])
    return figure


def _heat(axes: Any, values: NDArray[np.float64], top: float) -> Any:
    colours = colormaps[COLOURS].with_extremes(bad=MISSING)
    shown = np.ma.masked_invalid(np.clip(values, 0, None))
    image = axes.imshow(shown, cmap=colours, vmin=0, vmax=top, aspect="auto", interpolation="nearest")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.tick_params(labelsize=SMALL, color=FRAME)
    axes.spines[:].set_color(FRAME)
    return image


def _frame(axes: Any, layers: Sequence[int]) -> None:
    """Mark the layers to edit at the subject's last token."""
    if layers:
        corner = (layers[0] - 0.5, list(PARTS).index("last") - 0.5)
        axes.add_patch(Rectangle(corner, len(layers), 1, fill=False, edgecolor=MARK, linewidth=1.4, zorder=3))


def _title(effects: Effects, kind: str) -> str:
    return KINDS[kind] if kind == "hidden" else f"{KINDS[kind]}, windows of {effects.about['window']}"


def _axis(kind: str) -> str:
    return "Layer" if kind == "hidden" else "Layer (centre of the window)"


def draw_lines(effects: Effects) -> Figure:
    """Draw the effect over layers, the facts of all languages together."""
    figure = canvas(2.1)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(KINDS), sharey=True)
    for axes, kind in zip(panels, KINDS, strict=True):
        plain(axes)
        for part, colour, line in (("last", "#0072B2", "-"), ("end", "#D55E00", "--")):
            rows = effects.rows[(effects.rows["kind"] == kind) & (effects.rows["part"] == part)]
            rows = rows[rows["language"].isin(effects.languages)]
            found = averages(rows, ["layer"])
            low, high = found["aie"] - found["band"].fillna(0.0), found["aie"] + found["band"].fillna(0.0)
            axes.plot(found["layer"], found["aie"], color=colour, linestyle=line, linewidth=1.2, label=PARTS[part])
            axes.fill_between(found["layer"], low, high, color=colour, alpha=0.2, linewidth=0)
        axes.axhline(0, color=FRAME, linewidth=0.7)
        axes.set_title(_title(effects, kind), fontsize=TITLE, fontweight="bold", loc="left")
        axes.set_xlabel(_axis(kind), fontsize=SMALL)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    panels[0].set_ylabel("Average indirect effect", fontsize=SMALL)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=TEXT
    )
    return figure

"""Causal tracing as in Figure 5 of the LangEdit paper: heat maps per language, from what `bench trace` measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bench.ground.atomic import write_text
from reports.contents import language_name
from reports.markdown import part_markdown
from reports.parts import Part, Picture, Section
from reports.style import FRAME, SMALL, TEXT, TITLE, canvas, language_label, plain, set_script, write_figure
from reports.tables import DASH, Cell, Column, Table, number, to_csv, to_text
from reports.trace_files import read_about, read_rows

KINDS: Mapping[str, str] = {"hidden": "Hidden state", "mlp": "MLP", "attention": "Attention"}

PARTS: Mapping[str, str] = {
    "first": "First subject token",
    "middle": "Middle subject tokens",
    "last": "Last subject token",
    "next": "First subsequent token",
    "further": "Further tokens",
    "end": "Last token",
}

SHOWN = (("hidden", "last"), ("mlp", "last"), ("attention", "end"))
"""Kinds with the part where their effect is expected; the table has their peaks."""

COLOURS = "cividis"
"""Rises in lightness all the way, alike for colour-blind readers and in grey."""

SMALL_SHARE = 0.1
"""Of the total effect; a peak below it is told to be weak."""

WEAK = " That is less than a tenth of the total effect: the MLPs of a window alone do not carry this model's facts."

MISSING, MARK = "#d9d9d9", "#ffffff"
BAND = 1.96


@dataclass(frozen=True, slots=True)
class Effects:
    """What was traced, and how.

    Attributes:
        rows: an indirect effect per language, fact, part, token, kind and layer.
        about: the contents of trace.json.
    """

    rows: pd.DataFrame
    about: Mapping[str, Any]

    @property
    def asked(self) -> list[str]:
        """Languages that are done; of an interrupted run not all."""
        return list(self.about["counts"])

    @property
    def languages(self) -> list[str]:
        """Those with enough facts that the model knows."""
        return list(self.about["averaged"])

    @property
    def layers(self) -> int:
        """Depth of the model."""
        return int(self.about["layers"])

    def probabilities(self, lang: str) -> pd.DataFrame:
        """Columns high and low, a row per fact of a language."""
        facts = pd.DataFrame(self.about["facts_traced"])
        found: pd.DataFrame = facts[facts["language"] == lang]
        return found


def read(folder: Path) -> Effects:
    """The two files that `bench trace` leaves.

    Raises:
        BenchError: one is missing, or is not what it should be.
    """
    about = read_about(folder / "trace.json")
    return Effects(read_rows(folder / "trace.csv", about), about)


def build(folder: Path) -> str:
    """Write trace.md, summary.csv and the pictures into the folder of a measurement.

    Returns:
        Table and advice for a terminal.
    """
    effects = read(folder)
    blocks = []
    for section in _sections(effects):
        blocks.append(f"# {section.title}")
        for part in section.parts:
            if isinstance(part, Picture):
                write_figure(part.figure, folder / part.stem)
            blocks.append(part_markdown(part))
        for table in section.tables:
            write_text(folder / f"{table.name}.csv", to_csv(table))
    write_text(folder / "trace.md", "\n\n".join(block.strip() for block in blocks) + "\n")
    return f"{to_text(peaks(effects)).rstrip()}\n\n{advice(effects)}"


def sections(folder: Path) -> list[Section]:
    """A chapter of a report from the folder of a measurement."""
    return _sections(read(folder))


def _sections(effects: Effects) -> list[Section]:
    numbers = summary(effects)
    heat = Picture("trace", _heat_caption(effects), _heat_alt(effects), draw_maps(effects, numbers))
    caption = (
        "Average indirect effect by layer, mean over the facts of all languages, with its 95 % band; "
        "solid: at the subject's last token, dashed: at the prompt's last token."
    )
    alt = "Three line charts of the average indirect effect over layers: hidden state, MLP and attention"
    lines = Picture("layers", caption, alt, draw_lines(effects))
    parts: tuple[Part, ...] = (_setting(effects), heat, peaks(effects), lines, advice(effects))
    return [Section(f"Where {effects.about['model']} recalls facts", parts, (_long(numbers),))]


# ---------------------------------------------------------------------------- numbers
def summary(effects: Effects) -> pd.DataFrame:
    """Average indirect effect by language, part, kind and layer, with its deviation and 95 % band.

    Middle and further tokens of all facts count one by one, as in the released code.
    """
    return _averages(effects.rows, ["language", "kind", "part", "layer"])


def _averages(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    found = rows.groupby(by, sort=False)["effect"].agg(aie="mean", std="std", n="count").reset_index()
    found["band"] = BAND * found["std"] / np.sqrt(found["n"])
    return found


def grid(effects: Effects, numbers: pd.DataFrame, lang: str, kind: str) -> NDArray[np.float64]:
    """Average indirect effects [6 parts, L] of a heat map; NaN where no fact has such a token."""
    rows = numbers[(numbers["language"] == lang) & (numbers["kind"] == kind)]
    table = rows.pivot_table(index="part", columns="layer", values="aie")
    found: NDArray[np.float64] = table.reindex(index=list(PARTS), columns=range(effects.layers)).to_numpy(dtype=float)
    return found


def top_of(effects: Effects, numbers: pd.DataFrame, kind: str) -> float:
    """Upper end of the scale of a kind, the same in all languages: the largest effect, or 1 % where there is none."""
    most = max(float(np.nanmax(grid(effects, numbers, lang, kind))) for lang in effects.languages)
    return max(most, 0.01)


def peaks(effects: Effects) -> Table:
    """Total effect per language, and the largest average indirect effects where they are expected."""
    numbers = summary(effects)
    columns = [
        Column("language", "Language", "text"),
        Column("facts", "Facts", "number", 0),
        Column("tried", "Tried", "number", 0),
        Column("high", "Clean", "number", 3),
        Column("low", "Corrupted", "number", 3),
        Column("ate", "Total effect", "number", 3),
    ]
    columns += [Column(f"{kind}_{part}", f"{KINDS[kind]}, {PARTS[part].lower()}", "number", 3) for kind, part in SHOWN]
    rows = [_peak_row(effects, numbers, lang) for lang in effects.asked]
    caption = (
        "Probability of the answer, and the largest average indirect effect over layers at two tokens, with its layer; "
        "± is a 95 % band."
    )
    return Table("peaks", tuple(columns), tuple(rows), caption, tuple(_notes(effects)))


def _peak_row(effects: Effects, numbers: pd.DataFrame, lang: str) -> tuple[Cell, ...]:
    counts = effects.about["counts"][lang]
    head = (Cell(language_name(lang)), Cell(mean=counts["traced"]), Cell(mean=counts["tried"]))
    if not counts["traced"]:
        return (*head, *(Cell(DASH) for _ in range(3 + len(SHOWN))))
    both = effects.probabilities(lang)
    total = both["high"] - both["low"]
    found = [Cell(_banded(total.mean(), BAND * total.std() / len(total) ** 0.5))]
    for kind, part in SHOWN:
        rows = numbers[(numbers["language"] == lang) & (numbers["kind"] == kind) & (numbers["part"] == part)]
        best = rows.sort_values("aie").iloc[-1]
        found.append(Cell(f"{_banded(best['aie'], best['band'])} at {best['layer']}"))
    return (*head, _cell(both["high"].mean()), _cell(both["low"].mean()), *found)


def _banded(value: float, band: float) -> str:
    return number(value, 3) + ("" if isnan(band) else f" ± {number(band, 3)}")


def _cell(value: float) -> Cell:
    return Cell(DASH) if isnan(value) else Cell(mean=value)


def _long(numbers: pd.DataFrame) -> Table:
    """The summary as it is, for csv."""
    texts, values = ("language", "kind", "part", "layer", "n"), ("aie", "std", "band")
    columns = [Column(name, name, "text") for name in texts] + [Column(name, name, "number") for name in values]
    cells = [numbers[name].map(str).map(Cell) for name in texts] + [numbers[name].map(_cell) for name in values]
    return Table("summary", tuple(columns), tuple(zip(*cells, strict=True)))


# ---------------------------------------------------------------------------- words
def advice(effects: Effects) -> str:
    """Which layers to edit."""
    recommended = effects.about["recommended"]
    if not recommended["layers"]:
        return "No layers to edit are recommended: MLPs at the subject's last token have no effect."
    means = effects.about["mlp_effects"]
    peak = max(range(len(means)), key=means.__getitem__)
    both = [effects.probabilities(lang) for lang in effects.languages]
    total = float(np.mean([(each["high"] - each["low"]).mean() for each in both]))
    return (
        f"Layers to edit: {', '.join(map(str, recommended['layers']))} (--set {recommended['set']}). Around the peak "
        f"of the MLPs' effect at the subject's last token, layer {peak} with {number(means[peak], 3)} of a total "
        f"effect of {number(total, 3)} (means over languages): the neighbours with the most effect, while it is at "
        f"least half of the peak's, at most five layers.{WEAK if means[peak] < SMALL_SHARE * total else ''}"
    )


def _setting(effects: Effects) -> str:
    about = effects.about
    known = (
        "facts that the model knows (it begins the true answer)"
        if about["true_answers"]
        else "prompts, with the token that the model says first for an answer: the data set has no true ones"
    )
    setting = (
        f"Causal tracing (Meng et al. 2022) of {about['model']} ({about['layers']} layers, {about['dtype']}) on "
        f"{about['data']}: at most {about['facts']} {known} per language. Noise of {about['noise']:g} standard "
        f"deviations of the subjects' embeddings corrupts the subject's tokens, {about['samples']} draws per fact, "
        f"seed {about['seed']}."
    )
    return (
        f"{setting} The effect of a state is by how much restoring it raises the probability of the answer: a hidden "
        f"state at one layer, MLPs or attention in a window of {about['window']}."
    )


def _notes(effects: Effects) -> list[str]:
    notes = ["Clean, Corrupted: probability of the answer; their difference is the total effect."]
    if effects.about["true_answers"]:
        notes.append("Tried: facts that were asked to find those that the model knows.")
    few = [lang for lang in effects.asked if lang not in effects.languages]
    if few:
        notes.append(f"Too few facts are known, so neither drawn nor advised by: {', '.join(map(language_name, few))}.")
    return notes


def _heat_caption(effects: Effects) -> str:
    framed = "; framed: the layers to edit" if effects.about["recommended"]["layers"] else ""
    return (
        "Average indirect effect on the probability of the answer, by the token and the layer whose state is "
        "restored. Each column has one scale for all languages, what is below zero is drawn as zero; grey: no fact has "
        f"such a token{framed}."
    )


def _heat_alt(effects: Effects) -> str:
    names = ", ".join(map(language_name, effects.languages))
    return f"Heat maps of the effect of restored hidden states, MLPs and attention by token and layer: {names}"


# ---------------------------------------------------------------------------- pictures
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
            found = _averages(rows, ["layer"])
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

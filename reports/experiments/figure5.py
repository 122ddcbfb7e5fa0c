"""Figure 5: causal tracing, heat maps per language and the layers to edit, from what `bench trace` measured."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd

from reports.numbers.traces import BAND, KINDS, PARTS, Effects, read, summary
from reports.parts.contents import language_cell, language_name
from reports.parts.sections import Part, Picture, Section
from reports.parts.tables import DASH, Cell, Column, Table, number
from reports.pictures.traces import draw_lines, draw_maps

SHOWN = (("hidden", "last"), ("mlp", "last"), ("attention", "end"))
"""Kinds with the part where their effect is expected; the table has their peaks."""

SHARED = (
    ("hidden", "last", "Hidden at the subject"),
    ("mlp", "last", "MLP at the subject"),
    ("mlp", "end", "MLP at the end"),
)
"""What is shown as a share of the total effect: at the last token of the subject, and of the prompt."""

SMALL_SHARE = 0.1
"""Of the total effect; a peak below it is told to be weak."""

WEAK = " That is less than a tenth of the total effect: the MLPs of a window alone do not carry this model's facts."


def sections(folder: Path) -> list[Section]:
    """A chapter of a report from the folder of a measurement."""
    return sections_of(read(folder))


def sections_of(effects: Effects) -> list[Section]:
    """The same of effects that are read already."""
    numbers = summary(effects)
    heat = Picture("trace", _heat_caption(effects), _heat_alt(effects), draw_maps(effects, numbers))
    caption = (
        "Average indirect effect by layer, mean over the facts of all languages, with its 95 % band; "
        "solid: at the subject's last token, dashed: at the prompt's last token."
    )
    alt = "Three line charts of the average indirect effect over layers: hidden state, MLP and attention"
    lines = Picture("layers", caption, alt, draw_lines(effects))
    parts: tuple[Part, ...] = (_setting(effects), heat, peaks(effects), *shares(effects), lines, advice(effects))
    return [Section(f"Where {effects.about['model']} recalls facts", parts, (_long(numbers),))]


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
        f"Probability of the answer{_first_form(effects)}, and the largest average indirect effect over layers at two "
        "tokens, with its layer; ± is a 95 % band."
    )
    return Table("peaks", tuple(columns), tuple(rows), caption, tuple(_notes(effects)))


def _peak_row(effects: Effects, numbers: pd.DataFrame, lang: str) -> tuple[Cell, ...]:
    counts = effects.about["counts"][lang]
    head = (language_cell(lang), Cell(mean=counts["traced"]), Cell(mean=counts["tried"]))
    both = effects.probabilities(lang, effects.forms[0])
    if both.empty:
        return (*head, *(Cell(DASH) for _ in range(3 + len(SHOWN))))
    total = both["high"] - both["low"]
    found = [Cell(_banded(total.mean(), BAND * total.std() / len(total) ** 0.5))]
    for kind, part in SHOWN:
        best = _peak(numbers, lang, effects.forms[0], kind, part)
        found.append(Cell(f"{_banded(best['aie'], best['band'])} at {best['layer']}"))
    return (*head, _cell(both["high"].mean()), _cell(both["low"].mean()), *found)


def _peak(numbers: pd.DataFrame, lang: str, form: str, kind: str, part: str) -> pd.Series:
    """The layer with the largest average effect."""
    chosen = {"language": lang, "form": form, "kind": kind, "part": part}
    rows = numbers[(numbers[list(chosen)] == pd.Series(chosen)).all(axis=1)]
    return rows.sort_values("aie").iloc[-1]


def shares(effects: Effects) -> list[Table]:
    """Peaks as shares of the total effect, columns for each form of prompts if there is more than one."""
    forms = effects.forms
    if len(forms) < 2:
        return []
    numbers = summary(effects)
    columns = [Column("language", "Language", "text")]
    columns += [
        Column(f"{form}_{kind}_{part}".replace(" ", "_"), f"{title}, {form}", "number")
        for form in forms
        for kind, part, title in SHARED
    ]
    rows = [(language_cell(lang), *_share_cells(effects, numbers, lang)) for lang in effects.languages]
    caption = "The largest average indirect effect over layers, as a share of the total effect, by what stands first."
    return [Table("shares", tuple(columns), tuple(rows), caption)]


def _share_cells(effects: Effects, numbers: pd.DataFrame, lang: str) -> list[Cell]:
    cells = []
    for form in effects.forms:
        both = effects.probabilities(lang, form)
        total = float((both["high"] - both["low"]).mean()) if len(both) else 0.0
        for kind, part, _ in SHARED:
            share = _peak(numbers, lang, form, kind, part)["aie"] / total if total > 0 else None
            cells.append(Cell(DASH) if share is None else Cell(mean=share))
    return cells


def _banded(value: float, band: float) -> str:
    return number(value, 3) + ("" if isnan(band) else f" ± {number(band, 3)}")


def _cell(value: float) -> Cell:
    return Cell(DASH) if isnan(value) else Cell(mean=value)


def _long(numbers: pd.DataFrame) -> Table:
    """The summary as it is, for csv."""
    texts, values = ("language", "form", "kind", "part", "layer", "n"), ("aie", "std", "band")
    columns = [Column(name, name, "text") for name in texts] + [Column(name, name, "number") for name in values]
    cells = [numbers[name].map(str).map(Cell) for name in texts] + [numbers[name].map(_cell) for name in values]
    return Table("summary", tuple(columns), tuple(zip(*cells, strict=True)))


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
        f"Average indirect effect on the probability of the answer{_first_form(effects)}, by the token and the layer "
        "whose state is restored. Each column has one scale for all languages, what is below zero is drawn as zero; "
        f"grey: no fact has such a token{framed}."
    )


def _first_form(effects: Effects) -> str:
    return f" where prompts have the {effects.forms[0]}" if len(effects.forms) > 1 else ""


def _heat_alt(effects: Effects) -> str:
    names = ", ".join(map(language_name, effects.languages))
    return f"Heat maps of the effect of restored hidden states, MLPs and attention by token and layer: {names}"

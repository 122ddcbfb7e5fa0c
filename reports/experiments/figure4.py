"""Figure 4: what editing other languages as well costs a language, negative interference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.config.run import ALL
from bench.store.results import Results
from reports.experiments.common import (
    GAIN,
    GAIN_NOTE,
    Gain,
    Group,
    counted,
    gain,
    groups,
    in_order,
    methods_of,
    titled,
    unfinished,
    untested,
    with_reasons,
)
from reports.numbers.aggregate import UNEDITED, Panel, Summary, per_language
from reports.numbers.measures import CORE, Measure
from reports.numbers.pairing import tested
from reports.parts.contents import display_name, language_cell, language_name, summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.pairs import Bars, Place, Row, draw_pairs

PREFERRED = ("alphaedit", "langedit", "langedit-released")
"""Methods of the paper's figure; the first two that have both sides where the run has neither."""

EVERY = "all"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Languages edited alone beside all edited together.

    Attributes:
        alone: language -> the setting in which only that language is edited.
        methods: that stand on both sides.
    """

    group: Group
    together: Panel
    alone: Mapping[str, Panel]
    methods: tuple[str, ...]

    @property
    def codes(self) -> list[str]:
        """Languages that were edited alone."""
        return in_order(self.alone)

    def number(self, method: str, alone: bool, measure: Measure, code: str) -> Summary | None:
        """A method's number for facts of a language; None where no such cell was planned."""
        panel = self.alone[code] if alone else self.together
        return per_language(panel, measure).get((method, code)) or unfinished(panel, method)


def sections(results: Results, panels: Sequence[Panel]) -> Iterator[Section]:
    """One section per model, data set and order with a method on both sides."""
    for group in groups(panels, ("model", "data", "order"), "edited"):
        pairs = pairs_of(group)
        if pairs is None:
            continue
        n = counted(pairs.together)
        text = (
            "A language's facts are edited alone, or the same facts among those of all languages. The difference, all "
            f"languages minus alone, is what the other languages cost it. All languages: {n}; facts are paired."
        )
        caption = "Editing measures by language, percent; above each pair of bars its difference in points."
        alt = "Bars of efficacy, generality and specificity by language, edited alone and among all languages"
        picture = Picture(f"figure4{group.suffix}", caption, alt, draw_pairs(picture_rows(pairs), bars(pairs)))
        parts = (text, picture, values(pairs), gaps(pairs))
        further = (values(pairs, every=True), gaps(pairs, every=True))
        yield Section(titled("Negative interference (Figure 4)", group.where), parts, further)


def pairs_of(group: Group) -> Pairs | None:
    """What stands on both sides, or None."""
    together = group.panels.get(ALL)
    alone = {edited: panel for edited, panel in group.panels.items() if edited != ALL and "+" not in edited}
    if together is None or not alone:
        return None
    both = set(methods_of(alone.values())) - {UNEDITED}
    methods = tuple(s.method for s in together.standings if s.method in both)
    sides = ([together], list(alone.values()))
    begun = all(any(s.scored for panel in side for s in panel.standings if s.method in methods) for side in sides)
    return Pairs(group, together, alone, methods) if begun else None


def bars(pairs: Pairs, every: bool = False) -> list[Bars]:
    """The bars of a language from left to right; `every` for all methods, else those of the figure."""
    chosen = [method for method in PREFERRED if method in pairs.methods] or list(pairs.methods[:2])
    found = [Bars(m, alone) for m in (pairs.methods if every else chosen) for alone in (True, False)]
    others = [s.method for s in pairs.together.standings if s.method != UNEDITED]
    shown = [m for m in others if (every or m in PREFERRED) and m not in pairs.methods]
    return found + [Bars(method, False) for method in shown]


def unedited(pairs: Pairs, measure: Measure, code: str) -> Summary | None:
    """The unedited model on the facts of a language, from whichever side has it."""
    sides = (pairs.number(UNEDITED, alone, measure, code) for alone in (False, True))
    return next((number for number in sides if number is not None and number.mean is not None), None)


# ---------------------------------------------------------------------------- tables
def values(pairs: Pairs, every: bool = False) -> Table:
    """The numbers of the bars; `every` for all methods, else those of the figure."""
    rows = []
    for measure in CORE:
        reference = [_shown(unedited(pairs, measure, code)) for code in pairs.codes]
        rows.append((Cell(measure.title), Cell(display_name(UNEDITED)), Cell(""), *reference))
        for each in bars(pairs, every):
            cells = [_shown(pairs.number(each.method, each.alone, measure, code)) for code in pairs.codes]
            side = Cell("alone" if each.alone else "all")
            rows.append((Cell(measure.title), Cell(display_name(each.method)), side, *cells))
    header = [Column(key, key.title(), "text") for key in ("measure", "method", "edited")]
    header += [Column(code, language_name(code), digits=1) for code in pairs.codes]
    caption = "Editing measures by language, edited alone and among all languages, percent."
    return with_reasons(
        Table(f"figure4{pairs.group.suffix}", tuple(header), tuple(rows), caption),
        [pairs.together, *pairs.alone.values()],
    )


def gaps(pairs: Pairs, every: bool = False) -> Table:
    """All languages minus alone, language by language and over all; for the methods of `values`."""
    rows, found = [], []
    for method in (each.method for each in bars(pairs, every) if each.alone):
        for measure in CORE:
            for code in (*pairs.codes, EVERY):
                found.append(gap(pairs, method, measure, pairs.codes if code == EVERY else [code]))
                language = Cell("All") if code == EVERY else language_cell(code)
                texts = (Cell(display_name(method)), Cell(measure.title), language)
                rows.append((*texts, *found[-1].cells()))
    header = [Column(key, key.title(), "text") for key in ("method", "measure", "language")]
    header.append(Column("gap", "Difference", "number"))
    caption = "All languages edited minus the language alone, in points, with its 95 % interval over facts."
    notes = (GAIN_NOTE, *untested(found))
    name = f"figure4-gap{pairs.group.suffix}"
    return with_reasons(Table(name, (*header, *GAIN), tuple(rows), caption, notes))


def gap(pairs: Pairs, method: str, measure: Measure, codes: Sequence[str]) -> Gain:
    """All languages minus alone for facts of some languages, the same facts on both sides."""
    alone = [_records(pairs.alone[code], method, measure, code) for code in codes]
    together = [_records(pairs.together, method, measure, code) for code in codes]
    return gain(pd.concat(together), pd.concat(alone), ("edit_lang",))


def _records(panel: Panel, method: str, measure: Measure, code: str) -> pd.DataFrame:
    found = tested(panel, measure, method)[0]
    return found[found["edit_lang"] == code]


def _shown(number: Summary | None) -> Cell:
    return Cell(DASH) if number is None else summary_cell(number)


# ---------------------------------------------------------------------------- picture
def picture_rows(pairs: Pairs) -> list[Row]:
    """What the picture shows: a row per measure, a place per language."""
    return [Row(measure.title, tuple(_place(pairs, measure, code) for code in pairs.codes)) for measure in CORE]


def _place(pairs: Pairs, measure: Measure, code: str) -> Place:
    series = bars(pairs)
    means = tuple(_mean(pairs.number(each.method, each.alone, measure, code)) for each in series)
    known = {(each.method, each.alone) for each, mean in zip(series, means, strict=True) if mean is not None}
    differences = {
        each.method: gap(pairs, each.method, measure, [code]).outcome.difference
        for each in series
        if {(each.method, True), (each.method, False)} <= known
    }
    return Place(code, means, differences, _mean(unedited(pairs, measure, code)))


def _mean(number: Summary | None) -> float | None:
    return None if number is None else number.mean

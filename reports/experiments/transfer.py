"""Transfer: one language is edited, every language is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.config.run import ALL
from bench.store.results import Results
from reports.experiments.common import (
    GAIN,
    GAIN_NOTE,
    Group,
    counted,
    finer,
    gain,
    groups,
    in_order,
    methods_of,
    summaries_by,
    titled,
    unfinished,
    untested,
    with_reasons,
)
from reports.experiments.table6 import CROSSLINGUAL
from reports.numbers.aggregate import UNEDITED, Panel, Summary, ordered
from reports.numbers.measures import EFFICACY, SPECIFICITY, Measure
from reports.parts.contents import display_name, language_cell, language_name, short_name, summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.maps import Map, draw_maps

KEYS = ("edit_lang", "probe_lang")
EVERY = "all"
"""Inches: of a matrix, between two, and around the first."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the cells of a matrix hold.

    Attributes:
        same: measure where facts are asked in the language of the edit.
        other: in other languages.
    """

    key: str
    title: str
    same: Measure
    other: Measure


QUESTIONS = (
    Question("efficacy", "Efficacy", EFFICACY, CROSSLINGUAL),
    Question("specificity", "Specificity", SPECIFICITY, SPECIFICITY),
)


@dataclass(frozen=True, slots=True)
class Matrices:
    """One matrix per method: language of the edit x language of the question.

    Attributes:
        alone: language -> the setting in which only that language is edited.
        numbers: (method, edited, asked) -> number.
        records: what they are means of, of all settings.
    """

    question: Question
    alone: Mapping[str, Panel]
    methods: tuple[str, ...]
    edited: tuple[str, ...]
    asked: tuple[str, ...]
    numbers: Mapping[tuple[str, str, str], Summary]
    records: pd.DataFrame

    def matrix(self, method: str) -> NDArray[np.float64]:
        """Percentages; NaN where there is none."""
        means = [[self.number(method, e, a) for a in self.asked] for e in self.edited]
        return np.array([[nan if n is None or n.mean is None else n.mean for n in row] for row in means])

    def number(self, method: str, edited: str, asked: str) -> Summary | None:
        """A number; without a mean where cells are unfinished, None where nothing of the kind was asked."""
        if any(code == edited for _, code, _ in self.numbers):
            return self.numbers.get((method, edited, asked))
        return unfinished(self.alone[edited], method)


def sections(results: Results, panels: Sequence[Panel]) -> Iterator[Section]:
    """One section per model, data set and order with languages edited alone and asked in others."""
    for group in groups(panels, ("model", "data", "order"), "edited"):
        alone = {code: panel for code, panel in group.panels.items() if code != ALL and "+" not in code}
        found = [matrices(results, alone, group.panels.get(ALL), question) for question in QUESTIONS if alone]
        shown = [each for each in found if _off_diagonal(each)]
        if QUESTIONS[0] not in [each.question for each in shown]:
            continue
        text = (
            "One language is edited, every language is asked: rows are the language of the edit, columns that of the "
            f"question. For each language {counted(next(iter(alone.values())))}. Efficacy off the diagonal: the edited "
            "fact, asked in another language. Specificity: facts that no edit should touch."
        )
        parts = [part for each in shown for part in _parts(group, list(alone.values()), each)]
        further = tuple(gains(group, each, each.edited) for each in shown)
        yield Section(titled("Transfer between languages", group.where), (text, *parts), further)


def matrices(results: Results, alone: Mapping[str, Panel], together: Panel | None, question: Question) -> Matrices:
    """The numbers of all languages edited alone.

    Args:
        results: the run.
        alone: language -> the setting in which only that language is edited.
        together: the setting with all languages, whose unedited model stands in where others have none.
        question: what is asked.
    """
    numbers: dict[tuple[str, str, str], Summary] = {}
    every: list[pd.DataFrame] = []
    for code, panel in alone.items():
        sources: dict[str | None, Panel] = {None: panel}
        if together is not None and UNEDITED not in methods_of([panel]):
            sources |= {UNEDITED: together}
        for only, source in sources.items():
            records = _records(results, source, question)
            if only:
                records = records[(records["method"] == only) & (records["edit_lang"] == code)]
            every.append(records)
            found = summaries_by(source, records, ("probe_lang",)).items()
            numbers |= {(method, code, asked): n for (method, asked), n in found if only in (None, method)}
    return Matrices(
        question,
        alone,
        tuple(ordered({*methods_of(alone.values()), *(method for method, _, _ in numbers)})),
        tuple(in_order(alone)),
        tuple(in_order(asked for _, _, asked in numbers)),
        numbers,
        pd.concat(every),
    )


def _records(results: Results, panel: Panel, question: Question) -> pd.DataFrame:
    records = finer(results, panel, {question.same, question.other}, ("fact", *KEYS))
    inside = records["probe_lang"] == records["edit_lang"]
    wanted = inside & (records["metric"] == question.same.metric)
    return records[wanted | (~inside & (records["metric"] == question.other.metric))]


def _off_diagonal(found: Matrices) -> bool:
    return any(edited != asked for _, edited, asked in found.numbers)


def _parts(group: Group, panels: Sequence[Panel], found: Matrices) -> tuple[Picture | Table, ...]:
    key, title = found.question.key, found.question.title
    picture = Picture(
        f"transfer-{key}{group.suffix}",
        f"{title} by language of the edit and of the question, percent; dark is high, a dash is not measured.",
        f"{title}: matrices of language of the edit by language of the question, one per method",
        maps(found),
    )
    return picture, table(group, panels, found), gains(group, found, (EVERY,))


# ---------------------------------------------------------------------------- tables
def table(group: Group, panels: Sequence[Panel], found: Matrices) -> Table:
    """A row per method and edited language, a column per language that is asked."""
    rows = [
        (
            Cell(display_name(method)),
            language_cell(edited),
            *(_shown(found.number(method, edited, asked)) for asked in found.asked),
        )
        for method in found.methods
        for edited in found.edited
    ]
    header = (
        Column("method", "Method", "text"),
        Column("edited", "Edited", "text"),
        *(Column(code, language_name(code), digits=1) for code in found.asked),
    )
    caption = f"{found.question.title} by language of the edit (rows) and of the question (columns), percent."
    name = f"transfer-{found.question.key}{group.suffix}"
    return with_reasons(Table(name, header, tuple(rows), caption), panels)


def gains(group: Group, found: Matrices, edited: Sequence[str]) -> Table:
    """Against the unedited model: in the language of the edit, and over all other languages.

    Args:
        group: names the table.
        found: the numbers.
        edited: a row for each of these languages; `EVERY` for all of them together.
    """
    inside = found.records["edit_lang"] == found.records["probe_lang"]
    rows, tested = [], []
    for method in (name for name in found.methods if name != UNEDITED):
        for code in edited:
            for title, part in (("the same", inside), ("others", ~inside)):
                records = found.records[part & ((found.records["edit_lang"] == code) | (code == EVERY))]
                sides = [records[records["method"] == name] for name in (method, UNEDITED)]
                tested.append(gain(sides[0], sides[1], KEYS))
                language = Cell("All") if code == EVERY else language_cell(code)
                texts = (Cell(display_name(method)), language, Cell(title))
                rows.append((*texts, *tested[-1].cells()))
    header = [Column(key, key.title(), "text") for key in ("method", "edited", "asked")]
    header.append(Column("difference", "Difference", "number"))
    title = found.question.title
    caption = f"{title} minus that of the unedited model on the same questions, points, 95 % interval over facts."
    name = f"transfer-{found.question.key}-gain{group.suffix}"
    return with_reasons(Table(name, (*header, *GAIN), tuple(rows), caption, (GAIN_NOTE, *untested(tested))))


def _shown(number: Summary | None) -> Cell:
    return Cell(DASH) if number is None else summary_cell(number)


# ---------------------------------------------------------------------------- picture
def maps(found: Matrices) -> Figure:
    """A matrix per method, all on one scale."""
    return draw_maps([[Map(short_name(m), found.matrix(m)) for m in found.methods]], found.edited, found.asked)

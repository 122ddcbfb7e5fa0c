"""Tables 6 and 7: facts edited in some languages, asked in languages in which nothing was edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from bench.store.results import Results
from reports.experiments.common import (
    GAIN,
    GAIN_NOTE,
    counted,
    finer,
    gain,
    in_order,
    summaries_by,
    titled,
    told_apart,
    untested,
    with_reasons,
)
from reports.numbers.aggregate import UNEDITED, Panel, summaries
from reports.numbers.measures import EFFICACY, FURTHER
from reports.numbers.names import suffix
from reports.parts.contents import column_cells, display_name, language_cell, language_name
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

CROSSLINGUAL = next(measure for measure in FURTHER if measure.key == "crosslingual")
AVERAGE = "average"
KEYS = ("edit_lang", "probe_lang")


def sections(results: Results, panels: Sequence[Panel]) -> Iterator[Section]:
    """One section per setting in which several languages but not all are edited, and others are asked."""
    found = [(panel, records) for panel in panels if len(records := never_edited(results, panel))]
    several = [panel for panel, _ in found]
    for panel, records in found:
        edited, codes = panel.setting.edited.split("+"), in_order(records["probe_lang"])
        names = [", ".join(map(language_name, each)) for each in (edited, codes)]
        text = (
            f"Facts are edited in {names[0]} and asked in {names[1]}, in which nothing is edited: how much of an edit "
            f"another language knows of. {counted(panel)}; the gain is over the unedited model on the same questions."
        )
        after = suffix(panel, several)
        parts = (text, table(panel, records, codes, after), gains(panel, records, codes, after))
        yield Section(titled("Knowledge sharing (Tables 6 and 7)", told_apart(panel, several)), parts)


def never_edited(results: Results, panel: Panel) -> pd.DataFrame:
    """Edited facts asked in languages in which nothing is edited; empty unless several languages are."""
    edited = panel.setting.edited.split("+")
    records = finer(results, panel, [CROSSLINGUAL], ("fact", *KEYS))
    return records[~records["probe_lang"].isin(edited) & (len(edited) > 1)]


def table(panel: Panel, records: pd.DataFrame, codes: list[str], after: str = "") -> Table:
    """A row per method, a column per language that is asked, beside the languages that are edited."""
    average = summaries_by(panel, records, ())
    by_code = summaries_by(panel, records, ("probe_lang",))
    numbers = {
        EFFICACY.key: summaries(panel, EFFICACY),
        **{code: {s.method: by_code[s.method, code] for s in panel.standings} for code in codes},
        AVERAGE: {s.method: average[s.method,] for s in panel.standings},
    }
    cells = {key: column_cells(panel, found, 2) for key, found in numbers.items()}
    header = (
        Column("method", "Method", "text"),
        Column(EFFICACY.key, "Edited languages"),
        *(Column(code, language_name(code)) for code in codes),
        Column(AVERAGE, "Average, never edited"),
    )
    rows = [
        (Cell(display_name(s.method)), *(cells[column.key][i] for column in header[1:]))
        for i, s in enumerate(panel.standings)
    ]
    caption = "Edited facts, asked in the language of the edit and in languages never edited, percent."
    return with_reasons(Table(f"table6-7{after}", header, tuple(rows), caption), [panel])


def gains(panel: Panel, records: pd.DataFrame, codes: list[str], after: str = "") -> Table:
    """What every method gains over the unedited model, by language that is asked."""
    by_method = {str(name): part for name, part in records.groupby("method")}
    nothing = records.iloc[:0]
    rows, found = [], []
    for method in (s.method for s in panel.standings if s.method != UNEDITED):
        mine, unedited = by_method.get(method, nothing), by_method.get(UNEDITED, nothing)
        for code in (*codes, AVERAGE):
            asked = mine if code == AVERAGE else mine[mine["probe_lang"] == code]
            language = Cell("Average") if code == AVERAGE else language_cell(code)
            found.append(gain(asked, unedited, KEYS))
            rows.append((Cell(display_name(method)), language, *found[-1].cells()))
    header = (
        Column("method", "Method", "text"),
        Column("language", "Asked in", "text"),
        Column("gain", "Gain", "number"),
    )
    caption = "Gain over the unedited model in points, with its 95 % interval over facts."
    return with_reasons(
        Table(f"table6-7-gain{after}", (*header, *GAIN), tuple(rows), caption, (GAIN_NOTE, *untested(found)))
    )

"""The settings of a run side by side: a row per setting, a column per method, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.numbers.aggregate import Panel, Setting, ordered, summaries
from reports.numbers.measures import MAIN, SCORE
from reports.parts.contents import METHOD, column_cells, display_name, summary_cell
from reports.parts.tables import DASH, Cell, Column, Table

WIDE = 10
"""Methods that stand side by side; where there are more of them than settings, they stand below each other."""

TITLES = {"model": "Model", "data": "Data", "order": "Order", "edited": "Edited"}


def settings(parts: Sequence[Panel]) -> Table:
    """The score of every method in every setting, the best of a setting marked."""
    fields = _different(parts)
    methods = ordered({standing.method for panel in parts for standing in panel.standings})
    rows = []
    for panel in parts:
        cells = column_cells(panel, summaries(panel, SCORE), 2)
        found = {standing.method: cell for standing, cell in zip(panel.standings, cells, strict=True)}
        rows.append((*_place(panel, fields), *(found.get(method, Cell(DASH)) for method in methods)))
    header = (*_columns(fields), *(Column(method, display_name(method)) for method in methods))
    if len(methods) > max(WIDE, len(parts)):
        header, rows = _turned(fields, rows, methods)
    caption = (
        "Score in every setting, mean ± standard deviation over seeds, percent; all main measures in its csv file."
    )
    notes = ("Best of a setting bold, second underlined; the unedited model does not compete.",)
    return Table("settings", header, tuple(rows), caption, notes)


def _turned(
    fields: Sequence[str], rows: Sequence[tuple[Cell, ...]], methods: Sequence[str]
) -> tuple[tuple[Column, ...], list[tuple[Cell, ...]]]:
    """A row per method, a column per setting."""
    first = len(fields)
    places = [", ".join(cell.text for cell in row[:first]) for row in rows]
    turned = [(Cell(display_name(method)), *(row[first + i] for row in rows)) for i, method in enumerate(methods)]
    return (METHOD, *(Column(place, place) for place in places)), turned


def settings_long(parts: Sequence[Panel]) -> Table:
    """The main measures of every method in every setting, a row per setting and method; for csv."""
    fields = _different(parts)
    header = (*_columns(fields), METHOD, *(Column(measure.key, measure.title) for measure in MAIN))
    return Table("settings", header, tuple(row for panel in parts for row in _rows(panel, fields)))


def _rows(panel: Panel, fields: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    numbers = [summaries(panel, measure) for measure in MAIN]
    seen = [any(summary.have for summary in column.values()) for column in numbers]
    for standing in panel.standings:
        cells = (summary_cell(column[standing.method], known) for column, known in zip(numbers, seen, strict=True))
        yield (*_place(panel, fields), Cell(standing.method), *cells)


def _different(parts: Sequence[Panel]) -> list[str]:
    """What the settings differ in."""
    return [name for name in Setting._fields if len({getattr(panel.setting, name) for panel in parts}) > 1]


def _columns(fields: Sequence[str]) -> Iterator[Column]:
    return (Column(name, TITLES[name], "text") for name in fields)


def _place(panel: Panel, fields: Sequence[str]) -> Iterator[Cell]:
    return (Cell(getattr(panel.setting, name)) for name in fields)

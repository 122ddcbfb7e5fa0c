"""The page of a row: all numbers of a method in a column, whom it was tested against, and its cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports.board.columns import Column, Row
from reports.board.data import said_by, told_text
from reports.board.standing import EVERY, Asked, Number
from reports.documents.html import to_report_html
from reports.numbers.grouping import is_significant
from reports.parts.arranging import arranged
from reports.parts.contents import language_name
from reports.parts.provenance import options, what_was_run
from reports.parts.sections import Chapter, Section
from reports.parts.tables import DASH, Cell, Table, p_text
from reports.parts.tables import Column as Head


def row_page(column: Column, row: Row, measures: Sequence[Asked], folder: Path) -> str:
    """The page of a row.

    Args:
        column: that it stands in.
        row: a method with its settings.
        measures: of the column.
        folder: that the page is written to.
    """
    records = [dict(cell.record) for cell in row.cells]
    sections = (
        Section("Where it stands", (_home(column),)),
        Section("Numbers", (_numbers(row, measures),)),
        Section("Against the others", (_pairs(row, measures),)),
        Section("Cells", (_cells(row), *_commands(row))),
        Section("What was run", (what_was_run(records), options(records), _about(column), _asked(measures))),
    )
    headline = f"{column.about['Model']} on {column.about['Data']}, edits: {column.about['Edits']}"
    return to_report_html(arranged(Chapter(row.label, headline, sections)), folder)


def _heads(*titles: str, numbers: Sequence[str] = ()) -> tuple[Head, ...]:
    return tuple(Head(title, title, "number" if title in numbers else "text") for title in titles)


def _home(column: Column) -> Table:
    rows = ((Cell("The column"), Cell("all methods", link=f"../index.html#column={column.key}")),
            (Cell("The board"), Cell("all columns", link="../index.html")))  # fmt: skip
    return Table("home", _heads("Where", "Link"), rows)


def _numbers(row: Row, measures: Sequence[Asked]) -> Table:
    rows = []
    for asked in measures:
        for code, view in asked.views.items():
            if number := view.numbers.get(row.label):
                texts = (asked.measure.title, spoken(asked.protocol), "all" if code == EVERY else language_name(code))
                rows.append((*map(Cell, texts), *_number(number)))
    counted = ("Mean", "95 % CI", "n", "Standard deviation", "Seeds", "Rank")
    caption = (
        "Percent. The interval is over facts, each with all its questions, languages and seeds (XTREME F1: over items, "
        "drawn anew); n counts them. The deviation is that of seeds. The rank counts methods that are significantly "
        "better, and from the other end those that are significantly worse."
    )
    return Table("numbers", _heads("Measure", "Protocol", "Language", *counted, numbers=counted), tuple(rows), caption)


def spoken(protocol: str) -> str:
    """A protocol for people."""
    return protocol.replace("_", " ")


def _number(number: Number) -> list[Cell]:
    summary, between = number.summary, number.interval
    seeds = Cell(f"{summary.have} of {summary.planned}" if summary.have < summary.planned else str(summary.have))
    places = number.places or ()
    return [
        Cell(DASH) if summary.mean is None else Cell(mean=summary.mean),
        Cell(between_text(between.low, between.high)),
        Cell(str(between.n) if between.n else DASH),
        Cell(DASH) if summary.std is None else Cell(mean=summary.std),
        seeds,
        Cell(" to ".join(map(str, dict.fromkeys(places))) or DASH),
    ]


def between_text(low: float | None, high: float | None) -> str:
    """An interval for people."""
    return DASH if low is None or high is None else f"{low + 0.0:.2f} to {high + 0.0:.2f}"


def _pairs(row: Row, measures: Sequence[Asked]) -> Table:
    rows = []
    for asked in measures:
        for (first, second), outcome in asked.views[EVERY].ranking.outcomes.items():
            if row.label not in (first, second):
                continue
            sign = 1 if row.label == first else -1
            ends = sorted(sign * each for each in (outcome.low, outcome.high) if each is not None)
            mean = Cell(DASH) if outcome.difference is None else Cell(mean=sign * outcome.difference)
            verdict = "told apart" if is_significant(outcome) else outcome.note or "cannot be told apart"
            rows.append((
                Cell(asked.measure.title), Cell(spoken(asked.protocol)), Cell(second if sign > 0 else first), mean,
                Cell(between_text(*ends) if len(ends) == 2 else DASH), Cell(str(outcome.n)),
                Cell(p_text(outcome.p_holm)), Cell(verdict),
            ))  # fmt: skip
    counted = ("Difference", "95 % CI", "n", "p (Holm)")
    caption = (
        "This method less another, percentage points, paired over facts or items that both have; p is corrected for "
        "all pairs of the column (Holm), the interval is that of one pair."
    )
    heads = _heads("Measure", "Protocol", "Compared with", *counted, "Verdict", numbers=counted)
    return Table("pairs", heads, tuple(rows), caption)


def _cells(row: Row) -> Table:
    rows = []
    for cell in sorted(row.cells, key=lambda each: (each.seed, each.run)):
        seconds = cell.cost[0]
        link = f"../{said_by(cell, row)}" if cell.answers else ""
        rows.append((
            Cell(str(cell.seed)), Cell(cell.id), Cell(cell.run), Cell(str(cell.place["status"])), Cell(cell.device),
            Cell(DASH) if seconds is None else Cell(mean=seconds),
            Cell("what it said", link=link) if link else Cell(DASH),
        ))  # fmt: skip
    spent = "Seconds per edit"
    heads = _heads("Seed", "Cell", "Run", "Status", "Device", spent, "Answers", numbers=(spent,))
    return Table("cells", heads, tuple(rows), "Cells behind the numbers; every id was made again from its settings.")


def _commands(row: Row) -> tuple[str, ...]:
    missing = ", ".join(map(str, sorted(row.missing)))
    return (
        f"Of a run's folder, bench show RUN --method {row.method} prints what the models said.",
        *([f"Seeds that are planned and were never begun: {missing}."] if missing else []),
    )


def _about(column: Column) -> Table:
    rows = tuple((Cell(name), Cell(value)) for name, value in column.about.items())
    return Table("column", _heads("What", "Value"), rows, "What all cells of the column agree in.")


def _asked(measures: Sequence[Asked]) -> Table:
    rows = ((each.measure.title, spoken(each.protocol), told_text(each.told) or DASH) for each in measures)
    cells = tuple(tuple(map(Cell, row)) for row in rows)
    return Table("asked", _heads("Measure", "Protocol", "Asked"), cells, "What evaluators were told to ask.")

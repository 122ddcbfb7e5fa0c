"""All numbers that the paper has too: ours, its own, the difference, and whether that lies within its spread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bench.config.run import ALL
from reports.experiments.common import label
from reports.numbers import paper
from reports.numbers.aggregate import Panel, Setting, Summary, summaries
from reports.numbers.measures import Measure
from reports.parts.contents import summary_cell
from reports.parts.sections import Section
from reports.parts.tables import DASH, Cell, Column, Table

TABLES = {"cycle": "Table 1", "shuffled": "Table 5"}
"""Of the paper, by the order of facts."""

HEADER = (
    Column("paper", "Of the paper", "text"),
    Column("model", "Model", "text"),
    Column("data", "Data", "text"),
    Column("method", "Method", "text"),
    Column("measure", "Measure", "text"),
    Column("ours", "Ours"),
    Column("published", "Published"),
    Column("difference", "Difference"),
    Column("within", "Within the published ±", "text"),
    Column("within_ours", "Within ours", "text"),
)
UNKNOWN = "not known"
DIGITS = 2
"""Of numbers in tables."""
HOW = (
    "Difference: ours minus published, in points. Within: the difference is no larger than the standard deviation over "
    "seeds, of the published number or of ours."
)
NO_SPREAD = (
    f"{UNKNOWN}: the published standard deviation is not among the package's numbers (column std of "
    "reports/published/table1.csv)."
)
REST = (
    "The package has the paper's numbers of MzsRE for the unedited model, AlphaEdit and LangEdit (Table 1; shuffled "
    "facts: Table 5) and its costs (Tables 2 to 4, beside ours in each run's chapter); of its other tables and figures "
    "it has none, so ours stand alone."
)


class Beside(NamedTuple):
    """A number of ours and the published one."""

    setting: Setting
    method: str
    measure: Measure
    ours: Summary
    published: float
    spread: float | None

    @property
    def difference(self) -> float | None:
        """Ours minus published; None where ours is not there."""
        return None if self.ours.mean is None else self.ours.mean - self.published

    def within(self, spread: float | None) -> bool | None:
        """Whether the difference is no larger, as both are printed; None where one of them is not known."""
        if spread is None or self.difference is None:
            return None
        return round(abs(self.difference), DIGITS) <= round(spread, DIGITS)


def beside(panels: Iterable[Panel]) -> Iterator[Beside]:
    """Every number that the paper has too, once: of the first setting that has it."""
    told: set[tuple[Setting, str]] = set()
    for panel in panels:
        theirs, spreads = paper.scores(panel.setting), paper.spreads(panel.setting)
        if not theirs or panel.setting.edited != ALL:
            continue
        numbers = {measure: summaries(panel, measure) for measure in paper.MEASURES}
        for method in (standing.method for standing in panel.standings if standing.method in theirs):
            if (panel.setting, method) in told:
                continue
            told.add((panel.setting, method))
            for measure, found in numbers.items():
                if measure.key in theirs[method]:
                    spread = spreads.get(method, {}).get(measure.key)
                    yield Beside(panel.setting, method, measure, found[method], theirs[method][measure.key], spread)


def section(panels: Sequence[Panel]) -> Section | None:
    """For a report of several runs; None where the paper has none of their numbers."""
    found = list(beside(panels))
    if not found:
        return None
    known = [each for each in found if each.within(each.spread) is not None]
    inside = sum(each.within(each.spread) is True for each in known)
    have = sum(each.difference is not None for each in found)
    text = f"{len(found)} numbers stand in the paper, too; {have} of them are measured"
    text += f", {inside} of {len(known)} with a published spread lie within it." if known else "."
    return Section("Beside the published numbers", (text, table(found), REST))


def table(found: Sequence[Beside]) -> Table:
    """A row per number."""
    rows = tuple(_row(each) for each in found)
    notes = [HOW]
    notes += [NO_SPREAD] if any(each.spread is None for each in found) else []
    methods = {each.method for each in found}
    notes += list(dict.fromkeys(note for each in found for note in paper.notes(each.setting, methods)))
    caption = "Numbers that the LangEdit paper has too, percent; mean ± standard deviation over seeds."
    return Table("published-difference", HEADER, rows, caption, tuple(notes))


def _row(each: Beside) -> tuple[Cell, ...]:
    difference = each.difference
    return (
        Cell(TABLES.get(each.setting.order, "")),
        Cell(each.setting.model),
        Cell(each.setting.data),
        Cell(label(each.method, each.setting.order)),
        Cell(each.measure.title),
        summary_cell(each.ours),
        Cell(mean=each.published, std=each.spread),
        Cell(DASH) if difference is None else Cell(mean=difference),
        Cell(_said(each.within(each.spread), each.spread)),
        Cell(_said(each.within(each.ours.std), each.ours.std)),
    )


def _said(within: bool | None, spread: float | None) -> str:
    if spread is None:
        return UNKNOWN
    return DASH if within is None else "yes" if within else "no"

"""Table 1, and Table 5 for shuffled facts: our numbers and the published ones under each other."""

from __future__ import annotations

from bench.config.run import ALL
from bench.store.results import Results
from reports.experiments.common import counted, label, published_cells, with_reasons
from reports.experiments.published import TABLES, beside
from reports.experiments.published import table as differences
from reports.numbers import paper
from reports.numbers.aggregate import Panel, summaries
from reports.parts.contents import summary_cell
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

HEADER = (
    Column("method", "Method", "text"),
    Column("source", "Source", "text"),
    *(Column(measure.key, measure.title) for measure in paper.MEASURES),
)


def section(results: Results, panel: Panel) -> Section | None:
    """The table, or None where the paper has no such model, data and order, or the facts are parallel."""
    published = paper.scores(panel.setting)
    if not published or panel.setting.edited != ALL or results.run.get("parallel"):
        return None
    where = TABLES[panel.setting.order]
    text = (
        f"What this run measured and what the LangEdit paper reports for the same model and data set. Ours: "
        f"{counted(panel)}; published: 2400 edits, three seeds."
    )
    found = list(beside([panel]))
    parts = [table(panel, published, where), *([differences(found)] if found else [])]
    return Section(f"Beside the published numbers ({where})", (text, *parts))


def table(panel: Panel, published: dict[str, dict[str, float]], where: str) -> Table:
    """Two rows for a method that the paper has numbers of, one for others."""
    numbers = {measure.key: summaries(panel, measure) for measure in paper.MEASURES}
    seen = {key: any(each.have for each in found.values()) for key, found in numbers.items()}
    rows = []
    for method in (standing.method for standing in panel.standings):
        name = label(method, panel.setting.order)
        ours = (summary_cell(found[method], seen[key]) for key, found in numbers.items())
        rows.append((Cell(name), Cell("ours"), *ours))
        if method in published:
            rows.append((Cell(name), Cell("published"), *published_cells(published[method])))
    caption = "Ours, mean ± standard deviation over seeds, and published, percent."
    shown = set(published) & {standing.method for standing in panel.standings}
    notes = (paper.SOURCE.format(what=where), *paper.notes(panel.setting, shown))
    return with_reasons(Table("published", HEADER, tuple(rows), caption, notes), [panel])

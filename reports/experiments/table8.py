"""Table 8: questions that ask an edited fact, and questions whose answer follows from it."""

from __future__ import annotations

from bench.store.results import Results
from reports.experiments.common import in_order, seeds_of, with_reasons
from reports.numbers.aggregate import Panel, Summary, per_language, summary_of
from reports.numbers.measures import EFFICACY, FURTHER, Measure
from reports.parts.contents import column_cells, display_name, language_name
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

PORTABILITY = next(measure for measure in FURTHER if measure.key == "portability")
HOPS = (("single", "Single hop", EFFICACY), ("multi", "Multi hop", PORTABILITY))
AVERAGE = "average"


def section(results: Results, panel: Panel) -> Section | None:
    """The table, or None where no second hop was asked."""
    records = panel.values(PORTABILITY)
    if not len(records):
        return None
    single, multi = (panel.values(measure).groupby(["method", "seed"]).size().max() for _, _, measure in HOPS)
    text = (
        "Single hop: the edited fact itself is asked (efficacy). Multi hop: a question whose answer follows from it "
        f"(portability). {single} edits a seed, {multi} of them with such a question; {seeds_of(panel)}."
    )
    return Section("Single hop and multi hop (Table 8)", (text, table(panel)))


def table(panel: Panel) -> Table:
    """Two rows per method: language by language, and the mean over languages."""
    codes = in_order(str(code) for code in panel.values(PORTABILITY)["edit_lang"])
    columns = {hop: _columns(panel, measure, codes) for hop, _, measure in HOPS}
    rows = [
        (Cell(display_name(s.method)), Cell(title), *(columns[hop][code][i] for code in (*codes, AVERAGE)))
        for i, s in enumerate(panel.standings)
        for hop, title, _ in HOPS
    ]
    header = (
        Column("method", "Method", "text"),
        Column("hop", "Asked", "text"),
        *(Column(code, language_name(code), digits=1) for code in codes),
        Column(AVERAGE, "Average"),
    )
    note = "Average: mean over languages. Best and second of each kind of question."
    return with_reasons(Table("table8", header, tuple(rows), "Single hop and multi hop, percent.", (note,)), [panel])


def _columns(panel: Panel, measure: Measure, codes: list[str]) -> dict[str, list[Cell]]:
    numbers = per_language(panel, measure)
    by_code = {code: {s.method: numbers[s.method, code] for s in panel.standings} for code in codes}
    cells = {code: column_cells(panel, found, 1) for code, found in by_code.items()}
    return {**cells, AVERAGE: column_cells(panel, _averages(panel, measure, codes), 2)}


def _averages(panel: Panel, measure: Measure, codes: list[str]) -> dict[str, Summary]:
    """Mean over languages of a seed, then over seeds; only seeds that have every language."""
    means = panel.values(measure).groupby(["method", "seed", "edit_lang"])["value"].mean().unstack()
    whole = means.reindex(columns=codes).dropna().mean(axis="columns")
    by_method = {str(method): list(part) for method, part in whole.groupby("method")}
    return {s.method: summary_of(s, by_method.get(s.method, [])) for s in panel.standings}

"""Whether edits are understood: negations and true-or-false questions, before and after; or that none were asked."""

from __future__ import annotations

from bench.store.results import Results
from reports.experiments.common import seeds_of, with_reasons
from reports.numbers.aggregate import Panel, summaries
from reports.numbers.measures import Measure
from reports.parts.contents import METHOD, display_name, summary_cell
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

UNEDITED = "_unedited"
MEASURES = (
    ("truth_repeated", "Said though denied", "negated"),
    ("truth_right", "True or false, right", "true_or_false"),
    ("truth_true", "Says true", "true_or_false"),
)
UNASKED = "Negations and true-or-false questions were not asked: the embedded model never saw such sentences."


def section(results: Results, panel: Panel) -> Section | None:
    """A row per method; one line where they could not be asked, None where nobody asked for them."""
    there = set(panel.records["metric"])
    if "truth_unasked" in there:
        return Section("Negated facts", (UNASKED,))
    if not there & {metric for metric, _, _ in MEASURES}:
        return None
    text = (
        "Said though denied: after the words that the following is not true, the model says the new target all the "
        "same; 0 is best. True or false: each edited fact, and the same with another fact's target; a half is chance. "
        f"{seeds_of(panel)}."
    )
    return Section("Negated facts", (text, table(panel)))


def table(panel: Panel) -> Table:
    """Before and after for every measure."""
    columns = [
        (Column(f"{metric}_{when}", f"{title}, {when}", digits=1), Measure("", "", metric, f"{protocol}{whose}"))
        for metric, title, protocol in MEASURES
        for when, whose in (("before", UNEDITED), ("after", ""))
    ]
    numbers = [summaries(panel, measure) for _, measure in columns]
    rows = tuple(
        (Cell(display_name(standing.method)), *(summary_cell(each[standing.method]) for each in numbers))
        for standing in panel.standings
    )
    caption = "Negated facts and true-or-false questions, mean ± standard deviation over seeds, percent."
    return with_reasons(Table("truth", (METHOD, *(column for column, _ in columns)), rows, caption), [panel])

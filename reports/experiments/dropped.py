"""What NAS did to the edits of methods that scale values to an anchor: how many it dropped, how much it shortened."""

from __future__ import annotations

from bench.store.results import Results
from reports.numbers.aggregate import Panel, cells_of
from reports.parts.contents import METHOD, display_name
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

DROPPED, STRETCH = "loss.dropped", "loss.stretch"
"""Quantities of a step: the share of its edits, and their mean norm, in anchors."""

HEADER = (
    METHOD,
    Column("seed", "Seed", "text"),
    Column("dropped", "Dropped", "number", 0),
    Column("edits", "Edits", "number", 0),
    Column("first", "Norm, first step", "number", 2),
    Column("last", "Norm, last step", "number", 2),
)


def section(results: Results, panel: Panel) -> Section | None:
    """A row per cell of such methods; None where there is none."""
    cells = cells_of(results.cells, panel.setting)
    costs = results.costs[results.costs["quantity"].isin(["edits", DROPPED, STRETCH])]
    rows = []
    for cell in cells.to_dict("records"):
        steps = costs[costs["cell"] == cell["cell"]].pivot_table(index="step", columns="quantity", values="value")
        if {"edits", DROPPED, STRETCH} <= set(steps.columns):
            dropped = float((steps["edits"] * steps[DROPPED]).sum())
            stretch = steps[STRETCH].dropna()
            figures = (round(dropped), steps["edits"].sum(), stretch.iloc[0], stretch.iloc[-1])
            named = (Cell(display_name(cell["method"])), Cell(str(cell["seed"])))
            rows.append((*named, *(Cell(mean=float(each)) for each in figures)))
    if not rows:
        return None
    text = (
        "NAS scales what an edit writes to the norm that it has on the unedited model, measured on practice facts that "
        "other methods do not see. Edits whose value was more than twice as long are dropped: they count as edited, "
        "and nothing was written. Norms are those of values as they were found, mean over a step, in anchors."
    )
    return Section(
        "Values scaled to an anchor", (text, Table("dropped", HEADER, tuple(rows), "Edits that NAS dropped."))
    )

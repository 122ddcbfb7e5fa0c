"""A warning: methods that changed nothing in some step, so that what is scored is not what they can do."""

from __future__ import annotations

from bench.store.results import Results
from bench.store.silent import UNCHANGED
from reports.numbers.aggregate import Panel, cells_of
from reports.parts.contents import METHOD, display_name
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table


def section(results: Results, panel: Panel) -> Section | None:
    """A row per cell that has such steps; None where every step changed something."""
    cells = cells_of(results.cells, panel.setting)
    costs = results.costs.merge(cells[["cell", "method", "seed"]], on="cell")
    silent = costs[costs["quantity"] == UNCHANGED].groupby("cell")["step"].agg(["count", "min"])
    steps = costs[costs["step"] > 0].groupby("cell")["step"].nunique()
    rows = [
        (Cell(display_name(cell["method"])), Cell(str(cell["seed"])),
         *(Cell(mean=float(each)) for each in (*silent.loc[cell["cell"]], steps[cell["cell"]])))
        for cell in cells.to_dict("records")
        if cell["cell"] in silent.index
    ]  # fmt: skip
    if not rows:
        return None
    header = (
        METHOD,
        Column("seed", "Seed", "text"),
        Column("steps", "Steps without a change", "number", 0),
        Column("first", "First", "number", 0),
        Column("of", "Steps", "number", 0),
    )
    text = (
        "Warning: in the steps counted here a method changed nothing, that is all its updates have norm 0, or weights "
        "and memory are what they were before. What it scores is what it did not do."
    )
    caption = "Steps after which everything is as it was."
    return Section("Steps that changed nothing", (text, Table("unchanged", header, tuple(rows), caption)))

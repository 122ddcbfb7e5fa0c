"""Tables 2 to 4: seconds per step and peak memory of every method."""

from __future__ import annotations

import pandas as pd

from bench.store.results import Results
from reports.experiments.common import with_reasons
from reports.numbers import paper
from reports.numbers.aggregate import FINISHED, UNEDITED, Panel, cells_of, ordered
from reports.numbers.costs import spent
from reports.parts.contents import display_name
from reports.parts.sections import Section
from reports.parts.tables import DASH, Cell, Column, Table

GIGABYTE = 1e9
OURS = (
    Column("steps", "Steps", "number", 0),
    Column("edits", "Edits per step", "number", 1),
    Column("seconds", "Seconds per step"),
    Column("seconds_per_edit", "Seconds per edit", "number", 3),
    Column("gigabytes", "Peak GB", "number"),
)
PREPARED = "seconds.preparing"
PREPARING = (
    "Preparing: statistics and training before the first step, the most that one cell took. Methods share what they "
    "prepare, so the first that needs it pays; what an earlier run left in the cache is only read."
)
PUBLISHED = (
    Column("published_seconds", "Published s", "number", 0),
    Column("published_gigabytes", "Published GB", "number", 1),
)


def section(results: Results, panel: Panel) -> Section | None:
    """The table, or None where no step of a method was timed."""
    cells = cells_of(results.cells, panel.setting)
    costs = spent(results, cells[cells["status"].isin(FINISHED) & (cells["method"] != UNEDITED)])
    if not len(costs):
        return None
    published = paper.costs(panel.setting.model)
    text = (
        "What a step of editing takes: wall seconds without scoring, and the most memory that was in use, the model "
        f"itself included. Mean over the steps of all seeds: {_range(costs)} a method."
    )
    return Section("Cost of editing (Tables 2 to 4)", (text, table(panel, costs, published)))


def table(panel: Panel, costs: pd.DataFrame, published: dict[str, tuple[float, float]]) -> Table:
    """A row per method; the paper's numbers where it has the model."""
    methods = ordered(s.method for s in panel.standings if s.method != UNEDITED)
    # older runs do not know it
    prepared = bool((costs["quantity"] == PREPARED).any())
    rows = []
    for method in methods:
        theirs = (Cell(DASH), Cell(DASH))
        if method in published:
            theirs = (Cell(mean=published[method][0]), Cell(mean=published[method][1]))
        own = costs[costs["method"] == method]
        before = (_most(own.loc[own["quantity"] == PREPARED, "value"].max()),) if prepared else ()
        rows.append((Cell(display_name(method)), *_row(own), *before, *(theirs if published else ())))
    header = (
        Column("method", "Method", "text"),
        *OURS,
        *((Column("preparing", "Preparing, s", "number", 1),) if prepared else ()),
        *(PUBLISHED if published else ()),
    )
    notes = ["A step in which a model broke, and those after it, are left out.", *([PREPARING] if prepared else [])]
    if published:
        notes.append(
            "Published: LangEdit paper, tables 2 to 4, A100 80 GB, steps of 100 edits; another machine than ours."
        )
        notes += [paper.WHY_RELEASED] if set(methods) & set(paper.RELEASED.values()) else []
    caption = "Seconds per step, mean ± standard deviation over steps, and peak memory."
    return with_reasons(Table("tables2-4", header, tuple(rows), caption, tuple(notes)), [panel])


def _row(costs: pd.DataFrame) -> tuple[Cell, ...]:
    wide = costs[costs["layer"] < 0].pivot_table(index=["cell", "step"], columns="quantity", values="value")
    if "seconds.total" not in wide.columns:
        return tuple(Cell(DASH) for _ in OURS)
    seconds = wide["seconds.total"].dropna()
    edits = wide["edits"].reindex(seconds.index) if "edits" in wide.columns else None
    known = edits is not None and bool(edits.notna().all()) and edits.sum() > 0
    peak = wide["memory.peak_bytes"].max() / GIGABYTE if "memory.peak_bytes" in wide.columns else None
    return (
        Cell(mean=float(len(seconds))),
        Cell(mean=float(edits.mean())) if edits is not None and known else Cell(DASH),
        Cell(mean=float(seconds.mean()), std=float(seconds.std()) if len(seconds) > 1 else None),
        Cell(mean=float(seconds.sum() / edits.sum())) if edits is not None and known else Cell(DASH),
        _most(peak),
    )


def _most(value: float | None) -> Cell:
    return Cell(DASH) if value is None or pd.isna(value) else Cell(mean=float(value))


def _range(costs: pd.DataFrame) -> str:
    counts = costs[costs["quantity"] == "seconds.total"].groupby("method").size()
    if not len(counts):
        return "no steps"
    low, high = int(counts.min()), int(counts.max())
    return f"{low} steps" if low == high else f"{low} to {high} steps"

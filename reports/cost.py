"""What editing costs: a table beside the published numbers, and two plots, from what `bench cost` measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.ground.atomic import read_json, write_text
from reports.documents.tables import to_markdown, to_text
from reports.numbers import paper
from reports.parts.contents import METHOD, display_name
from reports.parts.provenance import PHASES
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.lines import draw
from reports.pictures.style import write_figure

STATISTICS = ("moments", "spectra")
PUBLISHED_EDITS = paper.FACTS
"""Facts per step behind the published numbers."""

WORST_CASE = (
    "Random weights are the worst case: the optimisation of values never comes to its early end, so that every "
    "fact takes all of its steps."
)


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured, and how."""

    rows: pd.DataFrame
    about: Mapping[str, Any]

    @property
    def methods(self) -> list[str]:
        """In the order in which they were measured."""
        return list(self.about["methods"])

    def steps(self, method: str) -> pd.DataFrame:
        """Measured steps of the usual size on the deepest model, the warm-up among them."""
        rows = self.rows[(self.rows["method"] == method) & ~self.rows["extrapolated"]]
        deepest = rows["layers"] == rows["layers"].max()
        found: pd.DataFrame = rows[deepest & (rows["step"] > 0) & (rows["edits"] == self.about["edits"])]
        return found


def read(folder: Path) -> Costs:
    """The two files that `bench cost` leaves."""
    return Costs(pd.read_csv(folder / "cost.csv", dtype={"extrapolated": bool}), read_json(folder / "cost.json"))


def published() -> pd.DataFrame:
    """Seconds and gigabytes per step of 100 edits as the LangEdit paper has them, by model and method."""
    return paper.read("cost.csv")


def build(folder: Path) -> str:
    """Write cost.md and the plots into the folder of a measurement.

    Returns:
        The table for a terminal.
    """
    costs = read(folder)
    table = table_of(costs)
    parts = [to_markdown(table), to_markdown(preparing(costs))]
    measured = [method for method in costs.methods if len(costs.steps(method))]
    lines = {method: _over_steps(costs, method) for method in measured}
    write_figure(draw(lines, "Step", "Seconds per step"), folder / "steps")
    parts.append("![Seconds per step over steps](steps.png)\n")
    if costs.about["batch_sizes"]:
        lines = {method: _over_sizes(costs, method) for method in measured}
        write_figure(draw(lines, "Edits per step", "Seconds per edit", log=True), folder / "batch")
        parts.append("![Seconds per edit over edits per step](batch.png)\n")
    write_text(folder / "cost.md", "\n".join(parts))
    return to_text(table).rstrip()


# ---------------------------------------------------------------------------- tables
def table_of(costs: Costs) -> Table:
    """Seconds per step by phase, peak memory, and the published numbers; extrapolated rows say so."""
    shown = [phase for phase in (*PHASES, "other") if (costs.rows["phase"] == phase).any()]
    columns = (
        METHOD,
        Column("layers", "Layers", "number", 0),
        Column("extrapolated", "Extrapolated", "text"),
        *(Column(phase, phase.capitalize(), "number", 2) for phase in shown),
        Column("total", "Seconds per step", "number", 2),
        Column("growth", "Last / second step", "number", 2),
        Column("gigabytes", "Peak GB", "number", 1),
        Column("published_seconds", "Published s", "number", 0),
        Column("published_gigabytes", "Published GB", "number", 1),
        Column("ratio", "Published / ours", "number", 1),
    )
    rows = []
    for method in costs.methods:
        rows += _rows_of(costs, method, shown, len(columns))
    about = costs.about
    weights = "random weights" if about["random"] else "a checkpoint"
    caption = f"Cost of a step of {about['edits']} edits on {about['model']} ({weights}, {about['dtype']}), "
    caption += about["machine"]
    return Table("cost", columns, tuple(rows), caption, tuple(_notes(costs)))


def _rows_of(costs: Costs, method: str, shown: Sequence[str], width: int) -> list[tuple[Cell, ...]]:
    """One row of what was measured, and one of what is extrapolated from it, if anything is."""
    steps = costs.steps(method)
    if not len(steps):
        return [(Cell(display_name(method)), *(Cell(DASH) for _ in range(width - 1)))]
    usual = steps[steps["step"] > 1]
    means = {str(phase): float(part["seconds"].mean()) for phase, part in usual.groupby("phase")}
    whole = costs.rows[(costs.rows["method"] == method) & costs.rows["extrapolated"]]
    layers = int(steps["layers"].max())
    rows = [_row(costs, method, layers, means, steps["gigabytes"].max(), shown, growth=_growth(steps))]
    if len(whole):
        seconds = {str(phase): float(part["seconds"].iloc[0]) for phase, part in whole.groupby("phase")}
        layers = int(whole["layers"].max())
        rows.append(_row(costs, method, layers, seconds, whole["gigabytes"].max(), shown, extrapolated=True))
    return rows


def _row(
    costs: Costs,
    method: str,
    layers: int,
    seconds: Mapping[str, float],
    gigabytes: float,
    shown: Sequence[str],
    growth: float | None = None,
    extrapolated: bool = False,
) -> tuple[Cell, ...]:
    theirs = paper.costs(costs.about["model"]).get(method) if extrapolated or not _is_cut(costs) else None
    comparable = theirs is not None and costs.about["edits"] == PUBLISHED_EDITS
    return (
        Cell(display_name(method)),
        Cell(mean=layers),
        Cell("yes" if extrapolated else "no"),
        *(Cell(mean=seconds[phase]) if phase in seconds else Cell(DASH) for phase in shown),
        Cell(mean=seconds["total"]),
        Cell(DASH) if growth is None else Cell(mean=growth),
        Cell(mean=gigabytes),
        *((Cell(mean=theirs[0]), Cell(mean=theirs[1])) if theirs else (Cell(DASH), Cell(DASH))),
        Cell(mean=theirs[0] / seconds["total"]) if theirs and comparable else Cell(DASH),
    )


def _growth(steps: pd.DataFrame) -> float | None:
    """Seconds of the last step over those of the second, which is the first after the warm-up."""
    totals = steps[steps["phase"] == "total"].set_index("step")["seconds"]
    return float(totals.iloc[-1] / totals.loc[2]) if len(totals) > 2 else None


def _is_cut(costs: Costs) -> bool:
    return bool(costs.about["depth"] < costs.about["layers"])


def _notes(costs: Costs) -> list[str]:
    about = costs.about
    notes = [f"Mean over steps 2 to {about['steps']}; the first is a warm-up."]
    if about["random"]:
        notes.append(WORST_CASE)
    if about["device"] == "cpu":
        notes.append("Peak memory is that of a process of its own, libraries included.")
    if _is_cut(costs):
        how = f"; extrapolated per layer from {about['depth']} and {about['shallow']}" if about["shallow"] else ""
        notes.append(f"Measured on the first {about['depth']} of {about['layers']} layers{how}.")
    moved = [
        f"{display_name(name)} {_listed(layers['whole'])} at {_listed(layers['measured'])}"
        for name, layers in about["methods"].items()
        if layers["whole"] != layers["measured"]
    ]
    if moved:
        notes.append(f"Edited layers were moved down to fit: {'; '.join(moved)}.")
    known = published()
    if paper.costs(about["model"]):
        machine = known["machine"].iloc[0]
        notes.append(
            f"Published: LangEdit paper, tables {known['table'].iloc[0]}, {machine}, steps of {PUBLISHED_EDITS} edits."
        )
    return notes + [f"{display_name(name)} was not measured: {why}" for name, why in about["failures"].items()]


def _listed(layers: Sequence[int]) -> str:
    return ",".join(map(str, layers))


def preparing(costs: Costs) -> Table:
    """Seconds before the first step. A statistic is paid for by the first method that needs it, a drawn one by none."""
    rows = costs.rows[costs.rows["step"] == 0]
    shown = [phase for phase in STATISTICS if (rows["phase"] == phase).any()]
    titles = {"moments": "Second moments", "spectra": "Decomposition"}
    columns = (
        METHOD,
        *(Column(phase, titles[phase], "number", 2) for phase in shown),
        Column("other", "Rest", "number", 2),
        Column("total", "Seconds", "number", 2),
    )
    lines = []
    for method in costs.methods:
        seconds = rows[rows["method"] == method].set_index("phase")["seconds"].to_dict()
        cells = (Cell(mean=seconds[p]) if p in seconds else Cell(DASH) for p in (*shown, "other", "total"))
        lines.append((Cell(display_name(method)), *cells))
    if costs.about["random"]:
        note = "Statistics of random weights are drawn, with eigenvectors that are known; that time is not counted."
        caption = "Preparing, once per model, without statistics"
    else:
        note = "Methods share statistics: the first that needs one computes it, the others read it."
        caption = f"Preparing, once per model, with statistics of {costs.about['token_budget']} tokens"
    return Table("preparing", columns, tuple(lines), caption, (note,))


# ---------------------------------------------------------------------------- plots
def _over_steps(costs: Costs, method: str) -> list[tuple[float, float]]:
    steps = costs.steps(method)
    totals = steps[steps["phase"] == "total"]
    return list(zip(totals["step"], totals["seconds"], strict=True))


def _over_sizes(costs: Costs, method: str) -> list[tuple[float, float]]:
    """Seconds per edit at each batch size, from its last step: the first of a size is a warm-up."""
    rows = costs.rows
    rows = rows[(rows["method"] == method) & (rows["phase"] == "total") & ~rows["extrapolated"] & (rows["step"] > 0)]
    rows = rows[rows["layers"] == rows["layers"].max()].sort_values("step")
    last = rows.groupby("edits")["seconds"].last()
    return [(edits, seconds / edits) for edits, seconds in last.items()]

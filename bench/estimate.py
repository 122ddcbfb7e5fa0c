"""How long cells will take, from what finished cells have cost; without loading models and making statistics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bench.records import read_cell
from bench.spec import Cell
from bench.store import COST_SCHEMA, COST_TABLE, FINISHED, ResultStore

Key = tuple[str, str]
"""Names of a method and a model."""

SCORING = "seconds.score."


@dataclass(frozen=True, slots=True)
class Spent:
    """What a cell has taken.

    Attributes:
        edits: facts.
        steps: steps.
        editing: seconds of all but the last scoring.
        scoring: seconds of the last scoring.
    """

    edits: float
    steps: int
    editing: float
    scoring: float


def spent(folder: Path) -> Spent | None:
    """What the cell in a folder has taken so far; None where nothing, or nothing readable, stands there."""
    shards = [str(path) for path in sorted((folder / COST_TABLE).glob("*.parquet"))]
    if not shards:
        return None
    try:
        rows = ds.dataset(shards, schema=COST_SCHEMA).to_table(columns=["step", "quantity", "value"])
    except (pa.ArrowException, OSError):
        return None
    steps = int(pc.max(rows["step"]).as_py() or 0)
    is_scoring = pc.starts_with(rows["quantity"], SCORING)
    is_last = pc.and_(is_scoring, pc.equal(rows["step"], steps))
    scored = _sum(rows.filter(is_last))
    editing = _sum(rows.filter(pc.or_(is_scoring, pc.equal(rows["quantity"], "seconds.total")))) - scored
    return Spent(_sum(rows.filter(pc.equal(rows["quantity"], "edits"))), steps, editing, scored)


def _sum(rows: pa.Table) -> float:
    return float(pc.sum(rows["value"]).as_py() or 0.0)


def seconds_per_edit(results_dir: Path) -> dict[Key, float]:
    """Mean cost of one edit, scoring included, by method and model, over all runs of a results folder."""
    sums: dict[Key, list[float]] = {}
    for path in sorted(results_dir.glob("*/*/cell.json")):
        if ResultStore(path.parents[1]).status(path.parent.name)[0] not in FINISHED:
            continue  # or not whole; what is wrong with it `bench status` tells
        cell = read_cell(path)["cell"]
        key = (cell["method"]["name"], cell["model"]["name"])
        found = spent(path.parent)
        if found and found.edits:
            total = sums.setdefault(key, [0.0, 0.0])
            total[0] += found.edits
            total[1] += found.editing + found.scoring
    return {key: seconds / edits for key, (edits, seconds) in sums.items()}


def estimate(cells: Iterable[Cell], known: dict[Key, float]) -> float | None:
    """Seconds that `cells` will take, None where nothing is known about one of them."""
    total = 0.0
    for cell in cells:
        pace = known.get((cell.method.name, cell.model.name))
        if pace is None:
            return None
        total += pace * cell.schedule.edits()
    return total

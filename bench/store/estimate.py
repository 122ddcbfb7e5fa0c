"""How long cells will take, from what finished cells have cost; without loading models and making statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bench.config.cell import Cell
from bench.store.records import read_cell
from bench.store.shards import COST_SCHEMA, COST_TABLE, FINISHED, ResultStore

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


@dataclass(frozen=True, slots=True)
class Pace:
    """Mean cost of a method on a model.

    Attributes:
        edit: seconds per edit.
        scoring: seconds of the last scoring; it asks mostly the same, however many edits there are.
    """

    edit: float
    scoring: float


def paces(results_dir: Path) -> dict[Key, Pace]:
    """What finished cells have cost by method and model, over all runs of a results folder."""
    found: dict[Key, list[Spent]] = {}
    for path in sorted(results_dir.glob("*/*/cell.json")):
        if ResultStore(path.parents[1]).status(path.parent.name)[0] not in FINISHED:
            continue  # or not whole; what is wrong with it `bench status` tells
        cell, taken = read_cell(path)["cell"], spent(path.parent)
        if taken and taken.edits:
            found.setdefault((cell["method"]["name"], cell["model"]["name"]), []).append(taken)
    return {key: _pace(cells) for key, cells in found.items()}


def _pace(cells: list[Spent]) -> Pace:
    edits = sum(each.edits for each in cells)
    return Pace(sum(each.editing for each in cells) / edits, sum(each.scoring for each in cells) / len(cells))


def estimate(cells: Iterable[Cell], known: Mapping[Key, Pace]) -> float | None:
    """Seconds that `cells` will take, None where nothing is known about one of them."""
    total = 0.0
    for cell in cells:
        pace = known.get((cell.method.name, cell.model.name))
        if pace is None:
            return None
        total += pace.edit * cell.schedule.edits() + pace.scoring
    return total

"""Steps of a cell that changed nothing, as its table of costs tells."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds

from bench.store.shards import COST_SCHEMA, COST_TABLE

UNCHANGED = "unchanged"
"""The quantity, 1 where a step changed nothing; steps that changed anything have no row."""


def warning(folder: Path, steps: int) -> str:
    """That some steps of the cell in a folder changed nothing; "" where all did something.

    Args:
        folder: the cell's.
        steps: that it has.
    """
    shards = [str(path) for path in sorted((folder / COST_TABLE).glob("*.parquet"))]
    if not shards:
        return ""
    rows = ds.dataset(shards, schema=COST_SCHEMA).to_table(columns=["step"], filter=pc.field("quantity") == UNCHANGED)
    found = sorted(rows["step"].to_pylist())
    if not found:
        return ""
    return f"{len(found)} of {steps} steps changed nothing, the first is step {found[0]}"

"""How long cells will take, from what finished cells have cost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from bench.atomic import read_json
from bench.engine import FINISHED
from bench.spec import Cell
from bench.store import COST_TABLE

Key = tuple[str, str]
"""Names of a method and a model."""


def seconds_per_edit(results_dir: Path) -> dict[Key, float]:
    """Mean cost of one edit, scoring included, by method and model, over all runs of a results folder."""
    sums: dict[Key, list[float]] = {}
    for path in sorted(results_dir.glob("*/*/status.json")):
        if not path.with_name("cell.json").exists() or read_json(path).get("status") not in FINISHED:
            continue
        cell = read_json(path.with_name("cell.json"))["cell"]
        edits, seconds = _cost(path.parent / COST_TABLE)
        if edits:
            total = sums.setdefault((cell["method"]["name"], cell["model"]["name"]), [0.0, 0.0])
            total[0] += edits
            total[1] += seconds
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


def _cost(folder: Path) -> tuple[float, float]:
    """Edits and seconds of one cell."""
    shards = [pd.read_parquet(path, columns=["quantity", "value"]) for path in sorted(folder.glob("*.parquet"))]
    if not shards:
        return 0.0, 0.0
    sums = pd.concat(shards).groupby("quantity")["value"].sum()
    scoring = sum(value for name, value in sums.items() if str(name).startswith("seconds.score."))
    return float(sums.get("edits", 0.0)), float(sums.get("seconds.total", 0.0) + scoring)

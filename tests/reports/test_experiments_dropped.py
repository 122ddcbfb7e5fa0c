"""Edits that NAS dropped are counted from the costs of the steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.store.results import load_results
from reports.experiments import dropped
from reports.numbers.aggregate import panels
from tests.reports.world import World, table_named


def costs(cell: str, rows: list[tuple[int, str, float]]) -> pd.DataFrame:
    return pd.DataFrame([{"cell": cell, "step": s, "quantity": q, "layer": -1, "value": v} for s, q, v in rows])


def test_dropped_edits_are_counted(tmp_path: Path) -> None:
    results = load_results(World(methods=("memit", "alphaedit"), seeds=(0,)).write(tmp_path))
    panel = panels(results)[0]
    assert dropped.section(results, panel) is None
    (cell,) = results.cells.loc[results.cells["method"] == "alphaedit", "cell"]
    rows = [
        (1, "edits", 20), (1, "loss.dropped", 0.1), (1, "loss.stretch", 1.0),
        (2, "edits", 10), (2, "loss.dropped", 0.3), (2, "loss.stretch", 1.75),
    ]  # fmt: skip
    kept = results.costs[results.costs["cell"] != cell]
    changed = replace(results, costs=pd.concat([kept, costs(cell, rows)]))
    found = dropped.section(changed, panel)
    assert found is not None
    (row,) = table_named(found, "dropped").rows
    assert row[0].text == "AlphaEdit"
    assert [each.mean for each in row[2:]] == pytest.approx([5, 30, 1.0, 1.75])

"""The grid of the whole paper with a tenth of its counts, on a random model: killed twice, and gone on with."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest

from bench.store.results import load_results
from bench.store.shards import ResultStore
from tests import started
from tests.soak import faults
from tests.soak.killing import run, start
from tests.soak.paper import PaperWorld
from tests.soak.test_faults import wait_until

pytestmark = pytest.mark.soak

GRIDS = {
    "table1-mzsre": 9,
    "table1-bzsre": 9,
    "table5-order": 5,
    "figure4": 10,
    "table5": 7,
    "table6-7": 9,
    "table8": 9,
}
"""In order of work, with the cells of a seed."""

SHARED = 3 + 4
"""Cells of table5-order and of figure4 that table 1 has."""


PATIENCE = 600.0
"""Seconds until some cells are finished."""


def done(results: Path) -> int:
    """Cells that are finished in any run."""
    return sum(
        ResultStore(path.parents[1]).status(path.parent.name)[0] == "done" for path in results.glob("*/*/status.json")
    )


def in_order(results: Path) -> bool:
    """Whether no grid has cells of its own before all that come before it."""
    cells = {name: {path.parent.name for path in results.glob(f"paper.{name}/*/cell.json")} for name in GRIDS}
    first, *_ = cells.values()
    begun = [name for name, own in cells.items() if own and (own is first or own - first)]
    return begun == list(GRIDS)[: len(begun)]


def is_far(results: Path, most: int) -> bool:
    """Whether so many cells are finished."""
    return done(results) >= most


def test_the_paper_killed_twice_and_gone_on_with(tmp_path: Path) -> None:
    world = PaperWorld.make(tmp_path, cut=10)
    results = tmp_path / "results"
    command = ["none", "0", *world.arguments(results)]
    for most in (4, 25):
        process = start(command)
        wait_until(partial(is_far, results, most), PATIENCE)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert in_order(results), "Table 1 first"
    last = run(command)
    assert last.returncode == 0, last.stderr
    cells = sum(GRIDS.values()) - SHARED
    assert f"paper: {cells} cells in {len(GRIDS)} runs" in last.stdout
    for name, count in GRIDS.items():
        found = load_results(results / f"paper.{name}").cells
        assert (len(found), set(found["status"])) == (count, {"done"}), name
    again = run(command)
    assert f"{cells} cells in {results} ({cells} from before)" in again.stdout, again.stderr
    report = started.run(faults.main, ["none", "0", "report", "paper", "--results-dir", str(results), "--format", "md"])
    assert report.returncode == 0, report.stderr
    assert (results / "report-paper" / "report.md").exists()

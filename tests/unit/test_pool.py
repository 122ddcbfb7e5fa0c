"""Cells computed side by side give the numbers of cells computed one after another."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.display import NoDisplay
from bench.engine import InProcess, Outcome, Task, compute
from bench.pool import Pool
from bench.spec import Cell
from bench.store import ResultStore, load_results
from tests.tinyworld import TinyWorld


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    return TinyWorld.make(tmp_path_factory.mktemp("world"))


def go(tiny: TinyWorld, cells: list[Cell], root: Path, workers: int) -> list[Outcome]:
    task = Task(ResultStore(root), tiny.world())
    with NoDisplay().board(len(cells)) as board:
        return compute(cells, task, board, InProcess(task) if workers == 1 else Pool(task, workers))


def test_side_by_side_equals_one_after_another(tiny: TinyWorld, tmp_path: Path) -> None:
    cells = [tiny.cell("memit"), tiny.cell("ft"), tiny.cell("memit", seed=1), tiny.cell("none")]
    frames = []
    for name in ("serial", "side by side"):
        outcomes = go(tiny, cells, tmp_path / name, 1 if name == "serial" else 2)
        assert [outcome.cell.id() for outcome in outcomes] == [cell.id() for cell in cells]
        assert {outcome.status for outcome in outcomes} == {"done"}
        scores = load_results(tmp_path / name).scores
        frames.append(scores.sort_values(list(scores.columns), ignore_index=True))
    pd.testing.assert_frame_equal(*frames)


def test_a_failed_cell_does_not_stop_the_others(tiny: TinyWorld, tmp_path: Path) -> None:
    cells = [tiny.cell("memit", layers=(99,)), tiny.cell("none")]
    outcomes = go(tiny, cells, tmp_path / "run", 2)
    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert "layer 99 is out of range" in outcomes[0].reason

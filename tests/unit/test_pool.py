"""Cells computed side by side give the numbers of cells computed one after another."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from threading import Timer
from typing import Any

import pandas as pd
import pytest

from bench.claims import here
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


class Told:
    """A board that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def cell(self, label: str) -> Any:
        return self

    def stage(self, text: str) -> None:
        self.notes.append(text)

    def step(self, done: int, total: int, note: str) -> None:
        self.notes.append(f"{done}/{total} {note}")

    def finished(self, label: str, status: str, reason: str) -> None:
        self.notes.append(status)


class Away:
    """An engine on another machine: its cell loads, or edits, and is done soon."""

    slots, lost = 1, ()

    def __init__(self, store: ResultStore, **where: Any) -> None:
        self.store, self.where = store, where

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, cell: Cell, board: Any) -> Future[Outcome | None]:
        future: Future[Outcome | None] = Future()
        self.store.running(cell.id(), **self.where)
        Timer(0.3, future.set_result, [Outcome(cell, "done")]).start()
        return future


@pytest.mark.parametrize(
    ("where", "note"),
    [
        ({"host": "gpu-7", "stage": "editing", "step": 1, "steps": 4}, "1/4 editing on gpu-7"),
        ({"host": "gpu-7", "stage": "loading"}, "loading on gpu-7"),
        ({"host": here()["host"], "stage": "loading"}, "loading"),
    ],
)
def test_a_cell_on_another_machine_is_shown_with_where_it_is(
    tiny: TinyWorld, tmp_path: Path, where: dict[str, Any], note: str
) -> None:
    told, task = Told(), Task(ResultStore(tmp_path), tiny.world())
    compute([tiny.cell("none")], task, told, Away(task.store, **where))
    assert (told.notes[0], told.notes[-1]) == (note, "done")

"""Cells computed side by side give the numbers of cells computed one after another."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer
from typing import Any

import pandas as pd
import pytest

from bench.api import EditReport, EditRequest, State
from bench.cli.display import NoDisplay
from bench.compute.engine import InProcess, compute
from bench.compute.pool import Pool
from bench.compute.task import Task
from bench.compute.world import World
from bench.config.cell import Cell
from bench.config.registry import methods
from bench.model.editable import EditableModel
from bench.store.claims import here
from bench.store.outcomes import Outcome
from bench.store.results import load_results
from bench.store.shards import ResultStore
from methods.none import Unedited
from tests.tinyworld import TinyWorld

pytestmark = pytest.mark.xdist_group("workers")  # the process that they come from begins once


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    return TinyWorld.make(tmp_path_factory.mktemp("world"))


def go(world: World, cells: list[Cell], root: Path, workers: int) -> list[Outcome]:
    task = Task(ResultStore(root), world)
    with NoDisplay().board(len(cells)) as board:
        return compute(cells, task, board, InProcess(task) if workers == 1 else Pool(task, workers))


def shards(root: Path) -> dict[str, bytes]:
    """All scores of a run, byte by byte."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.glob("*/edits/*.parquet"))}


def updates(root: Path) -> pd.DataFrame:
    """What the steps did to the weights: it tells a difference that no score shows."""
    costs = load_results(root).costs
    plain = costs[costs["quantity"].str.startswith(("loss.", "update_norm"))]
    return plain.sort_values(["cell", "step", "quantity", "layer"], ignore_index=True)


def test_numbers_do_not_depend_on_workers_order_or_cache(tiny: TinyWorld, tmp_path: Path) -> None:
    cells = [tiny.cell("ft"), tiny.cell("memit"), tiny.cell("memit", 1), tiny.cell("alphaedit")]
    mixed = random.Random(3).sample(cells, len(cells))
    cold = replace(tiny.world(), cache_dir=tmp_path / "cold")
    courses = {
        "in turn": (cells, 1, tiny.world()),
        "backwards, statistics there": (cells[::-1], 1, tiny.world()),
        "mixed, two at a time, no statistics": (mixed, 2, cold),
    }
    for name, (order, workers, world) in courses.items():
        outcomes = go(world, order, tmp_path / name, workers)
        assert [outcome.cell.id() for outcome in outcomes] == [cell.id() for cell in order]
        assert {outcome.status for outcome in outcomes} == {"done"}
    first, *others = (tmp_path / name for name in courses)
    assert len(shards(first)) == len(cells)
    for other in others:
        assert shards(other) == shards(first)
        pd.testing.assert_frame_equal(updates(other), updates(first), check_exact=True)


def test_a_failed_cell_does_not_stop_the_others(tiny: TinyWorld, tmp_path: Path) -> None:
    cells = [tiny.cell("memit", layers=(99,)), tiny.cell("none")]
    outcomes = go(tiny.world(), cells, tmp_path / "run", 2)
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


@dataclass(frozen=True)
class Deadly(Unedited):
    """Takes its worker with it: once, or always."""

    marker: Path
    always: bool

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        if self.always or not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().apply(model, requests, state)


@dataclass(frozen=True)
class Methods:
    """Builds the deadly method under the name rome, others as they are."""

    deadly: Deadly

    def build(self, name: str, options: Mapping[str, Any]) -> Any:
        return self.deadly if name == "rome" else methods().build(name, options)


# one that dies always takes another with it, once
@pytest.mark.parametrize("always", [pytest.param(False, marks=pytest.mark.soak), True])
def test_a_worker_that_dies_is_replaced(tiny: TinyWorld, tmp_path: Path, always: bool) -> None:
    cells = [tiny.cell("rome"), tiny.cell("ft")]
    world = replace(tiny.world(), methods=Methods(Deadly(tmp_path / "died", always)))
    task = Task(ResultStore(tmp_path / "run"), world)
    with NoDisplay().board(len(cells)) as board:
        outcomes = compute(cells, task, board, Pool(task, 2))
    assert [outcome.status for outcome in outcomes] == ["failed" if always else "done", "done"]
    if always:
        assert "its worker died" in outcomes[0].reason and "\n" not in outcomes[0].reason

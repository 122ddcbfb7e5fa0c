"""How a run stands: from files alone, whoever computes it, however broken it is; and the time left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.ground.atomic import write_json
from bench.ground.errors import BenchError, StorageError
from bench.ground.progress import Left
from bench.store import claims, status
from bench.store.estimate import Pace, estimate, paces
from bench.store.results import place
from bench.store.shards import SCHEMA_VERSION, ResultStore
from bench.store.status import Clock, Standing, standings, time_left, whole

NOW = 1_700_000_000.0


def cell(method: str = "memit", seed: int = 0, model: str = "m", data: str = "d") -> Cell:
    return Cell(
        method=MethodSpec(name=method), model=ModelRef(name=model), data=DataRef(name=data),
        schedule=Schedule(languages=("en",)), seed=seed,
    )  # fmt: skip


def planned(root: Path, cells: Iterable[Cell]) -> ResultStore:
    write_json(root / "run.json", {"schema_version": SCHEMA_VERSION, "cells": [place(each) for each in cells]})
    return ResultStore(root)


def finished(store: ResultStore, done: Cell, steps: int = 4, editing: float = 10.0, scoring: float = 8.0) -> None:
    store.start(done, {})
    for step in range(1, steps + 1):
        rows = [("edits", 2.0), ("seconds.total", editing), ("seconds.values", editing / 2)]
        store.record(done.id(), step, "cost", [{"quantity": name, "layer": -1, "value": value} for name, value in rows])
    scored = {"quantity": "seconds.score.edits", "layer": -1, "value": scoring}
    store.record(done.id(), steps, "cost", [scored], part="edits")
    store.finish(done.id(), "done")


def running(store: ResultStore, at: Cell, **where: Any) -> None:
    store.start(at, {})
    said = {"status": "running", "reason": "", "when": NOW, "host": "node3", "pid": 7, "since": NOW - 100, **where}
    write_json(store.folder(at.id()) / "status.json", said)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell that says it is running is held by a process."""
    monkeypatch.setattr(status, "is_claimed", lambda root, cell: True)


def by_seed(root: Path) -> dict[int, Standing]:
    return {int(each.place["seed"]): each for each in standings(root)}


def test_every_way_to_stand(tmp_path: Path) -> None:
    cells = [cell(seed=seed) for seed in range(6)]
    store = planned(tmp_path, cells)
    finished(store, cells[0])
    running(store, cells[1], stage="editing", step=1, steps=4)
    store.start(cells[2], {})
    store.finish(cells[2].id(), "failed", "Traceback\n  ...\nValueError: no")
    running(store, cells[3], stage="scoring", step=3, steps=4)
    store.start(cells[4], {})
    with claims.claimed(tmp_path, cells[1].id()):
        found = by_seed(tmp_path)
    assert [found[seed].status for seed in range(6)] == [
        "done", "running", "failed", "interrupted", "interrupted", "missing"
    ]  # fmt: skip
    assert (found[1].heard.host, found[1].heard.pid, found[1].heard.edited) == ("node3", 7, 1)
    assert by_seed(tmp_path)[1].status == "interrupted", "its process let go of it"


def test_an_interrupted_cell_has_edited_what_it_has_recorded(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell()])
    finished(store, cell(), steps=3)
    store.finish(cell().id(), "interrupted")
    (found,) = standings(tmp_path)
    assert (found.status, found.heard.edited) == ("interrupted", 3)


def test_where_locks_cannot_be_tested_the_status_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = planned(tmp_path, [cell()])
    running(store, cell(), stage="loading")

    def read_only(root: Path, name: str) -> bool:
        raise StorageError("cannot write: read-only file system")

    monkeypatch.setattr(status, "is_claimed", read_only)
    assert [each.status for each in standings(tmp_path)] == ["running"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ""),
        ("[]", ""),
        ('"done"', ""),
        ('{"status": "fine", "reason": ""}', "status.json, field 'status'"),
        ('{"status": "running", "reason": "", "when": NaN}', "status.json, field 'when'"),
        ('{"status": "running", "reason": "", "since": 1e300}', "status.json, field 'since'"),
        ('{"status": "running", "reason": [], "step": {}}', "status.json, field 'reason'"),
    ],
)
def test_a_status_that_is_none_is_one_cells_trouble(tmp_path: Path, text: str, reason: str) -> None:
    store = planned(tmp_path, [cell(seed=0), cell(seed=1)])
    for each in (cell(seed=0), cell(seed=1)):
        finished(store, each)
    (store.folder(cell(seed=0).id()) / "status.json").write_text(text, encoding="utf-8")
    first, second = standings(tmp_path)
    assert (first.status, second.status) == ("interrupted", "done")
    assert first.heard.reason.startswith(reason) and bool(first.heard.reason) == bool(reason)
    assert first.heard.edited == 4, "as recorded"


def test_a_finished_cell_that_has_lost_a_shard_is_interrupted(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=0), cell(seed=1)])
    for each in (cell(seed=0), cell(seed=1)):
        finished(store, each, steps=cell().schedule.length())
        store.record(each.id(), each.schedule.length(), "edits", [])
    (store.folder(cell(seed=0).id()) / "cost" / "00002.parquet").unlink()
    first, second = standings(tmp_path)
    assert (first.status, second.status) == ("interrupted", "done")
    assert "step 2 is missing in its table 'cost'" in first.heard.reason


def test_a_cell_that_ends_while_it_is_looked_at_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = planned(tmp_path, [cell()])
    running(store, cell(), stage="editing", step=1, steps=4)

    def ends(root: Path, name: str) -> bool:
        store.finish(name, "done")
        return False

    monkeypatch.setattr(status, "is_claimed", ends)
    assert [each.status for each in standings(tmp_path)] == ["done"]


def test_what_was_finished_is_not_looked_through_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = planned(tmp_path, [cell(seed=seed) for seed in range(3)])
    for seed in range(2):
        finished(store, cell(seed=seed))
    before = standings(tmp_path)
    store.finish(cell(seed=1).id(), "failed", "computed again, and failed")
    looked: list[Path] = []
    row = status.cell_row
    monkeypatch.setattr(status, "cell_row", lambda path: looked.append(path) or row(path))
    assert [each.status for each in standings(tmp_path, before)] == ["done", "failed", "missing"]
    assert [path.parent.name for path in looked] == [cell(seed=1).id()]


@pytest.mark.parametrize("record", ["{", "[]", "{}", json.dumps({"schema_version": SCHEMA_VERSION})])
@pytest.mark.parametrize("is_planned", [True, False])
def test_a_record_that_is_none_is_one_cells_trouble(tmp_path: Path, record: str, is_planned: bool) -> None:
    store = planned(tmp_path, [cell(seed=0), cell(seed=1)] if is_planned else [])
    for each in (cell(seed=0), cell(seed=1)):
        finished(store, each)
    path = store.folder(cell(seed=0).id()) / "cell.json"
    path.write_text(record, encoding="utf-8")
    found = {each.cell: each for each in standings(tmp_path)}
    assert found[cell(seed=0).id()].status == "broken"
    assert str(path) in found[cell(seed=0).id()].heard.reason
    assert found[cell(seed=1).id()].status == "done"
    assert found[cell(seed=1).id()].place["seed"] == "1"


@pytest.mark.parametrize("run", ["{", "[]", '{"cells": 1}', '{"cells": [{"cell": "x"}]}', '{"cells": [[]]}'])
def test_a_run_that_is_none_is_one_line(tmp_path: Path, run: str) -> None:
    (tmp_path / "run.json").write_text(run, encoding="utf-8")
    with pytest.raises(BenchError, match=r"run\.json"):
        standings(tmp_path)


def test_no_run_and_no_cells(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such run folder"):
        standings(tmp_path / "none")
    with pytest.raises(BenchError, match="no cells"):
        standings(tmp_path)


# ---------------------------------------------------------------------------- time left
def left(root: Path, now: float = NOW) -> dict[int, Left]:
    cells = standings(root)
    found = Clock(root).left(cells, now)
    return {int(each.place["seed"]): found[each.cell] for each in cells if each.cell in found}


@pytest.mark.usefixtures("held")
def test_a_running_cell_goes_on_at_its_own_pace_and_is_then_scored_as_others_were(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=seed) for seed in range(3)])
    finished(store, cell(seed=0))
    # resumed after step 1; since then two steps in 30 s, one to go; said 5 s ago
    running(store, cell(seed=1), stage="editing", step=3, steps=4, first=1, begun=NOW - 30)
    assert left(tmp_path, NOW + 5) == {1: Left(15 + 8 - 5), 2: Left(4 * 10 + 8)}
    running(store, cell(seed=1), stage="scoring", step=3, steps=4, first=1, begun=NOW - 30)
    assert left(tmp_path, NOW + 5)[1] == Left(3)
    assert left(tmp_path, NOW + 500)[1] == Left(0)


@pytest.mark.usefixtures("held")
def test_a_cell_without_a_pace_of_its_own_has_that_of_others_like_it(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=seed) for seed in range(3)])
    finished(store, cell(seed=0))
    running(store, cell(seed=1), stage="editing", step=1, steps=4, first=1, begun=NOW)
    running(store, cell(seed=2), stage="loading")
    assert left(tmp_path) == {1: Left(3 * 10 + 8), 2: Left(4 * 10 + 8)}


@pytest.mark.usefixtures("held")
def test_what_nothing_is_known_about_is_not_guessed(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=seed) for seed in range(3)])
    running(store, cell(seed=0), stage="editing", step=2, steps=4, first=0, begun=NOW - 20)
    running(store, cell(seed=1), stage="preparing")
    assert left(tmp_path) == {0: Left(20, is_all=False), 1: status.UNKNOWN, 2: status.UNKNOWN}


def test_another_method_tells_how_long_scoring_takes_but_not_editing(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell("ft"), cell("rome"), cell("ft", seed=1, model="large")])
    finished(store, cell("ft"))
    found = Clock(tmp_path).left(standings(tmp_path), NOW)
    assert list(found.values()) == [status.UNKNOWN, status.UNKNOWN]


def test_a_stopped_cell_has_the_rest_left_and_a_failed_one_nothing(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=seed) for seed in range(3)])
    finished(store, cell(seed=0))
    finished(store, cell(seed=1), steps=3, editing=99)
    store.finish(cell(seed=1).id(), "interrupted")
    store.start(cell(seed=2), {})
    store.finish(cell(seed=2).id(), "failed", "no")
    assert left(tmp_path) == {1: Left(10 + 8)}


def test_a_torn_shard_leaves_the_time_unknown(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=0), cell(seed=1)])
    finished(store, cell(seed=0))
    next(store.folder(cell(seed=0).id()).glob("cost/*.parquet")).write_bytes(b"PAR1")
    assert left(tmp_path) == {1: status.UNKNOWN}


def test_the_whole_takes_as_long_as_its_share_and_no_less_than_its_longest_cell() -> None:
    def standing(number: int, is_running: bool) -> Standing:
        heard = status.Heard(status="running")
        return Standing(str(number), {}, "running" if is_running else "missing", heard)

    cells = [standing(i, i < 2) for i in range(4)]
    even = {str(i): Left(10.0) for i in range(4)}
    assert whole(cells, even) == Left(20)
    assert whole(cells, {**even, "3": Left(100.0)}) == Left(100)
    assert whole(cells, {**even, "3": status.UNKNOWN}) == Left(15, is_all=False)
    assert whole([standing(i, False) for i in range(4)], even) == Left(40)


def test_a_dry_run_counts_edits_and_one_scoring(tmp_path: Path) -> None:
    store = planned(tmp_path / "run", [cell(seed=0), cell(seed=1), cell(seed=2)])
    finished(store, cell(seed=0))
    finished(store, cell(seed=1), editing=20.0, scoring=12.0)
    finished(store, cell(seed=2), editing=99.0)
    store.finish(cell(seed=2).id(), "failed", "no")
    known = paces(tmp_path)
    # four steps of two edits in 10 and in 20 s
    assert known == {("memit", "m"): Pace(edit=7.5, scoring=10.0)}
    assert estimate([cell(seed=3)], known) == 30 * 7.5 + 10, "30 edits, in one language"
    assert estimate([cell(seed=3), cell("ft")], known) is None


def test_finished_cells_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = planned(tmp_path, [cell(seed=0), cell(seed=1)])
    finished(store, cell(seed=0))
    clock = Clock(tmp_path)
    first = clock.left(standings(tmp_path), time.time())
    monkeypatch.setattr(status, "spent", lambda folder: pytest.fail("read again"))
    assert clock.left(standings(tmp_path), time.time()) == first


def test_the_time_left_of_a_cell_that_is_scored_is_that_of_others_and_only_falls(tmp_path, held, monkeypatch) -> None:
    first, second = cell("rome"), cell("memit")
    store = planned(tmp_path, [first, second])
    left = time_left(tmp_path, {second.id(): "the second", first.id(): "the first"})
    running(store, second, stage="scoring", step=3, steps=4, first=0, begun=NOW - 40)
    monkeypatch.setattr(status.time, "time", lambda: NOW)
    assert left()["the second"] == Left(0.0, is_all=False)
    finished(store, first, scoring=8.0)
    seconds = []
    for later in (0.0, 3.0, 7.0, 60.0):
        monkeypatch.setattr(status.time, "time", lambda now=NOW + later: now)
        assert set(left()) == {"the second"}
        seconds.append(left()["the second"].seconds)
    assert seconds == [8.0, 5.0, 1.0, 0.0]
    assert time_left(tmp_path / "none", {})() == {}

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.cli.display import NoDisplay
from bench.compute.engine import InProcess, compute, exit_code
from bench.compute.task import Task
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.ground.errors import BenchError
from bench.store.outcomes import existing, is_pending
from bench.store.results import load_results
from bench.store.shards import ResultStore

WORLD = SimpleNamespace(evaluators=())


def cell(method: str, seed: int = 0) -> Cell:
    return Cell(
        method=MethodSpec(name=method),
        model=ModelRef(name="m"),
        data=DataRef(name="d"),
        schedule=Schedule(),
        seed=seed,
    )


class Runner:
    """Finishes cells, but for methods named after what happens to them; remembers whom it was given."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, cell, store, world, progress):
        self.seen.append(cell.method.name)
        progress.stage("working")
        progress.step(1, 2, "editing")
        if cell.method.name.startswith("crash"):
            raise RuntimeError("out of luck")
        if cell.method.name.startswith("bad"):
            raise BenchError("the facts are no facts", file="facts.json")
        if cell.method.name == "stop":
            raise KeyboardInterrupt
        store.start(cell, {})
        status = "diverged" if cell.method.name == "diverge" else "done"
        store.finish(cell.id(), status)
        return status


def go(root: Path, methods: str, **options):
    runner = Runner()
    task = Task(ResultStore(root), WORLD, run=runner, **options)
    with NoDisplay().board(1) as board:
        outcomes = compute([cell(name) for name in methods.split()], task, board, InProcess(task))
    return runner.seen, outcomes


def test_a_failure_is_recorded_and_the_others_go_on(tmp_path):
    seen, outcomes = go(tmp_path, "a crash b")
    assert seen == ["a", "crash", "b"]
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    status, reason = ResultStore(tmp_path).status(cell("crash").id())
    assert status == "failed"
    assert reason.startswith("Traceback") and "RuntimeError: out of luck" in reason
    assert list(load_results(tmp_path).cells["status"].sort_values()) == ["done", "done", "failed"]
    assert exit_code(outcomes) == 1


def test_finished_cells_are_reused_failed_ones_only_retried_on_demand(tmp_path):
    go(tmp_path, "a crash diverge")
    seen, outcomes = go(tmp_path, "a crash diverge b")
    assert seen == ["b"]
    assert [outcome.reused for outcome in outcomes] == [True, True, True, False]
    assert exit_code(outcomes) == 1
    assert go(tmp_path, "a crash b", retry_failed=True)[0] == ["crash"]


def test_a_diverged_cell_is_no_failure(tmp_path):
    assert exit_code(go(tmp_path, "diverge")[1]) == 0


def test_bad_input_of_one_method_fails_its_cell_alone(tmp_path):
    seen, outcomes = go(tmp_path, "a bad b")
    assert seen == ["a", "bad", "b"]
    assert ResultStore(tmp_path).status(cell("bad").id()) == ("failed", "facts.json: the facts are no facts")
    assert exit_code(outcomes) == 2
    assert exit_code([*outcomes, *go(tmp_path, "crash")[1]]) == 1


def test_bad_input_that_two_methods_share_ends_the_run(tmp_path):
    with pytest.raises(BenchError, match=r"facts\.json"):
        go(tmp_path, "a bad-1 bad-2 b")
    assert ResultStore(tmp_path).status(cell("a").id())[0] == "done"
    assert ResultStore(tmp_path).status(cell("b").id())[0] is None


def test_an_interruption_is_recorded_and_the_cell_runs_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, "a stop b")
    store = ResultStore(tmp_path)
    assert store.status(cell("stop").id())[0] == "interrupted"
    assert is_pending(existing(cell("stop"), store, ()), retry_failed=False)


def test_a_killed_cell_runs_again(tmp_path):
    store = ResultStore(tmp_path)
    store.start(cell("a"), {})
    assert go(tmp_path, "a")[0] == ["a"]


def test_a_cell_without_the_table_of_an_evaluator_runs_again(tmp_path):
    go(tmp_path, "a")
    assert is_pending(existing(cell("a"), ResultStore(tmp_path), (("edits", {}),)), retry_failed=False)
    assert not is_pending(existing(cell("a"), ResultStore(tmp_path), ()), retry_failed=False)


def write_all(store, each, table):
    """The shards of a cell that has been taken to its end."""
    for step in range(1, each.schedule.length() + 1):
        store.record(each.id(), step, "cost", [])
    store.record(each.id(), each.schedule.length(), table, [])


@pytest.mark.parametrize("table", ["cost", "xtreme"])
def test_a_cell_that_has_lost_a_shard_runs_again(tmp_path, table):
    store, scored_with = ResultStore(tmp_path), (("xtreme", {}),)
    store.start(cell("a"), {"evaluators": {"xtreme": {}}})
    write_all(store, cell("a"), "xtreme")
    store.finish(cell("a").id(), "done")
    assert not is_pending(existing(cell("a"), store, scored_with), retry_failed=False)
    sorted((store.folder(cell("a").id()) / table).iterdir())[0].unlink()
    outcome = existing(cell("a"), store, scored_with)
    assert is_pending(outcome, retry_failed=False)
    assert f"missing in its table '{table}'" in store.status(cell("a").id())[1]


def test_a_cell_scored_with_other_options_runs_again(tmp_path):
    store = ResultStore(tmp_path)
    store.start(cell("a"), {"evaluators": {"xtreme": {"limit": 100}}})
    write_all(store, cell("a"), "xtreme")
    store.finish(cell("a").id(), "done")
    assert not is_pending(existing(cell("a"), store, (("xtreme", {"limit": 100}),)), retry_failed=False)
    assert is_pending(existing(cell("a"), store, (("xtreme", {"limit": 20}),)), retry_failed=False)


def test_a_cell_that_was_asked_other_items_runs_again(tmp_path):
    store, scored_with = ResultStore(tmp_path), (("xtreme", {"limit": 100}),)
    before = cell("a").model_copy(update={"asked": {"xtreme": "items"}})
    store.start(before, {"evaluators": before.scored_by(scored_with)})
    write_all(store, before, "xtreme")
    store.finish(before.id(), "done")
    assert not is_pending(existing(before, store, scored_with), retry_failed=False)
    for asked in ({"xtreme": "changed"}, {}):
        other = before.model_copy(update={"asked": asked})
        assert other.id() == before.id()
        assert is_pending(existing(other, store, scored_with), retry_failed=False)

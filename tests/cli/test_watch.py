"""What `bench status` prints of runs small and large, once and while they go on."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from bench.cli import echo, watch
from bench.cli.echo import page
from bench.cli.watch import Look, clock_time
from bench.store import status
from bench.store.status import Clock
from tests.store.test_status import NOW, cell, finished, planned, running


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that say they are running are held; it is `NOW`, in Greenwich."""
    monkeypatch.setattr(status, "is_claimed", lambda root, cell: True)
    monkeypatch.setattr(watch.time, "time", lambda: NOW)
    monkeypatch.setattr(watch.time, "localtime", time.gmtime)


def test_a_run_in_its_course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "table1"
    store = planned(root, [cell(method, seed) for method in ("memit", "伟大") for seed in range(2)])
    finished(store, cell("memit", 0))
    running(store, cell("memit", 1), stage="editing", step=3, steps=4, first=1, begun=NOW - 30)
    store.start(cell("伟大", 0), {})
    store.finish(cell("伟大", 0).id(), "failed", "Traceback\n  File x\nValueError: \x1b[31mno")
    watch.show(root)
    # NOW is 22:13:20
    assert capsys.readouterr().out == (
        "m · d · cycle · all\n"
        "method  seed 0  seed 1\n"
        "memit   done    3/4\n"
        "伟大    failed  missing\n"
        "\n"
        "method  seed  step  left    running  where    since\n"
        "memit   1     3/4   23.0 s  editing  node3 7  22:11\n"
        "\n"
        "method  seed          since  why\n"
        "伟大    0     failed  22:13  ValueError: \\x1b[31mno\n"
        "\n"
        "table1: 4 cells, 1 done, 1 running, 1 failed, 1 missing\n"
        "time left: more than 23.0 s, 1 at a time; unknown for 1 of 2 cells\n"
    )


def test_a_finished_cell_may_have_a_warning(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=0), cell(seed=1)])
    for seed in range(2):
        finished(store, cell(seed=seed))
    store.finish(cell(seed=1).id(), "done", "2 of 4 steps changed nothing, the first is step 3")
    (_, line) = watch.Look.at(tmp_path, watch.Clock(tmp_path)).trouble()
    assert line.split()[:3] == ["memit", "1", "done"]
    assert line.endswith("2 of 4 steps changed nothing, the first is step 3")


def test_names_that_tell_cells_apart_have_columns(tmp_path: Path) -> None:
    planned(tmp_path, [cell(model=model, data=data, seed=9 + i) for model in "ab" for data in "cd" for i in range(2)])
    look = Look.at(tmp_path, Clock(tmp_path))
    assert look.grid()[:3] == [
        "cycle · all",
        "method  model  data  seed 9   seed 10",
        "memit   a      c     missing  missing",
    ]
    assert len(look.grid()) == 2 + 4
    assert look.summary()[1:] == ["time left: unknown, nothing is running"]
    assert look.running() == look.trouble() == []


def test_many_seeds_are_counted(tmp_path: Path) -> None:
    store = planned(tmp_path, [cell(seed=seed) for seed in range(30)])
    for seed in range(3):
        finished(store, cell(seed=seed))
    assert Look.at(tmp_path, Clock(tmp_path)).grid()[1:] == [
        "method  seeds",
        "memit   3 done, 27 missing",
    ]


def test_a_process_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "is_claimed", lambda root, cell: False)
    store = planned(tmp_path, [cell()])
    finished(store, cell(), steps=2)
    running(store, cell(), stage="editing", step=2, steps=4)
    look = Look.at(tmp_path, Clock(tmp_path))
    assert look.trouble()[1].split(maxsplit=4) == [
        "memit", "0", "interrupted", "22:13", "no process holds it (it was 7 on node3), step 2/4 is recorded"
    ]  # fmt: skip
    assert not look.is_over


def test_watching_tells_changes_until_nothing_is_left_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = planned(tmp_path, [cell(seed=0), cell(seed=1)])
    finished(store, cell(seed=0))
    course = iter(
        [
            lambda: running(store, cell(seed=1), stage="loading"),
            lambda: running(store, cell(seed=1), stage="editing", step=1, steps=4),
            lambda: store.finish(cell(seed=1).id(), "failed", "no"),
        ]
    )
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: next(course)())
    watch.watch(tmp_path, live=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["22:13 memit · 0: done", "22:13 memit · 1: running", "22:13 memit · 1: failed - no"]
    assert lines[3:5] == ["m · d · cycle · all", "method  seed 0  seed 1"], "then the whole, once"
    assert lines[-1].endswith("2 cells, 1 done, 1 failed")


@pytest.mark.parametrize("live", [False, True])
def test_ctrl_c_ends_watching_in_order(
    live: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(tmp_path, [cell()])

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", stop)
    watch.watch(tmp_path, live)
    assert "1 cells, 1 missing" in capsys.readouterr().out


def test_a_page_is_cut_to_the_terminal_and_never_wrapped() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=20, height=4, color_system=None)
    with page(console) as draw:
        draw("\n".join(["伟大" * 10, "x" * 30, *"abcdef"]))
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", file.getvalue())
    drawn = [line.rstrip() for line in plain.splitlines() if line.strip()]
    assert drawn == ["伟大伟大伟大伟大伟 …", "x" * 19 + "…", "a", "b"]


def test_other_days_have_a_date() -> None:
    assert clock_time(NOW - 3600, NOW) == "21:13"
    assert clock_time(NOW - 86400, NOW) == "2023-11-13 22:13"
    assert clock_time(0, NOW) == ""
    assert echo.counted({"left": 2, "done": 1, "failed": 0}) == "1 done, 2 left"

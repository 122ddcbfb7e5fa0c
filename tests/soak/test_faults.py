"""A run that is killed, stopped, short of space or started twice loses nothing and counts nothing twice."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.store.results import load_results
from bench.store.shards import ResultStore
from tests.soak.killing import Soak, check_same, command, run, start

pytestmark = pytest.mark.xdist_group("faults")  # its set-up takes long

FEW = {"methods": "memit,langedit", "edits-per-language": "2"}
PATIENCE = 120.0


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    done = run(command(folder, **FEW))
    assert done.returncode == 0, done.stderr
    return folder


def wait_until(holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def shards(folder: Path) -> int:
    return len(list(folder.glob("soak/*/cost/*.parquet")))


def finish(folder: Path, reference: Path) -> None:
    done = run(command(folder, **FEW))
    assert done.returncode == 0, done.stderr
    check_same(folder, reference)


@pytest.mark.soak
def test_killed_again_and_again(tmp_path: Path) -> None:
    """The short form of ``make soak``."""
    soak = Soak(tmp_path, 5, lambda _: None, {**FEW, "cache-dir": str(tmp_path.parent / "cache")})
    soak.go(3)
    assert soak.completed >= 1


@pytest.mark.parametrize(("fault", "number"), [("checkpoint", 2), pytest.param("write", 9, marks=pytest.mark.soak)])
def test_killed_while_it_writes(tmp_path: Path, reference: Path, fault: str, number: int) -> None:
    assert run(command(tmp_path, fault=fault, number=number, **FEW)).returncode == -signal.SIGKILL
    finish(tmp_path, reference)


@pytest.mark.parametrize(
    ("workers", "number", "code"),
    [
        pytest.param(1, signal.SIGTERM, 143, marks=pytest.mark.soak),
        pytest.param(2, signal.SIGTERM, 143, marks=pytest.mark.soak),
        (2, signal.SIGINT, 130),
    ],
)
def test_stopped_by_a_signal(tmp_path: Path, reference: Path, workers: int, number: signal.Signals, code: int) -> None:
    process = start(command(tmp_path, workers, **FEW))
    wait_until(lambda: shards(tmp_path) > 0)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    assert err == "bench: interrupted; run the same command again to go on where it stopped\n"
    statuses = set(load_results(tmp_path / "soak").cells["status"])
    assert statuses <= {"done", "interrupted", "missing"}
    finish(tmp_path, reference)


def test_a_full_disk_is_one_line_and_nothing_is_torn(tmp_path: Path, reference: Path) -> None:
    done = run(command(tmp_path, fault="full", number=12, **FEW))
    assert done.returncode == 2
    assert done.stderr.startswith("bench: ") and done.stderr.count("\n") == 1, done.stderr
    assert "No space left on device" in done.stderr and str(tmp_path) in done.stderr
    assert "failed" not in set(load_results(tmp_path / "soak").cells["status"])
    finish(tmp_path, reference)


def test_a_second_run_says_who_holds_the_folder(tmp_path: Path, reference: Path) -> None:
    first = start(command(tmp_path, fault="pause", number=12, **FEW))
    wait_until(lambda: shards(tmp_path) > 0)
    second = run(command(tmp_path, **FEW))
    assert second.returncode == 2
    assert f"process {first.pid} on " in second.stderr and "--join" in second.stderr
    assert second.stderr.count("\n") == 1
    first.kill()
    first.communicate()
    # what the dead process held is free
    finish(tmp_path, reference)


@pytest.mark.soak
def test_two_runs_share_the_work(tmp_path: Path, reference: Path) -> None:
    both = [start([*command(tmp_path, **FEW), "--join"]) for _ in range(2)]
    outs = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    reused = [re.search(r"2 cells in .*?(?: \((\d) from before\))?$", out, re.MULTILINE) for out in outs]
    assert sum(2 - int(found[1] or 0) for found in reused if found) == 2, outs
    check_same(tmp_path, reference)


def test_a_run_takes_over_the_cell_of_one_that_dies(tmp_path: Path, reference: Path) -> None:
    first = start(command(tmp_path, fault="pause", number=12, **FEW))
    wait_until(lambda: shards(tmp_path) > 0)
    second = start([*command(tmp_path, **FEW), "--join"])
    store = ResultStore(tmp_path / "soak")
    # by the second one: the first halts in its first cell
    wait_until(lambda: any(store.status(path.parent.name)[0] == "done" for path in store.root.glob("*/cell.json")))
    assert second.poll() is None
    first.kill()
    first.communicate()
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    check_same(tmp_path, reference)

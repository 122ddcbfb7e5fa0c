"""Runs that are killed again and again and gone on with, against one that was not."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.ground.atomic import TEMPORARY
from bench.store.results import load_results
from reports.documents.document import read_report
from reports.render import write_report
from tests import started
from tests.soak import faults
from tests.started import Started

CUT_SMALL = {
    "preset": "table1",
    "methods": "ft,memit,alphaedit,langedit",
    "languages": "en,zh",
    "seeds": "1",
    "batch-size": "2",
    "edits-per-language": "4",
    "eval-every": "2",
    "evaluators": "edits",
    "name": "soak",
    "device": "cpu",
    "display": "plain",
}
"""The embedded default, small enough to be killed fifty times in minutes."""
ORPHAN_SECONDS = 20.0


def command(folder: Path, workers: int = 1, fault: str = "none", number: int = 0, **changed: str) -> list[str]:
    """What `faults` is given for a run in a folder; statistics are shared with runs beside it."""
    places = {"results-dir": str(folder), "cache-dir": str(folder.parent / "cache")}
    flags = {**CUT_SMALL, **places, "workers": str(workers), **changed}
    given = [part for key, value in flags.items() for part in (f"--{key}", value)]
    return [fault, str(number), "run", *given]


def start(arguments: list[str]) -> Started:
    """Start a command."""
    return Started(faults.main, arguments)


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return started.run(faults.main, arguments)


def wait_for_orphans(group: int) -> None:
    """Workers end when the process that started them was killed."""
    end = time.monotonic() + ORPHAN_SECONDS
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError(f"workers outlived their killed parent by {ORPHAN_SECONDS:.0f} s")


def scores(folder: Path) -> dict[str, bytes]:
    """Every score shard of a run, as it lies on disk."""
    shards = (path for path in (folder / "soak").glob("*/*/*.parquet") if path.parent.name != "cost")
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(shards)}


def tables(folder: Path) -> dict[str, bytes]:
    """The tables of a run's report that hold no times."""
    written = write_report(read_report([folder / "soak"]), folder / "report", ("csv",))
    timed = ("cost", "tables2-4")
    return {path.name: path.read_bytes() for path in sorted(written.glob("*.csv")) if path.stem not in timed}


def check_same(folder: Path, reference: Path) -> None:
    """Scores and tables are those of the reference, every step counts once, nothing temporary is left."""
    assert scores(folder) == scores(reference)
    assert tables(folder) == tables(reference)
    mine, theirs = load_results(folder / "soak"), load_results(reference / "soak")
    assert set(mine.cells["status"]) == {"done"}
    what = ["cell", "step", "quantity", "layer"]
    pd.testing.assert_frame_equal(*(each.costs[what].sort_values(what, ignore_index=True) for each in (mine, theirs)))
    left = [path for path in folder.rglob("*") if TEMPORARY.fullmatch(path.name) or path.name == ".arriving"]
    assert not left, left


@dataclass
class Soak:
    """Kill a run at moments drawn by a seed, go on with it, compare it when it is done; begin again.

    Args:
        root: a folder for results.
        seed: of the moments.
        say: told what happens.
        changed: flags of the run that differ from `CUT_SMALL`.
    """

    root: Path
    seed: int
    say: Callable[[str], object]
    changed: Mapping[str, str] = field(default_factory=dict)
    kills: int = 0
    completed: int = 0
    kinds: dict[str, int] = field(default_factory=dict)

    def go(self, wanted: int, workers: tuple[int, ...] = (1, 2)) -> None:
        """Kill until `wanted` kills have hit, then let the last run end."""
        rng, reference = random.Random(self.seed), self.root / "reference"
        run(["none", "0", "list", "presets"])  # the first process waits for the libraries
        began = time.monotonic()
        done = run(command(reference, **self.changed))
        assert done.returncode == 0, done.stderr
        whole = time.monotonic() - began
        self.say(f"uninterrupted: {whole:.1f} s")
        while self.kills < wanted:
            folder = self.root / f"round-{self.completed}"
            while self.kills < wanted and not self._attempt(folder, rng, whole, workers):
                pass
            done = run(command(folder, rng.choice(workers), **self.changed))
            assert done.returncode == 0, done.stderr
            check_same(folder, reference)
            self.completed += 1
            self.say(f"run {self.completed} is complete after {self.kills} kills: identical")
            shutil.rmtree(folder)

    def _attempt(self, folder: Path, rng: random.Random, whole: float, workers: tuple[int, ...]) -> bool:
        """Start the run and kill it; True where it ended before."""
        side_by_side = rng.choice(workers)
        fault = rng.choice(("write", "checkpoint")) if side_by_side == 1 and rng.random() < 0.4 else "none"
        process = start(command(folder, side_by_side, fault, rng.randint(1, 12), **self.changed))
        moment = rng.uniform(0.1, 1.0) * whole
        try:
            _, err = process.communicate(timeout=None if fault != "none" else moment)
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
            _, err = process.communicate()
        wait_for_orphans(process.pid)
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, err
            return True
        self.kills += 1
        kind = f"in a {fault}" if fault != "none" else f"by time, {side_by_side} workers"
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.say(f"kill {self.kills}: {kind}{f', after {moment:.1f} s' if fault == 'none' else ''}")
        return False

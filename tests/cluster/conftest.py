"""A Ray cluster of two nodes on this machine, and a method that waits in the middle of a cell until it may go on."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.compute.cluster import LOOPBACK, QUIET
from bench.config.cell import Cell
from bench.store.shards import ResultStore
from tests.cli.conftest import tiny, tiny_world  # noqa: F401
from tests.tinyworld import TinyWorld

PATIENCE = 150
"""Seconds until a test that waits has failed."""

GATED = '''
"""MEMIT that writes down every step it begins, and waits in the second one until a file is there."""

import os
import time
from pathlib import Path

from methods import memit


class Config(memit.Config):
    folder: str


class Gated:
    def __init__(self, config):
        self.inner = memit.build(config)
        self.folder = Path(config.folder)
        self.deployed = self.inner.deployed

    def prepare(self, model, stats, context):
        state = self.inner.prepare(model, stats, context)
        state.memory.update(begun=0, cell=context.rng("cell").initial_seed())
        return state

    def apply(self, model, requests, state):
        state.memory["begun"] += 1
        step, cell = state.memory["begun"], state.memory["cell"]
        with (self.folder / f"{cell}.log").open("a") as log:
            log.write(f"{step}\\n")
        while step == 2 and not (self.folder / "open").exists():
            (self.folder / f"{cell}.waits").write_text(str(os.getpid()))
            time.sleep(0.05)
        return self.inner.apply(model, requests, state)


def build(config):
    return Gated(config)
'''


@dataclass(frozen=True)
class Gate:
    """The folder through which the method `gated` and a test talk."""

    folder: Path

    def cell(self, world: TinyWorld, seed: int) -> Cell:
        return world.cell("gated", seed, eval_every=2, folder=str(self.folder))

    def reset(self) -> None:
        for file in self.folder.iterdir():
            file.unlink()

    def open(self) -> None:
        (self.folder / "open").touch()

    def waiting(self, cells: list[Cell]) -> list[tuple[Cell, int]]:
        """Cells that wait, with the processes that compute them."""
        files = [(cell, self.folder / f"{self._key(cell)}.waits") for cell in cells]
        return [(cell, int(file.read_text())) for cell, file in files if file.exists() and file.read_text()]

    def begun(self, cell: Cell) -> list[int]:
        """Steps that were begun, in order, by all who have computed the cell."""
        log = self.folder / f"{self._key(cell)}.log"
        return [int(line) for line in log.read_text().splitlines()] if log.exists() else []

    def _key(self, cell: Cell) -> int:
        return cell.seed_for("cell")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Installs the method, here and for the nodes that start later."""
    site = tmp_path_factory.mktemp("site")
    (site / "gated.py").write_text(GATED)
    info = site / "gated-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gated\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bench.methods]\ngated = gated\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(Path(__file__).parents[2])]))
        yield Gate(tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, gate: Gate) -> TinyWorld:
    return TinyWorld.make(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def nodes(gate: Gate) -> Iterator[Any]:
    """A cluster of two nodes, each with room for one cell."""
    temporary = tempfile.mkdtemp(prefix="ray")  # sockets have short names
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**QUIET, **LOOPBACK, "RAY_TMPDIR": temporary}.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        one = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=one)
        try:
            cluster.add_node(**one)
            yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(temporary, ignore_errors=True)


def until(what: str, holds: Callable[[], Any]) -> Any:
    """What `holds` returns once that is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise TimeoutError(what)


class Meanwhile:
    """Something that happens while the main thread computes; where it fails, or nothing ends, that is interrupted."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._alarm = threading.Timer(2 * PATIENCE, self._interrupt)

    def __enter__(self) -> None:
        # where a shell has put the tests into the background it is ignored, and nothing would end
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._thread.start()
        self._alarm.start()

    def __exit__(self, *_: object) -> None:
        self._alarm.cancel()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            self._happens()
        except BaseException as error:
            self._error = error
            self._interrupt()

    def _interrupt(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def scores(root: Path, cells: list[Cell]) -> dict[str, bytes]:
    """Every shard of scores, as it lies on disk."""
    folders = [ResultStore(root).folder(cell.id()) / "edits" for cell in cells]
    found = {f"{path.parent.parent.name}/{path.name}": path.read_bytes() for f in folders for path in f.glob("*")}
    assert len(found) == 2 * len(cells), sorted(found)
    return found


def of_node(node: Any, pid: int) -> bool:
    """Whether a worker belongs to a node."""
    return psutil.Process(pid).ppid() == node.all_processes["raylet"][0].process.pid

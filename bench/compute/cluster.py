"""Cells as tasks of a Ray cluster, on as many machines as it has.

Results, checkpoints and statistics lie in folders that all machines share. Ray starts a cell anew whose worker or
machine is lost; it goes on from its last checkpoint, as after any other death, and its claim keeps a worker that is
only cut off from computing it a second time.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import platform
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bench.compute.resources import Resources
from bench.compute.task import Task, Tasks
from bench.config.cell import Cell
from bench.ground.errors import BenchError
from bench.ground.progress import Unheard
from bench.ground.signals import Terminated, exit_code, restored, terminable
from bench.model.threads import SMALL_MODEL
from bench.store.outcomes import Outcome

if TYPE_CHECKING:
    from bench.ground.progress import Board
    from bench.plan.memory import Need

LOCAL = "local"
"""Address of a cluster that is only this machine, for this run only."""

RETRIES = 3
"""Workers or machines that a cell may lose before it is computed alone."""

OBJECT_STORE = 100_000_000
"""Bytes of shared memory of a local cluster; what goes through it is small."""

ANSWER_SECONDS, FIRST_LOOK, LOOK = 10.0, 5.0, 60.0
"""How long an address may take to answer; when to look for cells that no machine can compute, at first and then."""

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray reads these when it is imported: nothing is sent home or printed into the display; a local cluster listens to
this machine only (on other systems than Linux it does anyway, hence the name)."""


class Cluster:
    """Tasks of a Ray cluster.

    Args:
        task: what a worker does; the device "auto" is a GPU where the cluster has any.
        asked: what every cell asks for.
        memory: predicts what a cell takes of main memory.
        note: says a line beside the course of the run.
        address: of the cluster's head, "auto" for the one that this machine is part of, "local" for one of this
            machine alone; None: what $RAY_ADDRESS says, else "local".
        workers: most cells at the same time; None leaves it to what they ask for.

    Raises:
        BenchError: Ray is not installed, the address is none, or device and resources contradict each other.
    """

    def __init__(
        self,
        task: Tasks,
        asked: Resources,
        memory: Callable[[Cell], Need | None],
        note: Callable[[str], None],
        address: str | None = None,
        workers: int | None = None,
    ) -> None:
        device = task.device
        if asked.num_gpus is not None and device != "auto" and (device == "cuda") != (asked.num_gpus > 0):
            raise BenchError(f"cells ask for {asked.num_gpus:g} GPUs, but the device is '{device}'")
        self.slots = workers or sys.maxsize
        self._task, self._memory, self._note, self._given = task, memory, note, asked
        self._address = address or os.environ.get("RAY_ADDRESS") or LOCAL
        self._ray = _imported(self._address)
        errors = self._ray.exceptions
        self.lost: tuple[type[Exception], ...] = (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.LocalRayletDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        )
        self._on = device
        self._asking: dict[Any, Resources] = {}
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    # ------------------------------------------------------------------------ start and stop
    def __enter__(self) -> Cluster:
        """Connect, or start the local cluster.

        Raises:
            BenchError: the cluster cannot be reached.
        """
        started = {"include_dashboard": False, "object_store_memory": OBJECT_STORE, "_node_ip_address": "127.0.0.1"}
        how = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        try:
            _check_answers(self._address)
            with restored():
                self._ray.init(self._address, **how, **(started if self._address == LOCAL else {}))
        except (OSError, RuntimeError, ValueError, self._ray.exceptions.RayError) as error:
            raise BenchError(f"no Ray cluster at {self._address}: {str(error).strip().splitlines()[0]}") from error
        self._on = self._device()
        # a worker keeps what it has taken of a GPU until it ends
        self._remote = self._ray.remote(max_calls=int(self._on == "cuda"))(_one)
        self._looking.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Leave; cells at work when something went wrong finish a write and note that they were stopped."""
        self._over.set()
        try:
            if kind and (under_way := list(self._asking)):
                for cell in under_way:
                    self._ray.cancel(cell)
                self._ray.wait(under_way, num_returns=len(under_way))
        finally:
            self._looking.join(ANSWER_SECONDS)
            self._ray.shutdown()

    def _device(self) -> str:
        device, gpus = self._task.device, self._given.num_gpus
        if device != "auto":
            return device
        has_gpus = any(machine.get("GPU") for machine in self._machines()) if gpus is None else gpus > 0
        return "cuda" if has_gpus else "cpu"

    # ------------------------------------------------------------------------ cells
    def submit(self, cell: Cell, board: Board) -> Future[Outcome | None]:
        """Hand a cell to the cluster.

        Raises:
            BenchError: the local cluster can never compute it.
        """
        asked = self._asked(cell)
        if self._address == LOCAL and not self._has_room(asked):
            raise BenchError(self._lacking(asked))
        options = {name: amount for name, amount in asked if amount is not None}
        mine = self._task.of(cell)
        mine = replace(mine, world=replace(mine.world, device=self._on))
        task = self._remote.options(**options, max_retries=RETRIES)
        cell_under_way = task.remote(cell, mine, max(1, int(asked.num_cpus or 1)), Path.cwd())
        self._asking[cell_under_way] = asked
        future: Future[Outcome | None] = Future()
        cell_under_way.future().add_done_callback(partial(self._ended, cell_under_way, future))
        return future

    def _ended(self, under_way: Any, future: Future[Outcome | None], ended: Future[Outcome | None]) -> None:
        """Pass on how a task ended; Ray wraps what a worker has raised."""
        self._asking.pop(under_way, None)
        error = ended.exception()
        if error is None:
            future.set_result(ended.result())
            return
        future.set_exception(_unwrapped(error))

    def _asked(self, cell: Cell) -> Resources:
        """What is given; else a GPU where that is the device, the memory that is predicted, and threads as here."""
        import torch

        on_gpu = self._on == "cuda"
        need = self._memory(cell)
        is_large = need is not None and need.weights >= SMALL_MODEL
        # of a cell on a GPU, main memory holds the program, and the weights while they are loaded
        memory = None if need is None else need.process + need.weights + need.edited if on_gpu else need.peak
        threads = min(torch.get_num_threads(), self._most("CPU")) if is_large and not on_gpu else 1
        default = {"num_cpus": threads, "num_gpus": int(on_gpu), "memory": memory}
        return Resources.model_validate({**default, **self._given.model_dump(exclude_none=True)})

    # ------------------------------------------------------------------------ machines
    def _machines(self) -> list[dict[str, float]]:
        return [machine["Resources"] for machine in self._ray.nodes() if machine["Alive"]]

    def _most(self, resource: str) -> float:
        return max(machine.get(resource, 0) for machine in self._machines())

    def _has_room(self, asked: Resources) -> bool:
        return any(asked.fit(machine) for machine in self._machines())

    def _lacking(self, asked: Resources) -> str:
        there = Resources(num_cpus=self._most("CPU"), num_gpus=self._most("GPU"), memory=self._most("memory"))
        return f"no machine of the cluster has what a cell asks for: {asked}; at most {there} (see --cell-resources)"

    def _look(self) -> None:
        """Say, now and then, that cells wait for a machine that is not there; one may still come."""
        pause = FIRST_LOOK
        while not self._over.wait(pause):
            pause = LOOK
            for asked in set(self._asking.values()):
                if not self._has_room(asked):
                    self._note(f"{self._lacking(asked)}; waiting for one")


def _unwrapped(error: BaseException) -> BaseException:
    """What a worker has raised, out of what Ray wraps it in."""
    cause, last = getattr(error, "cause", None), str(error).strip().splitlines()[-1:]
    if isinstance(cause, BenchError):
        return cause
    if cause and last and last[0].startswith(("ImportError", "ModuleNotFoundError")):
        return BenchError(f"a worker of the cluster lacks what is installed here: {last[0]}")
    return error


def _imported(address: str) -> Any:
    """Ray itself.

    Raises:
        BenchError: it is not installed, or the address is of a kind that cannot be used.
    """
    if "://" in address:
        raise BenchError(f"address {address}: run on a machine of the cluster and give HOST:PORT of its head, or auto")
    if importlib.util.find_spec("ray") is None:
        raise BenchError("--engine ray needs Ray: pip install 'langedit-bench[ray]'")
    for name, value in {**QUIET, **(LOOPBACK if address == LOCAL else {})}.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


def _check_answers(address: str) -> None:
    # Ray itself would try for minutes
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()


def _one(cell: Cell, task: Task, threads: int, folder: Path) -> Outcome | None:
    """Compute a cell, in a worker.

    Args:
        cell: the cell.
        task: what to do with it.
        threads: threads of the processor.
        folder: where the run was started; models and data may be named from there.

    Raises:
        BenchError: the machine does not share the folders, or torch does not find its GPU.
    """
    import torch

    from bench.model.loading import quiet_libraries

    if task.world.device == "cuda" and not torch.cuda.is_available():
        raise BenchError(f"torch finds no GPU on {platform.node()}, where the cluster has given one; add --device cpu")
    torch.set_num_threads(threads)
    try:
        with _folder_of(folder, task.store.root), terminable(), quiet_libraries():
            return task(cell, Unheard())
    except Terminated as stop:
        # the machine is taken away, and Ray gives the cell to another
        os._exit(exit_code(stop))


@contextlib.contextmanager
def _folder_of(folder: Path, results: Path) -> Iterator[None]:
    """Work where the run was started.

    Raises:
        BenchError: that is not here, or not the run's results.
    """
    lacking = f"not seen on {platform.node()}; all machines of a cluster have to share the folders of a run"
    if not folder.is_dir():
        raise BenchError(lacking, file=folder)
    with contextlib.chdir(folder):
        if not results.is_dir():
            raise BenchError(lacking, file=results)
        yield

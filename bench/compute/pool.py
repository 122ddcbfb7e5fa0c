"""Cells side by side in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import TYPE_CHECKING

from bench.compute.task import Task, Tasks
from bench.config.cell import Cell
from bench.ground.progress import Unheard
from bench.ground.signals import Terminated, exit_code, terminable
from bench.store.outcomes import Outcome

if TYPE_CHECKING:
    from bench.ground.progress import Board


LIBRARIES = ("torch", "transformers.modeling_utils", "transformers.models.auto", "pandas", "pyarrow.parquet")
"""What every cell imports; none of our own modules, which have to be those of the process that computes."""


class Pool:
    """Worker processes; those that die are replaced.

    Args:
        task: what a worker does.
        workers: how many.
    """

    lost: tuple[type[Exception], ...] = (BrokenExecutor,)

    def __init__(self, task: Tasks, workers: int) -> None:
        self.slots = workers
        self._task = task
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Pool:
        """Workers start when they are needed."""
        self._others = multiprocessing.active_children()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End the workers; those at work when something went wrong finish a write and note that they were stopped."""
        if not self._executor:
            return
        if kind:
            for child in multiprocessing.active_children():
                if child not in self._others:
                    child.terminate()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, cell: Cell, board: Board) -> Future[Outcome | None]:
        """Hand a cell to a worker."""
        try:
            return self._workers().submit(_one, cell, self._task.of(cell))
        except BrokenExecutor:
            self._executor = None
            return self._workers().submit(_one, cell, self._task.of(cell))

    def _workers(self) -> ProcessPoolExecutor:
        if not self._executor:
            self._executor = ProcessPoolExecutor(
                self.slots, mp_context=beginning(), initializer=_begin, initargs=(dict(os.environ),)
            )
        return self._executor


def beginning() -> BaseContext:
    """Where workers come from: a process that has imported the libraries and done nothing else.

    Processes that are forked after torch has started its threads hang, and each that begins anew imports for seconds.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    return context


def _begin(environment: dict[str, str]) -> None:
    """Settle a worker: it ends with its parent, and stops when that says so, not at Ctrl-C.

    Args:
        environment: of the process that computes; the one that workers come from may be older.
    """
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        # nobody is left to hand results to, and others may want the cell
        os._exit(1)


def _one(cell: Cell, task: Task) -> Outcome | None:
    from bench.model.loading import quiet_libraries

    try:
        with terminable(), quiet_libraries():
            return task(cell, Unheard())
    except Terminated as stop:
        os._exit(exit_code(stop))

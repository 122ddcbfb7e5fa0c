"""Run cells side by side in processes of their own, an equal share of the processor's threads to each."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from queue import Empty
from typing import TYPE_CHECKING, Any

from bench.engine import Blame, Outcome, existing, is_pending, run_and_record
from bench.spec import Cell
from bench.store import ResultStore

if TYPE_CHECKING:
    from bench.display import Board
    from bench.driver import Progress, World

POLL_SECONDS = 0.2


def pooled(
    cells: Sequence[Cell],
    store: ResultStore,
    world: World,
    board: Board,
    workers: int,
    *,
    retry_failed: bool = False,
) -> Iterator[Outcome]:
    """Compute the pending cells `workers` at a time; otherwise as `bench.engine.local`.

    Yields:
        Every cell's outcome, in order.
    """
    outcomes = {cell.id(): existing(cell, store, world.evaluators) for cell in cells}
    pending = [cell for cell in cells if is_pending(outcomes[cell.id()], retry_failed)]
    blame = Blame()
    # processes that are forked after torch has started its threads hang
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // workers)
    with context.Manager() as manager, ProcessPoolExecutor(workers, mp_context=context) as pool:
        channel = manager.Queue()
        futures = [pool.submit(_one, cell, store, world, channel, threads) for cell in pending]
        try:
            for outcome in _follow(futures, channel, board):
                outcomes[outcome.cell.id()] = outcome
                blame.check(outcome)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    yield from (outcomes[cell.id()] for cell in cells)


def _follow(futures: Sequence[Future[Outcome]], channel: Any, board: Board) -> Iterator[Outcome]:
    """Show what the workers say; yield outcomes as they come."""
    shown: dict[str, Progress] = {}
    left = set(futures)
    while left:
        done, left = wait(left, timeout=POLL_SECONDS)
        _drain(channel, board, shown)
        for future in done:
            outcome = future.result()
            board.finished(outcome.cell.label(), outcome.status or "", outcome.reason)
            yield outcome


def _drain(channel: Any, board: Board, shown: dict[str, Progress]) -> None:
    while True:
        try:
            label, name, arguments = channel.get_nowait()
        except Empty:
            return
        if label not in shown:
            shown[label] = board.cell(label)
        getattr(shown[label], name)(*arguments)


@dataclass(frozen=True, slots=True)
class _Relay:
    """A worker's progress, sent to the process that shows it."""

    label: str
    channel: Any

    def stage(self, text: str) -> None:
        self.channel.put((self.label, "stage", (text,)))

    def step(self, done: int, total: int, note: str) -> None:
        self.channel.put((self.label, "step", (done, total, note)))


def _one(cell: Cell, store: ResultStore, world: World, channel: Any, threads: int) -> Outcome:
    import torch

    from bench.driver import run_cell
    from bench.session import quiet_libraries

    torch.set_num_threads(threads)
    with quiet_libraries():
        return run_and_record(cell, store, world, _Relay(cell.label(), channel), run_cell)

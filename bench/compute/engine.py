"""Compute the cells of a grid; what one of them does never harms the others.

An engine is where cells are computed: in this process (`InProcess`), in processes of this machine
(`bench.compute.pool`), on a cluster (`bench.compute.cluster`). All share one way of going through a grid, `compute`:
cells are claimed one by one, so that several runs can share a folder; one whose worker died is tried again, alone.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from bench.compute.task import Tasks
from bench.config.cell import Cell
from bench.ground.errors import BenchError
from bench.store import claims
from bench.store.outcomes import Outcome, is_pending
from bench.store.shards import ResultStore

if TYPE_CHECKING:
    from bench.ground.progress import Board, Progress

POLL_SECONDS = 0.2
ELSEWHERE_SECONDS = 1.0
"""Between two looks whether a cell that another process computes is free."""
LOOK_SECONDS = 0.02
"""For each cell, between two looks at how far they all are; the folder may lie on a network."""
DEATHS = 2
"""Workers that a cell may take with it before it counts as failed; from the first on it is computed alone."""


class Engine(Protocol):
    """Where cells are computed.

    Attributes:
        slots: cells it is given at the same time.
        lost: errors of a future that mean that its worker has died.
    """

    slots: int
    lost: tuple[type[Exception], ...]

    def __enter__(self) -> Engine:
        """Start."""
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Stop; on an error what is under way is interrupted."""
        ...

    def submit(self, cell: Cell, board: Board) -> Future[Outcome | None]:
        """Begin a cell; None stands for one that another process computes."""
        ...


class InProcess:
    """Cells in this process, one after another."""

    slots = 1
    lost: tuple[type[Exception], ...] = ()

    def __init__(self, task: Tasks) -> None:
        self._task = task

    def __enter__(self) -> InProcess:
        """Nothing to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to stop."""

    def submit(self, cell: Cell, board: Board) -> Future[Outcome | None]:
        """Compute the cell."""
        future: Future[Outcome | None] = Future()
        future.set_result(self._task.of(cell)(cell, board.cell(self._task.label(cell))))
        return future


def compute(cells: Sequence[Cell], task: Tasks, board: Board, engine: Engine) -> list[Outcome]:
    """Compute the cells that are pending.

    A cell that fails is recorded and the next one begins. Cells that other processes compute are waited for, and
    taken over from one that dies.

    Returns:
        Every cell's outcome, in order.

    Raises:
        BenchError: two methods failed on the same bad input, so it concerns the whole run.
        StorageError: the run's folder cannot be written.
        KeyboardInterrupt: after the cells at work were marked as interrupted.
    """
    outcomes = {cell.id(): task.of(cell).existing(cell) for cell in cells}
    pending = [cell for cell in cells if is_pending(outcomes[cell.id()], task.retry_failed)]
    blame = Blame()
    with engine:
        for outcome in _Course(task, board, engine, pending).outcomes():
            outcomes[outcome.cell.id()] = outcome
            task.ended(outcome)
            blame.check(outcome)
    return [outcomes[cell.id()] for cell in cells]


class _Course:
    """The course of a computation: who waits, who runs, whose worker died."""

    def __init__(self, task: Tasks, board: Board, engine: Engine, pending: Iterable[Cell]) -> None:
        self._task, self._board, self._engine = task, board, engine
        self._waiting = deque(pending)
        self._running: dict[Future[Outcome | None], Cell] = {}
        self._deaths: Counter[str] = Counter()
        self._shown: dict[str, Progress] = {}
        self._next_look = 0.0

    def outcomes(self) -> Iterable[Outcome]:
        """Yield outcomes as they come."""
        while self._waiting or self._running:
            self._fill()
            if not self._running:
                # all that is left is computed elsewhere
                time.sleep(ELSEWHERE_SECONDS)
            done = wait(self._running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done
            self._show()
            for future in done:
                outcome = self._ended(self._running.pop(future), future)
                if outcome:
                    self._board.finished(self._task.label(outcome.cell), outcome.status or "", outcome.reason)
                    yield outcome

    def _fill(self) -> None:
        """Hand on as many cells as there is room for; those that others compute stay."""
        for _ in range(len(self._waiting)):
            if len(self._running) >= self._engine.slots:
                return
            cell = self._waiting.popleft()
            if not self._may_begin(cell):
                self._waiting.append(cell)
                continue
            self._running[self._engine.submit(cell, self._board)] = cell

    def _may_begin(self, cell: Cell) -> bool:
        running = self._running.values()
        alone = any(self._deaths[each.id()] for each in (cell, *running))
        return not (alone and running) and not claims.is_claimed(self._store(cell).root, cell.id())

    def _store(self, cell: Cell) -> ResultStore:
        return self._task.of(cell).store

    def _ended(self, cell: Cell, future: Future[Outcome | None]) -> Outcome | None:
        try:
            outcome = future.result()
        except self._engine.lost as error:
            self._deaths[cell.id()] += 1
            if self._deaths[cell.id()] >= DEATHS:
                reason = f"its worker died, also when it ran alone; is there enough memory? ({error})"
                return self._task.of(cell).record(cell, "failed", " ".join(reason.split()))
            outcome = None
        if outcome is None:
            self._waiting.append(cell)
        return outcome

    def _show(self) -> None:
        """Show how far cells are that are computed in other processes, as they have written it."""
        if time.monotonic() < self._next_look:
            return
        cells = (*self._running.values(), *self._waiting)
        self._next_look = time.monotonic() + LOOK_SECONDS * len(cells)
        for cell in cells:
            found = self._store(cell).standing(cell.id())
            if found.get("status") != "running" or found.get("when", 0.0) < self._task.began:
                continue
            label = self._task.label(cell)
            if label not in self._shown:
                self._shown[label] = self._board.cell(label)
            stage, host = str(found.get("stage", "")), str(found.get("host", ""))
            note = stage if host == claims.here()["host"] else f"{stage} on {host}"
            if "step" in found:
                self._shown[label].step(found["step"], found["steps"], note)
            else:
                self._shown[label].stage(note)


class Blame:
    """Tells bad input that concerns the whole run: two methods failed on the same."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def check(self, outcome: Outcome) -> None:
        """Take note of an outcome.

        Raises:
            BenchError: another method has failed for the same reason.
        """
        if outcome.status != "failed" or outcome.reused or outcome.crashed:
            return
        method = outcome.cell.method.name
        if self._first.setdefault(outcome.reason, method) != method:
            raise BenchError(outcome.reason)


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """0 if no cell failed, 1 if one crashed, else 2: bad input."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if any(outcome.crashed for outcome in failed):
        return 1
    return 2 if failed else 0

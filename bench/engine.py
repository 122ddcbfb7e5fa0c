"""Compute the cells of a grid; what one of them does never harms the others.

An engine is where cells are computed: in this process (`InProcess`), in processes of this machine (`bench.pool`), on
a cluster (`bench.cluster`). All share one way of going through a grid, `compute`: cells are claimed one by one, so that
several runs can share a folder; one whose worker died is tried again, alone.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from bench import claims
from bench.atomic import sweep
from bench.errors import BenchError, StorageError
from bench.spec import Cell
from bench.store import FINISHED, ResultStore, Status

if TYPE_CHECKING:
    from bench.display import Board
    from bench.driver import Progress, World

    CellRunner = Callable[[Cell, ResultStore, World, Progress], Status]

EvaluatorOptions = Iterable[tuple[str, Mapping[str, Any]]]
"""Names and options, as in `bench.driver.World`."""

CRASH = "Traceback"
"""How the reason of a failure begins that is no bad input."""

POLL_SECONDS = 0.2
ELSEWHERE_SECONDS = 1.0
"""Between two looks at cells that other processes compute; the folder may lie on a network."""
DEATHS = 2
"""Workers that a cell may take with it before it counts as failed; from the first on it is computed alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell stands.

    Attributes:
        status: None where it has never run.
        reason: of a failure: one line for bad input, a traceback for anything else.
        reused: it stands so from an earlier run, or from another one that shares the folder.
        when: it stands so since, seconds of the epoch.
    """

    cell: Cell
    status: Status | None
    reason: str = ""
    reused: bool = False
    when: float = 0.0

    @property
    def crashed(self) -> bool:
        """Failed, and not for bad input."""
        return self.status == "failed" and self.reason.startswith(CRASH)


def existing(cell: Cell, store: ResultStore, evaluators: EvaluatorOptions) -> Outcome:
    """What an earlier run has left.

    A cell that lacks the table of an evaluator, or was scored with other options of it, counts as never run.
    """
    status, reason, when = store.outcome(cell.id())
    if status in FINISHED and not _scored(cell, store, evaluators):
        status, reason = None, ""
    return Outcome(cell, status, reason, reused=True, when=when)


def _scored(cell: Cell, store: ResultStore, evaluators: EvaluatorOptions) -> bool:
    if not {name for name, _ in evaluators} <= store.tables(cell.id()):
        return False
    used = store.environment(cell.id()).get("evaluators", {})
    return all(used.get(name, {}) == wanted for name, wanted in cell.scored_by(evaluators).items())


def is_pending(outcome: Outcome, retry_failed: bool) -> bool:
    """Whether a cell that stands so is to be computed; failed ones only on demand."""
    return outcome.status not in FINISHED and (outcome.status != "failed" or retry_failed)


# ---------------------------------------------------------------------------- one cell
@dataclass(frozen=True, slots=True)
class Task:
    """What a worker does with a cell.

    Attributes:
        store: where results lie.
        world: handed to every cell.
        retry_failed: also compute cells that failed before `began`.
        began: when this run began, seconds of the epoch.
        run: computes one cell; `bench.driver.run_cell` where None.
    """

    store: ResultStore
    world: World
    retry_failed: bool = False
    began: float = field(default_factory=time.time)
    run: CellRunner | None = None

    def __call__(self, cell: Cell, progress: Progress) -> Outcome | None:
        """Compute a cell unless that is done by now.

        Returns:
            None where another process is computing it.

        Raises:
            StorageError: the run's folder cannot be written; the cell goes on once it can be.
            KeyboardInterrupt: after the cell was marked as interrupted.
        """
        with claims.claimed(self.store.root, cell.id()) as mine:
            if not mine:
                return None
            found = existing(cell, self.store, self.world.evaluators)
            if not is_pending(found, self.retry_failed and found.when < self.began):
                return found
            sweep(self.store.folder(cell.id()))
            return self._run(cell, _Told(self.store, cell.id(), progress))

    def _run(self, cell: Cell, progress: Progress) -> Outcome:
        from bench.driver import run_cell

        try:
            status = (self.run or run_cell)(cell, self.store, self.world, progress)
        except (KeyboardInterrupt, StorageError):
            with suppress(StorageError):
                self.record(cell, "interrupted", "")
            raise
        except BenchError as error:
            return self.record(cell, "failed", str(error))
        except Exception:  # whatever a method does, the grid goes on
            return self.record(cell, "failed", traceback.format_exc())
        return Outcome(cell, status, self.store.status(cell.id())[1])

    def record(self, cell: Cell, status: Status, reason: str) -> Outcome:
        """Write how a cell ended that could not do so itself."""
        if not (self.store.folder(cell.id()) / "cell.json").exists():
            self.store.start(cell, {})
        self.store.finish(cell.id(), status, reason)
        return Outcome(cell, status, reason)


class _Told:
    """Progress of a cell, also written to its status for those who look from elsewhere."""

    def __init__(self, store: ResultStore, cell_id: str, inner: Progress) -> None:
        self._store, self._cell, self._inner = store, cell_id, inner
        self._where: dict[str, Any] = {**claims.here(), "since": time.time()}

    def stage(self, text: str) -> None:
        self._tell(stage=text)
        self._inner.stage(text)

    def step(self, done: int, total: int, note: str) -> None:
        if "first" not in self._where:
            self._where.update(first=done, begun=time.time())
        self._tell(stage=note, step=done, steps=total)
        self._inner.step(done, total, note)

    def _tell(self, **how_far: Any) -> None:
        self._where.update(how_far)
        self._store.running(self._cell, **self._where)


class Unheard:
    """Progress of a cell that another process reads from its status."""

    def stage(self, text: str) -> None:
        """See `bench.driver.Progress`."""

    def step(self, done: int, total: int, note: str) -> None:
        """See `bench.driver.Progress`."""


# ---------------------------------------------------------------------------- all cells
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

    def __init__(self, task: Task) -> None:
        self._task = task

    def __enter__(self) -> InProcess:
        """Nothing to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to stop."""

    def submit(self, cell: Cell, board: Board) -> Future[Outcome | None]:
        """Compute the cell."""
        future: Future[Outcome | None] = Future()
        future.set_result(self._task(cell, board.cell(cell.label())))
        return future


def compute(cells: Sequence[Cell], task: Task, board: Board, engine: Engine) -> list[Outcome]:
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
    outcomes = {cell.id(): existing(cell, task.store, task.world.evaluators) for cell in cells}
    pending = [cell for cell in cells if is_pending(outcomes[cell.id()], task.retry_failed)]
    blame = Blame()
    with engine:
        for outcome in _Course(task, board, engine, pending).outcomes():
            outcomes[outcome.cell.id()] = outcome
            blame.check(outcome)
    return [outcomes[cell.id()] for cell in cells]


class _Course:
    """The course of a computation: who waits, who runs, whose worker died."""

    def __init__(self, task: Task, board: Board, engine: Engine, pending: Iterable[Cell]) -> None:
        self._task, self._board, self._engine = task, board, engine
        self._waiting = deque(pending)
        self._running: dict[Future[Outcome | None], Cell] = {}
        self._deaths: Counter[str] = Counter()
        self._shown: dict[str, Progress] = {}
        self._looked = 0.0

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
                    self._board.finished(outcome.cell.label(), outcome.status or "", outcome.reason)
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
        return not (alone and running) and not claims.is_claimed(self._task.store.root, cell.id())

    def _ended(self, cell: Cell, future: Future[Outcome | None]) -> Outcome | None:
        try:
            outcome = future.result()
        except self._engine.lost as error:
            self._deaths[cell.id()] += 1
            if self._deaths[cell.id()] >= DEATHS:
                reason = f"its worker died, also when it ran alone; is there enough memory? ({error})"
                return self._task.record(cell, "failed", " ".join(reason.split()))
            outcome = None
        if outcome is None:
            self._waiting.append(cell)
        return outcome

    def _show(self) -> None:
        """Show how far cells are that are computed in other processes, as they have written it."""
        cells = list(self._running.values())
        if time.monotonic() - self._looked > ELSEWHERE_SECONDS:
            self._looked = time.monotonic()
            cells += self._waiting
        for cell in cells:
            found = self._task.store.standing(cell.id())
            if found.get("status") != "running" or found.get("when", 0.0) < self._task.began:
                continue
            label = cell.label()
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

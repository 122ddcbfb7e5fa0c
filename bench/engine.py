"""Run cells one after another; what one of them does never harms the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.spec import Cell
from bench.store import ResultStore, Status

if TYPE_CHECKING:
    from bench.display import Board
    from bench.driver import Progress, World

    CellRunner = Callable[[Cell, ResultStore, World, Progress], Status]

EvaluatorOptions = Iterable[tuple[str, Mapping[str, Any]]]
"""Names and options, as in `bench.driver.World`."""

FINISHED: tuple[Status, ...] = ("done", "diverged")
CRASH = "Traceback"
"""How the reason of a failure begins that is no bad input."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell stands.

    Attributes:
        status: None where it has never run.
        reason: of a failure: one line for bad input, a traceback for anything else.
        reused: it stands so from an earlier run.
    """

    cell: Cell
    status: Status | None
    reason: str = ""
    reused: bool = False

    @property
    def crashed(self) -> bool:
        """Failed, and not for bad input."""
        return self.status == "failed" and self.reason.startswith(CRASH)


def existing(cell: Cell, store: ResultStore, evaluators: EvaluatorOptions) -> Outcome:
    """What an earlier run has left.

    A cell that lacks the table of an evaluator, or was scored with other options of it, counts as never run.
    """
    status, reason = store.status(cell.id())
    if status in FINISHED and not _scored(cell, store, evaluators):
        status, reason = None, ""
    return Outcome(cell, status, reason, reused=True)


def _scored(cell: Cell, store: ResultStore, evaluators: EvaluatorOptions) -> bool:
    if not {name for name, _ in evaluators} <= store.tables(cell.id()):
        return False
    used = store.environment(cell.id()).get("evaluators", {})
    return all(used.get(name, {}) == dict(options) for name, options in evaluators)


def is_pending(outcome: Outcome, retry_failed: bool) -> bool:
    """Whether a cell that stands so is to be computed; failed ones only on demand."""
    return outcome.status not in FINISHED and (outcome.status != "failed" or retry_failed)


def local(
    cells: Iterable[Cell],
    store: ResultStore,
    world: World,
    board: Board,
    *,
    retry_failed: bool = False,
    run: CellRunner | None = None,
) -> Iterator[Outcome]:
    """Compute, in this process, the cells that are pending.

    A cell that fails is recorded and the next one begins.

    Args:
        cells: the grid.
        store: where results lie.
        world: handed to every cell.
        board: told how far it is.
        retry_failed: also compute cells that failed before.
        run: computes one cell; `bench.driver.run_cell` by default.

    Yields:
        Every cell's outcome, in order.

    Raises:
        BenchError: two methods failed on the same bad input, so it concerns the whole run.
        KeyboardInterrupt: after the cell at work was marked as interrupted.
    """
    runner = run or _driver()
    blame = Blame()
    for cell in cells:
        outcome = existing(cell, store, world.evaluators)
        if is_pending(outcome, retry_failed):
            progress = board.cell(cell.label())
            outcome = run_and_record(cell, store, world, progress, runner)
            board.finished(cell.label(), outcome.status or "", outcome.reason)
        yield outcome
        blame.check(outcome)


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


def _driver() -> CellRunner:
    from bench.driver import run_cell

    return run_cell


def run_and_record(cell: Cell, store: ResultStore, world: World, progress: Progress, run: CellRunner) -> Outcome:
    """Compute one cell; whatever becomes of it stands in its status.

    Raises:
        KeyboardInterrupt: after the cell was marked as interrupted.
    """
    try:
        status = run(cell, store, world, progress)
    except KeyboardInterrupt:
        _record(cell, store, "interrupted", "")
        raise
    except BenchError as error:
        return _record(cell, store, "failed", str(error))
    except Exception:  # whatever a method does, the grid goes on
        return _record(cell, store, "failed", traceback.format_exc())
    return Outcome(cell, status, store.status(cell.id())[1])


def _record(cell: Cell, store: ResultStore, status: Status, reason: str) -> Outcome:
    if not (store.folder(cell.id()) / "cell.json").exists():
        store.start(cell, {})
    store.finish(cell.id(), status, reason)
    return Outcome(cell, status, reason)


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """0 if no cell failed, 1 if one crashed, else 2: bad input."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if any(outcome.crashed for outcome in failed):
        return 1
    return 2 if failed else 0

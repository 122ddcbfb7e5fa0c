"""What a worker does with one cell: claim it, compute it, write how it stands; what goes wrong in it stays there."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bench.config.cell import Cell
from bench.ground.atomic import sweep
from bench.ground.errors import BenchError, StorageError
from bench.store import claims
from bench.store.outcomes import Outcome, existing, is_pending
from bench.store.shards import ResultStore, Status

if TYPE_CHECKING:
    from bench.compute.world import World
    from bench.ground.progress import Progress

    CellRunner = Callable[[Cell, ResultStore, World, Progress], Status]


class Tasks(Protocol):
    """What is done with the cells of one run, or of several that are computed together."""

    @property
    def began(self) -> float:
        """When this computation began, seconds of the epoch."""
        ...

    @property
    def device(self) -> str:
        """Where models run."""
        ...

    @property
    def retry_failed(self) -> bool:
        """Whether cells that failed before are computed again."""
        ...

    def of(self, cell: Cell) -> Task:
        """What is done with one of them."""
        ...

    def label(self, cell: Cell) -> str:
        """What the display calls it."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A cell has been computed here."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker does with a cell.

    Attributes:
        store: where results lie.
        world: handed to every cell.
        retry_failed: also compute cells that failed before `began`.
        began: when this run began, seconds of the epoch.
        run: computes one cell; `bench.compute.driver.run_cell` where None.
    """

    store: ResultStore
    world: World
    retry_failed: bool = False
    began: float = field(default_factory=time.time)
    run: CellRunner | None = None

    @property
    def device(self) -> str:
        """Where models run."""
        return self.world.device

    def of(self, cell: Cell) -> Task:
        """What is done with one of the cells; see `Tasks`."""
        return self

    def label(self, cell: Cell) -> str:
        """What the display calls it."""
        return cell.label()

    def ended(self, outcome: Outcome) -> None:
        """Nothing is left to do; see `Tasks`."""

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
            found = self.existing(cell)
            if not is_pending(found, self.retry_failed and found.when < self.began):
                return found
            sweep(self.store.folder(cell.id()))
            return self._run(cell, _Told(self.store, cell.id(), progress))

    def existing(self, cell: Cell) -> Outcome:
        """How it stands."""
        return existing(cell, self.store, self.world.evaluators)

    def _run(self, cell: Cell, progress: Progress) -> Outcome:
        from bench.compute.driver import run_cell

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

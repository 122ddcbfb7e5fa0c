"""Several runs computed as one: one order of work, one set of workers, and what runs share computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.compute.engine import compute
from bench.compute.session import enter, placed, spread_over
from bench.compute.task import Task
from bench.compute.where import Where
from bench.compute.world import make_world
from bench.config.cell import Cell
from bench.ground.progress import Display, Left, TimeLeft
from bench.ground.rows import Kept
from bench.model.loading import quiet_libraries
from bench.plan import siblings
from bench.plan.planning import Plan
from bench.plan.together import Job, jobs, merged
from bench.store import claims
from bench.store.outcomes import Outcome, is_pending
from bench.store.status import time_left

if TYPE_CHECKING:
    from bench.model.placement import DeviceMap


@dataclass(frozen=True, slots=True)
class Parts:
    """What is done with the cells of several runs: each as its run has it.

    Attributes:
        tasks: of every run.
        names: of the runs, for displays.
        number: of the run that computes a cell, by the cell's id.
    """

    tasks: Sequence[Task]
    names: Sequence[str]
    number: Mapping[str, int]

    @property
    def began(self) -> float:
        """See `bench.compute.task.Tasks`."""
        return self.tasks[0].began

    @property
    def device(self) -> str:
        """See `bench.compute.task.Tasks`."""
        return self.tasks[0].device

    @property
    def retry_failed(self) -> bool:
        """See `bench.compute.task.Tasks`."""
        return self.tasks[0].retry_failed

    def of(self, cell: Cell) -> Task:
        """See `bench.compute.task.Tasks`."""
        return self.tasks[self.number[cell.id()]]

    def label(self, cell: Cell) -> str:
        """With the name of its run, for two runs may have cells that are called the same."""
        name = self.names[self.number[cell.id()]]
        return f"{name} · {cell.label()}" if name else cell.label()


def execute_all(
    plans: Sequence[Plan],
    display: Display,
    mine: Sequence[Job] | None = None,
    device: str = "auto",
    retry_failed: bool = False,
    where: Where | None = None,
    join: bool = False,
    device_map: str | DeviceMap | None = None,
    answers: Kept = "failed",
) -> list[Outcome]:
    """Compute what is pending of several runs; the arguments are those of `bench.compute.session.execute`.

    Args:
        plans: the runs, in order of work.
        display: shows the course.
        mine: the cells of this share of the work, of `jobs`; None: all. With `join` the others come after them.
        device: see `session.execute`.
        retry_failed: likewise.
        where: likewise.
        join: likewise; a share shares the runs' folders in any case.
        device_map: likewise.
        answers: likewise.

    Returns:
        How every cell stands afterwards that was to be computed, in order of work, each once.

    Raises:
        BenchError: see `session.execute`.
        StorageError: likewise.
        KeyboardInterrupt: likewise.
    """
    where, spread = spread_over(device_map, where or Where())
    every = jobs(plans)
    for planned in plans:
        enter(planned, display)
    wanted = _in_order(every, mine, join)
    parts = [Task(each.store, make_world(each, placed(device, where), spread, answers), retry_failed) for each in plans]
    names = [planned.grid.name if planned.grid else "" for planned in plans]
    task = Parts(parts, names, {job.cell.id(): job.number for job in every})
    cells = [job.cell for job in wanted]
    before = [task.of(cell).existing(cell) for cell in cells]
    pending = sum(is_pending(outcome, retry_failed) for outcome in before)
    display.note(_course(plans, len(every), len(cells), pending))
    if not pending:
        outcomes = before
    else:
        with ExitStack() as held:
            for planned in plans:
                held.enter_context(claims.sole(planned.store.root, join or mine is not None))
            chosen = where.make(merged(plans), task, pending, display.note)
            with quiet_libraries(), display.board(pending, _left(plans, task, every)) as board:
                outcomes = compute(cells, task, board, chosen)
    for planned in plans:
        _share(planned)
    return outcomes


def _in_order(every: Sequence[Job], mine: Sequence[Job] | None, join: bool) -> list[Job]:
    """The cells of this share, then, where it joins the others, theirs."""
    if mine is None:
        return list(every)
    own = {job.cell.id() for job in mine}
    return [*mine, *(job for job in every if join and job.cell.id() not in own)]


def _course(plans: Sequence[Plan], every: int, wanted: int, pending: int) -> str:
    name = plans[0].grid.of if plans[0].grid else plans[0].spec.name
    share = f", {wanted} in this share" if wanted < every else ""
    runs = f" in {len(plans)} runs" if len(plans) > 1 else ""
    return f"{name}: {every} cells{runs}{share}, {pending} to compute"


def _left(plans: Sequence[Plan], task: Parts, every: Sequence[Job]) -> TimeLeft:
    """The time left of the cells of all runs."""
    labels: list[dict[str, str]] = [{} for _ in plans]
    for job in every:
        labels[job.number][job.cell.id()] = task.label(job.cell)
    clocks = [time_left(planned.store.root, named) for planned, named in zip(plans, labels, strict=True)]

    def left() -> dict[str, Left]:
        return {label: each for clock in clocks for label, each in clock().items()}

    return left


def _share(planned: Plan) -> None:
    """Take over what the other runs have computed of a run by now."""
    with claims.writing(planned.store.root):
        siblings.take_over(planned.cells, planned.store, planned.evaluators, begun=True)

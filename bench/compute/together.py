"""Several runs computed as one: one order of work, one set of workers, and what runs share computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.compute.task import Task
from bench.config.cell import Cell
from bench.ground.progress import Left, TimeLeft
from bench.plan import siblings
from bench.plan.planning import Plan
from bench.plan.together import Job
from bench.store import claims
from bench.store.outcomes import Outcome
from bench.store.shards import FINISHED
from bench.store.status import time_left


@dataclass(frozen=True, slots=True)
class Parts:
    """What is done with the cells of several runs: each as the run has it that computes it.

    Attributes:
        plans: the runs.
        tasks: of every run.
        number: of the run that computes a cell, by the cell's id.
    """

    plans: Sequence[Plan]
    tasks: Sequence[Task]
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
        grid = self.plans[self.number[cell.id()]].grid
        return f"{grid.name} · {cell.label()}" if grid else cell.label()

    def ended(self, outcome: Outcome) -> None:
        """Hand the cell on to the other runs that ask for it.

        Raises:
            StorageError: a run's folder cannot be written.
        """
        name = outcome.cell.id()
        for number, planned in enumerate(self.plans):
            if outcome.status in FINISHED and number != self.number[name]:
                share(planned, [cell for cell in planned.cells if cell.id() == name])

    def left(self, every: Sequence[Job]) -> TimeLeft:
        """The time left of the cells of all runs."""
        labels: list[dict[str, str]] = [{} for _ in self.plans]
        for job in every:
            labels[job.number][job.cell.id()] = self.label(job.cell)
        clocks = [time_left(planned.store.root, named) for planned, named in zip(self.plans, labels, strict=True)]

        def left() -> dict[str, Left]:
            return {label: each for clock in clocks for label, each in clock().items()}

        return left


def share(planned: Plan, cells: Sequence[Cell]) -> None:
    """Take over what other runs have finished of some of a run's cells, also where it had begun one itself.

    Raises:
        StorageError: the run's folder cannot be written.
    """
    if cells:
        with claims.writing(planned.store.root):
            siblings.take_over(cells, planned.store, planned.evaluators, begun=True)


def in_order(every: Sequence[Job], mine: Sequence[Job] | None, join: bool) -> list[Job]:
    """The cells of a share, then, where it joins the others, theirs; all where there are no shares."""
    if mine is None:
        return list(every)
    own = {job.cell.id() for job in mine}
    return [*mine, *(job for job in every if join and job.cell.id() not in own)]


def course(plans: Sequence[Plan], every: int, wanted: int, pending: int) -> str:
    """What is going to be computed, in a line."""
    name = plans[0].grid.of if plans[0].grid else plans[0].spec.name
    part = f", {wanted} in this share" if wanted < every else ""
    runs = f" in {len(plans)} runs" if len(plans) > 1 else ""
    return f"{name}: {every} cells{runs}{part}, {pending} to compute"

"""Where a run is computed: which engine, and how many cells at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.compute.engine import Engine, InProcess
from bench.compute.resources import Resources
from bench.compute.task import Tasks
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.model.threads import SMALL_MODEL

if TYPE_CHECKING:
    from bench.plan.planning import Plan

ENGINES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class Where:
    """Where cells are computed, as it was asked for.

    Attributes:
        engine: "local" (processes of this machine) or "ray" (tasks of a cluster).
        workers: cells at the same time; None: `default_workers`, or as many as the cluster has room for.
        address: of the Ray cluster, see `bench.compute.cluster.Cluster`.
        cell_resources: what every cell asks it for, see `Resources.parse`.

    Raises:
        BenchError: no such engine or resources, or something that is of no use to the local one.
    """

    engine: str = "local"
    workers: int | None = None
    address: str | None = None
    cell_resources: str | None = None

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise unknown("engine", self.engine, ENGINES)
        for option, given in {"--address": self.address, "--cell-resources": self.cell_resources}.items():
            if given is not None and not self.is_cluster:
                raise BenchError(f"{option} is for --engine ray")
        Resources.parse(self.cell_resources or "")

    @property
    def is_cluster(self) -> bool:
        """Whether machines have devices of their own."""
        return self.engine == "ray"

    def make(self, planned: Plan, task: Tasks, pending: int, note: Callable[[str], None]) -> Engine:
        """The engine.

        Args:
            planned: the run.
            task: what is done with a cell.
            pending: how many cells there are.
            note: says a line beside the course of the run.

        Raises:
            BenchError: see `bench.compute.cluster.Cluster`.
        """
        if self.is_cluster:
            from bench.compute.cluster import Cluster
            from bench.plan.needs import Needs

            asked = Resources.parse(self.cell_resources or "")
            return Cluster(task, asked, Needs(planned, "cpu").need, note, self.address, self.workers)
        from bench.compute.pool import Pool

        side_by_side = min(self.workers or default_workers(planned, task.device), pending)
        return InProcess(task) if side_by_side == 1 else Pool(task, side_by_side)


def default_workers(planned: Plan, device: str) -> int:
    """One cell per processor core where models are small, else one at a time: a GPU and memory are shared badly."""
    from bench.model import catalog

    entries = [catalog.resolve(name) for name in dict.fromkeys(cell.model.name for cell in planned.cells)]
    # what a package ships is never small, and to look at it must not convert it
    places = [None if each.source == "package" else catalog.fetch(each, planned.cache_dir) for each in entries]
    sizes = [sum(f.stat().st_size for f in place.iterdir()) if isinstance(place, Path) else None for place in places]
    small = all(size is not None and size < SMALL_MODEL for size in sizes)
    return (os.cpu_count() or 1) if small and device == "cpu" else 1

"""Several runs planned as one: what they share is looked up once, and computed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.config.cell import Cell
from bench.config.several import Several
from bench.ground.errors import BenchError
from bench.plan import contents, planning
from bench.plan.contents import Contents
from bench.plan.planning import Grid, Plan

Scored = tuple[tuple[str, Mapping[str, Any]], ...]
"""Evaluators with their options."""


@dataclass(frozen=True, slots=True)
class Job:
    """A cell of several runs, and the one of them that computes it; the others take it over.

    Attributes:
        number: of the run that computes it.
        first: of the run that asks for it first.
    """

    cell: Cell
    number: int
    first: int


def plan_all(
    several: Several,
    results_dir: Path,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
    trust_remote_code: Iterable[str] = (),
) -> list[Plan]:
    """Resolve and check runs; the arguments are those of `bench.plan.planning.plan`.

    Raises:
        BenchError: see there; or two runs ask the same cell in ways that exclude each other.
    """
    cache = cache_dir or planning.default_cache_dir()
    names = [model for spec in several.runs.values() for part in spec.grids() for model in part.models]
    trusted = contents.trusted_models(trust_remote_code, names)
    known = Contents.found(data_dir, cache, trusted)
    plans = []
    for spec in several.runs.values():
        own = [name for name in trusted if any(name in part.models for part in spec.grids())]
        plans.append(planning.plan(spec, results_dir, data_dir, cache, own, known))
    return _numbered(several, plans)


def sketch_all(several: Several, results_dir: Path, cache_dir: Path | None = None) -> list[Plan]:
    """Runs by names alone, see `bench.plan.planning.sketch`.

    Raises:
        BenchError: unknown names, or invalid settings.
    """
    return _numbered(several, [planning.sketch(spec, results_dir, cache_dir) for spec in several.runs.values()])


def _numbered(several: Several, plans: Sequence[Plan]) -> list[Plan]:
    if several.is_one:
        return list(plans)
    grids = (Grid(several.name, name, number) for number, name in enumerate(several.runs, 1))
    return [replace(planned, grid=grid) for planned, grid in zip(plans, grids, strict=True)]


def jobs(plans: Sequence[Plan]) -> list[Job]:
    """All cells, each once, in the order in which runs ask for them.

    A cell is computed for the first run whose evaluators have those of all others that ask for it.

    Raises:
        BenchError: no run has the evaluators of all others.
    """
    asking: dict[str, dict[int, Cell]] = {}
    for number, planned in enumerate(plans):
        for cell in planned.cells:
            asking.setdefault(cell.id(), {})[number] = cell
    return [_job(plans, cells) for cells in asking.values()]


def _job(plans: Sequence[Plan], cells: Mapping[int, Cell]) -> Job:
    """One cell, by the numbers of the runs that ask for it."""
    first, cell = next(iter(cells.items()))
    for number, own in cells.items():
        if all(_has(plans[number].evaluators, plans[other].evaluators) for other in cells):
            return Job(own, number, first)
    runs = ", ".join(plans[number].spec.name for number in cells)
    raise BenchError(f"{runs} have the same cells ({cell.label()}), and evaluators of which none has those of the rest")


def _has(mine: Scored, theirs: Scored) -> bool:
    known = dict(mine)
    return all(name in known and known[name] == options for name, options in theirs)


def merged(plans: Sequence[Plan]) -> Plan:
    """What an engine and a prediction of memory need to know of all; not a run that can be computed itself."""
    evaluators = {name: (name, options) for planned in plans for name, options in planned.evaluators}
    models = tuple(dict.fromkeys(cell.model.name for planned in plans for cell in planned.cells))
    first = plans[0]
    spec = first.spec.model_copy(update={"models": models, "also": ()})
    found = [job.cell for job in jobs(plans)]
    return replace(first, spec=spec, cells=found, evaluators=tuple(evaluators.values()))

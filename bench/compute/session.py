"""A whole run, as the command line and `bench.run` do it: plan, check, compute, report what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from bench.compute.engine import compute
from bench.compute.task import Task
from bench.compute.together import Parts, course, in_order, share
from bench.compute.where import Where
from bench.compute.world import make_world
from bench.config.cell import SCHEMA_VERSION
from bench.ground.atomic import read_json, sweep, write_json
from bench.ground.errors import BenchError, in_short
from bench.ground.progress import Display
from bench.ground.rows import Kept
from bench.model.devices import check_device, choose_device
from bench.model.loading import quiet_libraries
from bench.plan import siblings
from bench.plan.planning import Plan
from bench.plan.together import Job, jobs, merged
from bench.store import claims
from bench.store.outcomes import Outcome, existing, is_pending
from bench.store.records import read_run
from bench.store.results import PLACE, listed

if TYPE_CHECKING:
    from bench.model.placement import DeviceMap


def execute(
    planned: Plan,
    display: Display,
    device: str = "auto",
    retry_failed: bool = False,
    where: Where | None = None,
    join: bool = False,
    device_map: str | DeviceMap | None = None,
    answers: Kept = "failed",
) -> list[Outcome]:
    """Compute the cells that are pending.

    Args:
        planned: what to run.
        display: shows the course of the run.
        device: see `choose_device`.
        retry_failed: also compute cells that failed before.
        where: cells are computed; by default in processes of this machine.
        join: share the work with another process that computes this run.
        device_map: spreads every model over all devices, so that this machine computes cells one at a time.
        answers: which answers are kept of the cells that are computed now.

    Returns:
        How every cell stands afterwards.

    Raises:
        BenchError: another process computes this run, or bad input that concerns the whole run.
        StorageError: the folder cannot be written, or is full.
        KeyboardInterrupt: what was computed is kept.
    """
    return execute_all([planned], display, None, device, retry_failed, where, join, device_map, answers)


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
    """Compute what is pending of several runs as if they were one.

    Args:
        plans: the runs, in order of work.
        display: see `execute`, as for all that follow.
        mine: the cells of this share of the work; None: all. With `join` the others come after them.
        device: where models run.
        retry_failed: also compute cells that failed before.
        where: cells are computed.
        join: share the work with other processes; a share does so in any case.
        device_map: spreads every model.
        answers: which are kept.

    Returns:
        How every cell stands afterwards that was to be computed, each once, in order of work.

    Raises:
        BenchError: see `execute`.
        StorageError: likewise.
        KeyboardInterrupt: likewise.
    """
    where, spread = spread_over(device_map, where or Where())
    for planned in plans:
        enter(planned, display)
    every = jobs(plans)
    wanted = in_order(every, mine, join)
    outcomes = [existing(job.cell, plans[job.number].store, plans[job.number].evaluators) for job in wanted]
    pending = sum(is_pending(outcome, retry_failed) for outcome in outcomes)
    if pending:
        worlds = [make_world(planned, placed(device, where), spread, answers) for planned in plans]
        tasks = [Task(planned.store, world, retry_failed) for planned, world in zip(plans, worlds, strict=True)]
        task = Parts(plans, tasks, {job.cell.id(): job.number for job in every})
        with ExitStack() as held:
            for planned in plans:
                held.enter_context(claims.sole(planned.store.root, join or mine is not None))
            display.note(course(plans, len(every), len(wanted), pending))
            chosen = where.make(merged(plans), task, pending, display.note)
            with quiet_libraries(), display.board(pending, task.left(every)) as board:
                outcomes = compute([job.cell for job in wanted], task, board, chosen)
    if len(plans) > 1:
        # what other processes have computed
        for planned in plans:
            share(planned, planned.cells)
    return outcomes


def placed(device: str, where: Where) -> str:
    """The device of this machine, or what machines of a cluster are asked for.

    Raises:
        BenchError: there is no such device.
    """
    return check_device(device) if where.is_cluster else choose_device(device)


def enter(planned: Plan, display: Display) -> None:
    """Enter the plan's cells in the run's folder, with what other runs have computed of them."""
    with claims.writing(planned.store.root):
        sweep(planned.store.root, below=False)
        for run, count in siblings.take_over(planned.cells, planned.store, planned.evaluators).items():
            display.note(f"{planned.spec.name}: {count} cells taken over from {run}")
        path, record = planned.store.root / "run.json", run_record(planned)
        if not path.exists() or read_json(path) != record:
            write_json(path, record)


def spread_over(given: str | DeviceMap | None, where: Where) -> tuple[Where, DeviceMap | None]:
    """What spreads the models, and where that leaves room for cells.

    Raises:
        BenchError: no such device map, or cells are to be computed side by side.
    """
    if given is None:
        return where, None
    from bench.model.placement import device_map

    if (where.workers or 1) > 1 and not where.is_cluster:
        raise BenchError("a device map gives all devices to one model; leave out --workers")
    found = device_map(given) if isinstance(given, str) else given
    return where if where.is_cluster else replace(where, workers=1), found


def run_record(planned: Plan) -> dict[str, Any]:
    """Contents of run.json: the specification, and the cells that count.

    Cells of earlier calls stay, unless one of this call stands in the same place of a table.
    """
    path = planned.store.root / "run.json"
    now = {cell.id(): listed(cell) for cell in planned.cells}
    # a model or a file of facts may have another name by now
    earlier = [now.get(cell["cell"], cell) for cell in read_run(path)["cells"] or ()] if path.exists() else []
    by_place = {tuple(cell[key] for key in PLACE): cell for cell in [*earlier, *now.values()]}
    spec = planned.spec.model_dump(mode="json")
    which = {"grid": asdict(planned.grid)} if planned.grid else {}
    return {"schema_version": SCHEMA_VERSION, **spec, **which, "cells": list(by_place.values())}


def failure_line(outcomes: Iterable[Outcome], run_name: str) -> str:
    """One line about the cells that failed, "" if none did."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if not failed:
        return ""
    first = failed[0]
    again = "; add --retry-failed to compute it again" if first.reused else ""
    more = f" (and {len(failed) - 1} more: bench status {run_name})" if len(failed) > 1 else ""
    return f"{first.cell.label()} failed: {in_short(first.reason)}{again}{more}"

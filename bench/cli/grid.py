"""``bench run`` for several runs as one, and for shares of a grid: the plan that it prints, and its course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bench.cli import options
from bench.cli.echo import complain, echo, echo_table
from bench.config.rooms import room
from bench.ground.errors import BenchError

if TYPE_CHECKING:
    from bench.config.several import Several
    from bench.plan.hours import Machine, Predicted
    from bench.plan.planning import Plan
    from bench.plan.shares import Share
    from bench.plan.together import Job
    from bench.store.outcomes import Outcome

TRACED = "figure5"
"""The part of the paper that is no grid: causal tracing."""


def plans_of(several: Several, sketched: bool, *where: Any) -> list[Plan]:
    """Plans of all runs.

    Args:
        several: the runs.
        sketched: where models or data are not there, names will do.
        where: further arguments of `bench.plan.together.plan_all`: folders, and models whose code is run.

    Raises:
        BenchError: unknown names, invalid settings, malformed or missing data.
    """
    from bench.plan.together import plan_all, sketch_all

    try:
        return plan_all(several, *where)
    except BenchError as error:
        if not sketched:
            raise
        found = sketch_all(several, where[0], where[2])
        complain(f"{error}; planned by names alone, so what exists already is not known")
        return found


def shares_of(plans: Sequence[Plan], every: Sequence[Job], of: int) -> list[list[Job]]:
    """The cells of every share, in order of work."""
    from bench.plan.hours import weight
    from bench.plan.shares import split

    machine = published()
    parts = [[job for job in every if job.first == number] for number in range(len(plans))]
    costs = [[weight(job.cell, plans[job.number].evaluators, machine) for job in part] for part in parts]
    return [
        [parts[number][place] for number, places in enumerate(share) for place in places] for share in split(costs, of)
    ]


# ---------------------------------------------------------------------------- what machines take
def published() -> Machine:
    """What the paper prints of a step, by fact."""
    room("reports")
    from bench.plan.hours import Machine
    from reports.numbers import paper

    rows = paper.read("cost.csv")[["model", "method", "seconds", "machine"]].itertuples(index=False, name=None)
    found = {(model, method): (float(seconds) / paper.FACTS, machine) for model, method, seconds, machine in rows}
    (name,) = {machine for _, machine in found.values()}
    seconds = {key: each for key, (each, _) in found.items()}
    models = paper.read("models.csv")
    hubs = dict(zip(models["model"], models["hub"], strict=True))
    by_hub = {(hubs[model], method): each for (model, method), each in seconds.items()}
    return Machine(f"{name}, published", {**seconds, **by_hub})


def machines(results_dir: Path) -> list[Machine]:
    """The published one, and those that `bench cost` has measured below the results folder."""
    room("reports")
    from bench.plan.hours import Machine
    from reports.numbers.measured import machines_of

    return [published(), *(Machine(name, seconds) for name, seconds in machines_of(results_dir).items())]


# ---------------------------------------------------------------------------- the plan
@dataclass
class _Part:
    """One run in the plan."""

    planned: Plan
    jobs: list[Job] = field(default_factory=list)
    todo: list[Job] = field(default_factory=list)


def show_plan(plans: Sequence[Plan], share: Share | None, retry_failed: bool, device: str, answers: str) -> None:
    """What the runs will take: cells, hours by kind of machine, disk; in order of work, with what is ready when."""
    from bench.plan.together import jobs, merged
    from bench.store.outcomes import existing, is_pending

    every = jobs(plans)
    mine = shares_of(plans, every, share.of)[share.number - 1] if share else every
    parts = [_Part(planned, [job for job in mine if job.first == number]) for number, planned in enumerate(plans)]
    for part in parts:
        for job in part.jobs:
            runs = plans[job.number]
            if is_pending(existing(job.cell, runs.store, runs.evaluators), retry_failed):
                part.todo.append(job)
    kinds = machines(plans[0].store.root.parent)
    _show_grids(plans, parts, kinds, share)
    _show_needs(merged(plans), parts, device, answers)
    _show_shares(plans, every, share, kinds[0])
    _show_trace(plans)


def _show_grids(plans: Sequence[Plan], parts: Sequence[_Part], kinds: Sequence[Machine], share: Share | None) -> None:
    from bench.plan.hours import Predicted

    rows: list[tuple[object, ...]] = []
    ready = [Predicted() for _ in kinds]
    edits = 0
    for part in parts:
        own = [_hours(plans, part.todo, kind) for kind in kinds]
        ready = [before + now for before, now in zip(ready, own, strict=True)]
        count = sum(job.cell.schedule.edits() for job in part.todo if job.cell.method.name != "none")
        edits += count
        cells = part.planned.cells
        shared = "" if share else len(cells) - len(part.jobs)
        times = [text for now, then in zip(own, ready, strict=True) for text in (_told(now), _told(then))]
        rows.append((_name(part.planned), len(part.jobs), shared, len(part.todo), count, *times))
    header = ("grid", "cells", "shared", "to do", "edits")
    echo_table((*header, *(text for kind in kinds for text in (f"hours, {kind.name}", "ready after"))), rows)
    whole = sum(len(part.jobs) for part in parts)
    todo = sum(len(part.todo) for part in parts)
    of = f"share {share.number} of {share.of}: " if share else ""
    runs = f" in {len(plans)} runs, in this order" if len(plans) > 1 else ""
    echo(f"{of}{whole} cells{runs}: {todo} to compute, {edits} edits")
    for kind, hours in zip(kinds, ready, strict=True):
        echo(f"{kind.name}: {_told(hours, ' h')}, cell after cell; loading models and making statistics come on top")


def _hours(plans: Sequence[Plan], todo: Sequence[Job], kind: Machine) -> Predicted:
    from bench.plan.hours import Predicted, predicted

    return sum((predicted(job.cell, plans[job.number].evaluators, kind) for job in todo), Predicted())


def _told(found: Predicted, unit: str = "") -> str:
    """Hours, and whose are missing."""
    if not found.unknown:
        return f"{found.hours:.1f}{unit}"
    return f"{found.hours:.1f}{unit} without {', '.join(found.unknown)}" if found.hours else "unknown"


def _show_needs(whole: Plan, parts: Sequence[_Part], device: str, answers: str) -> None:
    from bench.cli.listing import size_text
    from bench.model.devices import choose_device
    from bench.plan.needs import Needs

    needed = Needs(whole, choose_device(device))
    todo = [job.cell for part in parts for job in part.todo]
    memory, disk = ([need(cell) for cell in todo] for need in (needed.memory, needed.disk))
    for text, found in (("memory of the largest cell", memory), ("checkpoints of the largest cell", disk)):
        known = [each for each in found if each is not None]
        echo(f"{text}: {size_text(max(known)) if known else 'unknown'}")
    # of a shared cell they stay where it is computed
    kept = [needed.kept([job.cell for job in part.jobs]) for part in parts]
    staying = sum(each for each in kept if each is not None) if None not in kept else None
    echo(f"checkpoints that stay, of the first seed of each row: {size_text(staying)}")
    if answers != "none":
        echo(f"answers ({answers}), about: {size_text(needed.answers(todo))}")


def _show_shares(plans: Sequence[Plan], every: Sequence[Job], share: Share | None, kind: Machine) -> None:
    if share is None:
        return
    rows = []
    for number, own in enumerate(shares_of(plans, every, share.of), 1):
        first = [job for job in own if job.first == 0]
        hours = (_told(_hours(plans, jobs, kind)) for jobs in (first, own))
        rows.append((f"{number}/{share.of}", len(own), *hours))
    echo_table(("shard", "cells", f"hours of {_name(plans[0])}", f"of all, {kind.name}"), rows)


def _show_trace(plans: Sequence[Plan]) -> None:
    """Figure 5 is a command of its own; below this name the report finds it."""
    which = plans[0].grid
    if which is None or len(plans[0].spec.models) != 1 or len(plans) == 1:
        return
    place = plans[0].store.root.parent / f"{which.of}.{TRACED}"
    echo(f"Figure 5 is no grid: bench trace {plans[0].spec.models[0]} --out {place}")


def _whole_name(plans: Sequence[Plan]) -> str:
    return plans[0].grid.of if plans[0].grid else plans[0].spec.name


def _name(planned: Plan) -> str:
    return planned.grid.name if planned.grid else planned.spec.name


# ---------------------------------------------------------------------------- shards
def gather_command(sources: options.Sources, results_dir: options.ResultsDir = Path("results")) -> None:
    """Put shards together that were computed into results folders of their own, so that `bench report` reads all."""
    from bench.plan.gathering import gather

    found = gather(sources, results_dir)
    for run, now in found.items():
        missing = f", {now.whole - now.finished} missing" if now.finished < now.whole else ""
        echo(f"{run}: {now.finished} of {now.whole} cells, {now.copied} of them new{missing}")
    echo(f"{sum(now.copied for now in found.values())} cells gathered in {results_dir}")


# ---------------------------------------------------------------------------- the course
def compute(
    plans: Sequence[Plan], share: Share | None, choice: options.DisplayChoice | None, how: Mapping[str, Any]
) -> None:
    """Compute plans, say what came of it, leave with its exit code; `how` are arguments of `execute_all`."""
    from bench.cli.display import make_display
    from bench.compute.engine import exit_code
    from bench.compute.session import execute_all, failure_line
    from bench.ground import signals
    from bench.plan.together import jobs

    display = make_display(choice.value if choice else None)
    mine = shares_of(plans, jobs(plans), share.of)[share.number - 1] if share else None
    try:
        with signals.terminable():
            outcomes = execute_all(plans, display, mine, **how)
    except KeyboardInterrupt as stop:
        complain("interrupted; run the same command again to go on where it stopped")
        raise typer.Exit(signals.exit_code(stop)) from None
    for line in course_lines(plans, outcomes, shared=share is not None or plans[0].grid is not None):
        display.note(line)
    if failed := failure_line(outcomes, _whole_name(plans)):
        complain(failed)
    raise typer.Exit(exit_code(outcomes))


def course_lines(plans: Sequence[Plan], outcomes: Sequence[Outcome], shared: bool) -> list[str]:
    """What came of it: cells, what other shares have still to do, the command that comes next."""
    from bench.plan import planning
    from bench.plan.together import jobs
    from bench.store.outcomes import existing, is_pending

    reused = sum(outcome.reused for outcome in outcomes)
    left = 0
    # of a run that is whole, the outcomes are those of all its cells
    for job in jobs(plans) if shared else ():
        runs = plans[job.number]
        left += is_pending(existing(job.cell, runs.store, runs.evaluators), retry_failed=False)
    root = plans[0].store.root
    where = root.parent if shared else root
    place = "" if root.parent == planning.RESULTS_DIR else f" --results-dir {root.parent}"
    return [
        f"{len(outcomes)} cells in {where}{f' ({reused} from before)' if reused else ''}",
        *([f"{left} cells are left to other shares, as far as this folder tells"] if left else []),
        f"next: bench report {_whole_name(plans)}{place}",
    ]

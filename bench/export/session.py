"""``bench edit`` and ``bench export``: a model edited with facts of the user's own, or as a run's cell has left it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bench.api import Fact, Method
from bench.compute import checkpoint, driver, precheck, verify
from bench.compute.driver import CellContext, Work
from bench.compute.world import World, verifying_world
from bench.config.cell import Cell
from bench.config.registry import Registry, methods, validation_message
from bench.config.run import RunSpec
from bench.config.settings import resolve
from bench.data import datasets, stream
from bench.data.stream import EditStream, Step
from bench.export import folder, lowrank
from bench.export.taking import Order, Taken, beside_the_model, take
from bench.ground.errors import BenchError
from bench.model.loading import quiet_libraries
from bench.plan import contents, planning
from bench.store.records import read_cell
from bench.store.shards import FINISHED, ResultStore

if TYPE_CHECKING:
    from bench.ground.progress import Display

NAMED = 12
"""Most cells that an error names."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, as the command line has it.

    Attributes:
        out: folder to write.
        full: the whole model, too.
        low_rank: rank or relative error of an adapter, or None.
        guard: file of facts whose answers should stay.
        force: the folder may hold something.
    """

    out: Path
    full: bool = False
    low_rank: str | None = None
    guard: Path | None = None
    force: bool = False

    def order(self, model: str) -> Order:
        """The same, checked and read; nothing is loaded or written yet.

        Raises:
            BenchError: the folder is not to be written to, or bad input.
        """
        wanted = lowrank.wanted(self.low_rank) if self.low_rank is not None else None
        stale = folder.check(self.out, self.force, model)
        guard = stream.all_of(str(self.guard), 0) if self.guard else []
        return Order(self.out, stale, self.full, wanted, tuple(guard), str(self.guard or ""))


# ---------------------------------------------------------------------------- edit
def plan(method: str, model: str, facts: Path, settings: Mapping[str, object], seed: int) -> tuple[RunSpec, list[Fact]]:
    """What `edit` does: a run of one cell, and all facts of a file.

    Args:
        method: one, by name.
        model: as for `bench.model.catalog.resolve`.
        facts: file of facts.
        settings: further fields of `RunSpec`.
        seed: of all draws.

    Raises:
        BenchError: unknown names, invalid settings, malformed facts.
    """
    found = stream.all_of(str(facts), seed)
    languages = list(dict.fromkeys(fact.request.lang for fact in found))
    most = max(sum(fact.request.lang == lang for fact in found) for lang in languages)
    flags = {
        **settings, "methods": [method], "models": [model], "datasets": [str(facts)], "languages": languages,
        "seeds": 1, "first_seed": seed, "orders": ["blocked"], "edits_per_language": most,
    }  # fmt: skip
    spec = resolve(None, None, flags)
    if len(spec.methods) != 1:
        raise BenchError(f"one method edits a model, not {', '.join(spec.methods)}")
    refuse_none(spec.methods[0], methods())
    return spec, found


def planned_cell(spec: RunSpec, data_dir: Path | None, cache_dir: Path) -> Cell:
    """The one cell of a plan."""
    (cell,) = planning.cells(spec, methods(), data_dir, cache_dir)
    return cell


def edit(cell: Cell, facts: Sequence[Fact], order: Order, world: World, display: Display) -> Taken:
    """Edit a model with all facts, in their order, and take it home.

    Raises:
        BenchError: bad input, or an edit that leads nowhere; nothing is written then.
        StorageError: the folder cannot be written, or is full.
    """
    with quiet_libraries(), display.board(1) as board:
        progress = board.cell(cell.label())
        progress.stage("loading")
        work = _work(cell, facts, world)
        precheck.check_texts(work.model, order.guard, order.guard_name)
        progress.stage("preparing")
        state, _ = work.prepare(world)
        for step in work.stream.steps:
            progress.step(step.number - 1, len(work.stream), "editing")
            state, _ = work.edit(step, state)
        progress.step(len(work.stream), len(work.stream), "asking")
        taken = take(work, state, facts, order)
        board.finished(cell.label(), "done", "")
    return taken


def _work(cell: Cell, facts: Sequence[Fact], world: World) -> Work:
    """As `Work.load`, with all facts of a file in place of what a schedule takes of them."""
    size = cell.schedule.batch_size
    batches = (tuple(facts[i * size : (i + 1) * size]) for i in range(math.ceil(len(facts) / size)))
    steps = EditStream(tuple(Step(number, batch) for number, batch in enumerate(batches, start=1)))
    model = driver.load_model(cell, world)
    precheck.check(model, facts, cell)
    method: Method = world.methods.build(cell.method.name, cell.method.options)
    return Work(cell, CellContext(cell, datasets.data_folder(world.data_dir)), steps, {}, model, method, ())


# ---------------------------------------------------------------------------- export
def export(
    root: Path, given: str, wish: Wish, display: Display, device: str, data_dir: Path | None, cache_dir: Path
) -> Taken:
    """Take home the model of a finished cell, from its last checkpoint.

    Args:
        root: the run's folder.
        given: the cell's id, or how it begins.
        wish: what to write where.
        display: shows how far it is.
        device: see `bench.model.devices.choose_device`.
        data_dir: folder of downloaded data.
        cache_dir: statistics and converted models.

    Raises:
        BenchError: no such cell, or none that can be taken home; nothing is written then.
        StorageError: the folder cannot be written, or is full.
    """
    store = ResultStore(root)
    cell = find(store, given)
    world = verifying_world([cell.model.name], data_dir, cache_dir, device, ())
    _refuse(cell, store, world.methods)
    order = wish.order(cell.model.name)
    now = contents.as_now(cell, world.methods, world.data_dir, world.cache_dir)
    if now.id() != cell.id():
        raise BenchError(f"the cell was computed with another {verify.changed(cell, now)}", record=cell.id())
    with quiet_libraries(), display.board(1) as board:
        progress = board.cell(cell.label())
        progress.stage("loading")
        work = Work.load(cell, world)
        precheck.check_texts(work.model, order.guard, order.guard_name)
        progress.stage("preparing")
        state, _ = work.prepare(world)
        last = len(work.stream)
        place = driver.checkpoints(cell, store)
        if checkpoint.restore(place, cell.id(), work.model, state) != last:
            raise BenchError(f"no sound checkpoint of step {last}, the last", file=place)
        progress.step(last, last, "asking")
        taken = take(work, state, work.stream.seen(last), order)
        board.finished(cell.label(), "done", "")
    return taken


def find(store: ResultStore, given: str) -> Cell:
    """A cell of a run by its id, or by how that begins.

    Raises:
        BenchError: there is none, or several.
    """
    ids = sorted(path.parent.name for path in store.root.glob("*/cell.json"))
    found = [each for each in ids if each.startswith(given)] if given else []
    if len(found) == 1:
        path = store.folder(found[0]) / "cell.json"
        try:
            return Cell.model_validate(read_cell(path)["cell"])
        except ValidationError as error:
            raise BenchError(f"of another version: {validation_message(error, 'field')}", file=path) from error
    if found:
        raise BenchError(f"{len(found)} cells of {store.root} begin with '{given}'; give more of the id")
    raise BenchError(f"no cell '{given}' in {store.root}{_told(store, ids)}")


def _told(store: ResultStore, ids: Iterable[str]) -> str:
    """The cells that can be taken home, in a clause."""
    kept = [each for each in ids if any((store.folder(each) / "checkpoint").glob("*.safetensors"))]
    names = []
    for each in kept[:NAMED]:
        cell = read_cell(store.folder(each) / "cell.json")["cell"]
        names.append(f"{each} ({cell['method']['name']})")
    more = f" and {len(kept) - NAMED} more" if len(kept) > NAMED else ""
    return (
        f"; these have kept a checkpoint: {', '.join(names)}{more}" if names else "; none there has kept a checkpoint"
    )


def _refuse(cell: Cell, store: ResultStore, registry: Registry) -> None:
    """Refuse a cell that no model can be taken home of.

    Raises:
        BenchError: says why.
    """
    refuse_none(cell.method.name, registry)
    name = cell.id()
    if cell.schedule.independent:
        raise BenchError("its edits are independent: each has a model of its own, and none is kept", record=name)
    status, reason = store.status(name)
    if status == "diverged":
        raise BenchError(f"editing has ended early: {reason}; this is no model to take home", record=name)
    if status not in FINISHED:
        raise BenchError(f"the cell is {status or 'missing'}, not done; run it to its end first", record=name)
    if not any(driver.checkpoints(cell, store).glob("*.safetensors")):
        raise BenchError("the cell has kept no checkpoint; a run keeps those of its first seed", record=name)


def refuse_none(method: str, registry: Registry) -> None:
    """Refuse a method that edits nothing on purpose, or whose edits are no weights.

    Raises:
        BenchError: says which.
    """
    if getattr(registry.module(method), "EDITS_NOTHING", False):
        raise BenchError(f"method '{method}' edits nothing: there is nothing to take home")
    if registry.beside(method) is not None:
        raise BenchError(beside_the_model(method))

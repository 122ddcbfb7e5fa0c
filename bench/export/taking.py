"""From an edited model in memory to a folder: its changed matrices, what it says, and the whole of it if wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from bench.api import Fact, State
from bench.compute import driver
from bench.compute.environment import surroundings
from bench.data.sources.facts_file import SUFFIXES
from bench.export import answers, folder, lowrank
from bench.export.answers import EDITED, GUARD, Count, Question, Row
from bench.export.delta import FORMAT, Base, Delta
from bench.export.guard import Guard, chosen, usual
from bench.export.lowrank import Factors, Wanted
from bench.ground.atomic import filling, write_json, write_text
from bench.ground.errors import BenchError
from bench.ground.home import without_home
from bench.model import catalog
from bench.model.editable import EditableModel
from bench.model.failures import told_saving
from bench.model.hashes import tensor_hash, weights_hash
from bench.model.threads import steady_threads

LIBRARIES = ("torch", "transformers", "accelerate")
"""What models, and hooks on them, are made of when they are loaded."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written where.

    Attributes:
        out: the folder.
        stale: what an earlier edit has left there.
        full: the whole model, too.
        low_rank: the change in low rank, too.
        guard: facts whose answers should stay, of the user's own.
        guard_name: their file.
    """

    out: Path
    stale: tuple[str, ...] = ()
    full: bool = False
    low_rank: Wanted | None = None
    guard: tuple[Fact, ...] = ()
    guard_name: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken home.

    Attributes:
        rows: every question and its answers.
        guard: where those come from that should stay.
        sizes: relative size of every change, ||W - W0|| / ||W0||, by matrix.
        bytes: of the changed matrices.
        factors: the changes in low rank, by matrix.
        thick: changes that the adapter cannot hold; it was not written then.
    """

    rows: Sequence[Row]
    guard: str
    sizes: Mapping[str, float]
    bytes: int
    factors: Mapping[str, Factors]
    thick: tuple[str, ...] = ()

    def count(self, role: str) -> Count:
        """How many answers of a role are right or have changed."""
        return Count.of(self.rows, role)


def take(work: driver.Work, state: State, facts: Sequence[Fact], order: Order) -> Taken:
    """Write an edited model into a folder, all of it or nothing.

    Args:
        work: the model, edited, and how.
        state: of its method.
        facts: those that were edited.
        order: what to write.

    Raises:
        BenchError: editing has ended early, has changed nothing, or has changed more than weights.
        StorageError: the folder cannot be written, or is full.
    """
    model = work.model
    if driver.diverged(state):
        raise BenchError(f"editing has ended early: {state.memory[driver.DIVERGED]}; this is no model to take home")
    with steady_threads(model), _as_weights(work, state):
        delta = delta_of(work, facts)
        guard = chosen(order.guard) if order.guard else usual(model, facts, work.cell.seed_for("guard"))
        rows = answers.compare(model, [*_asked(facts), *guard.questions])
        taken = _taken(model, delta, rows, guard, order)
        with filling(order.out, order.stale) as place:
            _write(work, delta, taken, order, place)
    return taken


@contextmanager
def _as_weights(work: driver.Work, state: State) -> Iterator[None]:
    """The model as its method deploys it, if that is a matter of weights."""
    with work.method.deployed(work.model, state) as view:
        if view is not work.model or _is_altered(work.model.hf):
            raise BenchError(beside_the_model(work.cell.method.name))
        yield


def beside_the_model(method: str) -> str:
    """Why what a method has edited cannot be taken home."""
    return (
        f"method '{method}' answers from a memory beside the model: its weights are not the edited model, and cannot "
        "be taken home"
    )


def _is_altered(hf: Any) -> bool:
    """Whether a model has parts, or hooks on them, that it was not loaded with."""
    hooks = (
        hook
        for part in hf.modules()
        for kind in (part._forward_hooks, part._forward_pre_hooks)
        for hook in kind.values()
    )
    homes = (getattr(each, "__module__", "") for each in (*map(type, hf.modules()), *hooks))
    return any(home.partition(".")[0] not in LIBRARIES for home in homes)


def _asked(facts: Sequence[Fact]) -> list[Question]:
    requests = [fact.request for fact in facts]
    return [Question(EDITED, each.fact_id, each.lang, each.text, each.target) for each in requests]


# ---------------------------------------------------------------------------- what has changed
def delta_of(work: driver.Work, facts: Sequence[Fact]) -> Delta:
    """The matrices of a model that differ from what they were.

    Raises:
        BenchError: none does.
    """
    model, cell = work.model, work.cell
    values = {
        name: value.detach().cpu().clone()
        for name, value in model.edited().items()
        if not torch.equal(value, model.original_of(name).float())
    }
    if not values:
        raise BenchError(f"method '{cell.method.name}' has changed no weight: there is nothing to take home")
    if not model.is_finite():
        raise BenchError("the edited weights are not finite; this is no model to take home")
    with model.unedited():
        whole = weights_hash(model.hf)
    base = Base(
        model=cell.model.name if catalog.resolve(cell.model.name).source != "folder" else "",
        dtype=cell.model.dtype,
        files=cell.model.fingerprint,
        weights=whole,
        matrices={name: tensor_hash(model.original_of(name)) for name in values},
    )
    return Delta(values, base, _about(work, facts))


def _about(work: driver.Work, facts: Sequence[Fact]) -> dict[str, Any]:
    """How a model was edited, without a word of where that was or by whom."""
    cell, around = work.cell, surroundings(work.model)
    is_file = Path(cell.data.name).suffix in SUFFIXES
    return {
        "method": cell.method.name,
        "options": json.loads(without_home(json.dumps(dict(cell.method.options)))),
        "seed": cell.seed,
        "batch_size": cell.schedule.batch_size,
        "data": "a file of facts" if is_file else cell.data.name,
        "facts": len(facts),
        "facts_hash": cell.data.fingerprint,
        "statistics": cell.corpus_fingerprint if cell.method.statistics else "",
        "packages": around["packages"],
        "commit": around["commit"],
    }


def _taken(model: EditableModel, delta: Delta, rows: Sequence[Row], guard: Guard, order: Order) -> Taken:
    sizes, factors, thick = {}, {}, []
    for name, value in delta.values.items():
        # on the GPU if there is one: a large matrix has its singular values in seconds there
        original = model.original_of(name).float()
        change = value.to(original.device) - original
        sizes[name] = float(change.norm() / original.norm().clamp_min(torch.finfo(torch.float32).tiny))
        if order.low_rank and change.ndim == 2:
            factors[name] = lowrank.factors(change.T if model.arch.transposed else change, order.low_rank)
        elif order.low_rank:
            thick.append(name)
    count = sum(value.numel() * value.element_size() for value in delta.values.values())
    return Taken(rows, guard.source, sizes, count, factors, tuple(thick))


# ---------------------------------------------------------------------------- writing
def _write(work: driver.Work, delta: Delta, taken: Taken, order: Order, place: Path) -> None:
    model = work.model
    delta.save(place)
    write_text(place / folder.ANSWERS, answers.to_csv(taken.rows))
    if order.low_rank and not taken.thick:
        lowrank.save(
            place / lowrank.FOLDER, taken.factors, delta.base.model, model.arch.transposed, bool(model.arch.head)
        )
    if order.full:
        with told_saving():
            model.hf.save_pretrained(place / folder.MODEL)
            model.tokenizer.save_pretrained(place / folder.MODEL)
    holds = sorted(path.name for path in place.iterdir())
    write_json(place / folder.RECORD, _record(delta, taken, holds))


def _record(delta: Delta, taken: Taken, holds: Sequence[str]) -> dict[str, Any]:
    """Contents of edit.json."""
    low_rank = {name: {"rank": each.rank, "relative_error": each.error} for name, each in taken.factors.items()}
    return {
        "format": FORMAT,
        **delta.about,
        "base": delta.base.model_dump(mode="json"),
        "changed": {name: {"relative_size": size, **low_rank.get(name, {})} for name, size in taken.sizes.items()},
        "answers": {
            EDITED: asdict(taken.count(EDITED)),
            GUARD: {"source": taken.guard, **asdict(taken.count(GUARD))},
        },
        folder.HOLDS: [*holds, folder.RECORD],
    }

"""Run one cell: load, step, edit, evaluate, record. Safe to kill and to run again."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from bench.api import EditReport, Evaluator, Fact, Kept, Method, Preparing, State
from bench.compute import apart, checkpoint, precheck
from bench.compute.environment import environment
from bench.compute.recording import Table, cost_rows, evaluate, evaluate_apart, preparing_rows
from bench.compute.resuming import elsewhere, goes_on, refuse_changed
from bench.compute.silent import Before, edits_nothing
from bench.compute.world import World
from bench.config.cell import Cell
from bench.data import corpora, datasets
from bench.data.common import AlignmentCount
from bench.data.stream import EditStream, Step, practice, request_of
from bench.data.stream import load as load_facts
from bench.ground.measure import measured
from bench.ground.progress import Progress
from bench.model.editable import EditableModel
from bench.model.loading import load_pretrained, view_of
from bench.model.stats import Account, Stats
from bench.model.threads import steady_threads
from bench.store.shards import COST_TABLE, ResultStore, Status
from bench.store.silent import warning


@dataclass(frozen=True, slots=True)
class CellContext:
    """The `Context` of a cell."""

    cell: Cell
    data_dir: Path | None = None
    answers_kept: Kept = "failed"

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that are edited, in order."""
        return self.cell.schedule.written

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.cell.model.name

    def rng(self, part: str) -> torch.Generator:
        """A generator seeded by the cell's seed and `part`."""
        return torch.Generator().manual_seed(self.cell.seed_for(part))

    def practice(self, languages: Sequence[str] = ()) -> list[Fact]:
        """Facts to learn on."""
        return practice(self.cell.data.name, languages or self.cell.schedule.languages, self.data_dir)


@dataclass(frozen=True, slots=True)
class Work:
    """A cell and everything that editing and scoring it takes.

    Attributes:
        cell: what is computed.
        context: its draws, data folder and languages.
        stream: its steps.
        scored_with: evaluators by name.
        model: unedited at first.
        method: edits it.
        alignment: what became of the data's records.
    """

    cell: Cell
    context: CellContext
    stream: EditStream
    scored_with: Mapping[str, Evaluator]
    model: EditableModel
    method: Method
    alignment: tuple[AlignmentCount, ...]

    @classmethod
    def load(cls, cell: Cell, world: World) -> Work:
        """Load data and model.

        Raises:
            BenchError: bad input.
        """
        refuse_changed(cell, world)
        loaded = load_facts(cell.data.name, request_of(cell, world.data_dir))
        stream = EditStream.build(cell.schedule, loaded.facts, cell.seed_for("order"), loaded.true)
        context = CellContext(cell, datasets.data_folder(world.data_dir), world.answers)
        scored_with = world.build_evaluators()
        for evaluator in scored_with.values():
            if isinstance(evaluator, Preparing):
                evaluator.prepare(context)
        model = load_model(cell, world)
        precheck.check(model, stream.edits(), cell)
        method: Method = world.methods.build(cell.method.name, cell.method.options)
        return cls(cell, context, stream, scored_with, model, method, tuple(loaded.report))

    def prepare(self, world: World) -> tuple[State, Account]:
        """The method's state before the first step, and what stands behind the statistics that it asked for."""
        cell = self.cell
        folder = datasets.data_folder(world.data_dir)
        text = corpora.corpus(cell.corpus, folder) if cell.method.statistics else None
        stats = Stats(world.cache_dir, text, cell.token_budget)
        self._seed("prepare")
        with steady_threads(self.model):
            return self.method.prepare(self.model, stats, self.context), stats.account

    def edit(self, step: Step, state: State) -> tuple[State, list[dict[str, Any]]]:
        """Apply one step.

        Returns:
            The new state, and what the step cost as rows of the store's schema.
        """
        self._seed(f"edit/{step.number}")
        with steady_threads(self.model):
            before = Before.of(self.model, state)
            with measured(*self.model.devices) as cost:
                state, report = edit(self.method, self.model, step.facts, state)
            is_over = diverged(state) or edits_nothing(self.method)
            is_silent = not is_over and before.is_unchanged(self.model, state, report)
        turn = step.turn if self.cell.schedule.passes > 1 else 0
        return state, cost_rows(report, cost, len(step.facts), diverged(state), is_silent, turn)

    def score(self, step: Step, state: State, names: Iterable[str]) -> Iterator[tuple[str, Table]]:
        """Score the model as it is after a step with some of the evaluators, one after another."""
        seen = self.stream.seen(step.number)
        with steady_threads(self.model), self.method.deployed(self.model, state) as view:
            for name in names:
                self._seed(f"score/{name}/{step.number}")
                yield name, evaluate(view, name, self.scored_with[name], seen, self.context)

    def edit_apart(
        self, step: Step, state: State, names: Iterable[str]
    ) -> tuple[list[dict[str, Any]], dict[str, Table]]:
        """Edit each fact of a step alone, and score it with some of the evaluators.

        Returns:
            What the step cost, and what each evaluator found, as rows of the store's schema.
        """
        self._seed(f"edit/{step.number}")
        with steady_threads(self.model), measured(*self.model.devices) as cost:
            asked = apart.ask(self.method, self.model, step.facts, state)
        tables = {name: evaluate_apart(asked, name, self.scored_with[name], step.facts, self.context) for name in names}
        return cost_rows(EditReport(), cost, len(step.facts), False), tables

    def _seed(self, part: str) -> None:
        # drawn anew for every part, so that a resumed cell draws as one that never stopped
        seed = self.cell.seed_for(part)
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)


def run_cell(cell: Cell, store: ResultStore, world: World, progress: Progress) -> Status:
    """Edit step by step, evaluate when due, record everything; go on where an earlier call was stopped.

    The checkpoint of a step is written before its scoring: what was scored already is not scored again.

    Weights that are no longer finite, or a system that cannot be solved, end the editing but not the cell: the
    remaining steps are scored on the model as it is and the cell's status is "diverged".

    Returns:
        "done" or "diverged"; also written to the store.

    Raises:
        BenchError: bad input; the cell has no results then.
        StorageError: the store's folder cannot be written, or is full; the cell goes on once it can be.
    """
    progress.stage("loading")
    work = Work.load(cell, world)
    name, folder, total = cell.id(), checkpoints(cell, store), len(work.stream)
    about, begun = environment(work.model, cell, work.alignment, world.evaluators), store.environment(name)
    is_begun = goes_on(cell, begun, world)
    if is_begun:
        about["earlier"] = elsewhere(begun, about)
    else:
        checkpoint.clear(folder)
    store.start(cell, about)
    progress.stage("preparing")
    with measured(*work.model.devices) as cost:
        state, account = work.prepare(world)
    if not (is_begun and (store.holds(name, 0, COST_TABLE) or store.holds(name, 1, COST_TABLE))):
        # a cell that goes on reads what it had prepared
        store.record(name, 0, COST_TABLE, preparing_rows(cost))
    if account.tokens:
        store.start(cell, {**about, "statistics": asdict(account)})
    run = _apart if cell.schedule.independent else _in_sequence
    state = run(work, store, state, progress)
    progress.step(total, total, "done")
    status: Status = "diverged" if diverged(state) else "done"
    reasons = state.memory.get(DIVERGED, ""), warning(store.folder(name), total)
    store.finish(name, status, "; ".join(filter(None, reasons)))
    if name not in world.kept:
        checkpoint.clear(folder)
    return status


def _in_sequence(work: Work, store: ResultStore, state: State, progress: Progress) -> State:
    """Edits add up; goes on after the last checkpoint."""
    cell = work.cell
    name, folder, total = cell.id(), checkpoints(cell, store), len(work.stream)
    gap = store.gap(name, cell.schedule, work.scored_with)
    # what is missing in the middle is computed again
    latest = gap[0] - (gap[1] == COST_TABLE) if gap else None
    done = checkpoint.restore(folder, name, work.model, state, latest)
    store.forget(name, after=done)
    # the last step that was edited may not be scored
    for step in work.stream.after(max(done - 1, 0)):
        if step.number > done:
            progress.step(step.number - 1, total, "editing")
            state, rows = work.edit(step, state)
            store.record(name, step.number, COST_TABLE, rows)
            checkpoint.save(folder, name, step.number, work.model, state)
        if cell.schedule.due(step.number):
            progress.step(step.number - 1, total, "scoring")
            missing = [each for each in work.scored_with if not store.holds(name, step.number, each)]
            for evaluator, table in work.score(step, state, missing):
                table.record(store, name, step.number, evaluator)
    return state


def _apart(work: Work, store: ResultStore, state: State, progress: Progress) -> State:
    """Every fact edits the unedited model alone; steps that are recorded are not done again."""
    name, total = work.cell.id(), len(work.stream)
    for step in work.stream.after(0):
        missing = [each for each in work.scored_with if not store.holds(name, step.number, each)]
        if not missing and store.holds(name, step.number, COST_TABLE):
            continue
        progress.step(step.number - 1, total, "editing")
        costs, tables = work.edit_apart(step, state, missing)
        store.record(name, step.number, COST_TABLE, costs)
        for evaluator, table in tables.items():
            table.record(store, name, step.number, evaluator)
    return state


def checkpoints(cell: Cell, store: ResultStore) -> Path:
    """Where a cell's checkpoints lie."""
    return store.folder(cell.id()) / "checkpoint"


DIVERGED = "diverged"
"""Name in a state's memory that holds why editing ended; part of the checkpoint, so a resumed cell knows."""


def diverged(state: State) -> bool:
    """Whether editing has ended because the model is beyond repair."""
    return DIVERGED in state.memory


def edit(method: Method, model: EditableModel, facts: Sequence[Fact], state: State) -> tuple[State, EditReport]:
    """Apply one step, unless the model has diverged; note it if it diverges now."""
    if diverged(state):
        return state, EditReport()
    report, reason = EditReport(), ""
    try:
        state, report = method.apply(model, [fact.request for fact in facts], state)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
        reason = f"no solution: {error}".splitlines()[0]
    if not model.is_finite():
        reason = "weights are not finite"
    if reason:
        state.memory[DIVERGED] = reason
    return state, report


def load_model(cell: Cell, world: World) -> EditableModel:
    """The cell's model on the world's device, or spread as the world says."""
    name, dtype = cell.model.name, cell.model.dtype
    trusted = name in world.trusted
    hf, tokenizer = load_pretrained(name, dtype, world.device, world.cache_dir, trusted, world.device_map)
    # an encoder only meets methods that edit any view; plans see to that
    return cast(EditableModel, view_of(hf, tokenizer, cell.model.fingerprint, bool(cell.model.chat)))

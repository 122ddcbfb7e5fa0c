"""What editing costs: seconds per step by phase and peak memory of every method, on random weights or a checkpoint.

Methods are measured one after another on the unedited model. On a processor each has a process of its own, for a
process's peak memory is that of all it ever did; on a GPU the peak is counted anew. The first step is a warm-up.
Every step edits facts of all languages, so that steps are alike, and no fact twice with the same target. The keys of
random weights say nothing, so their statistics are drawn with eigenvectors that are known; what drawing takes is left
out, and so is what computing and decomposing them would take, in time and in memory.

A model that is cut to its first blocks is measured at two depths, on the same facts and edited layers. From that
the cost of the whole is extrapolated:

- Optimising values and training run every block above the last edited layer, forward and back, many times. They grow
  by their difference between the two depths, per block: that of the shortest times, for what else a machine does only
  ever adds to them. Blocks below run forward once; one of them counts as much as a
  block of the keys' pass. (Training has no such pass, and what it runs below, once per batch, is left out.)
- Keys run forward through the blocks below and between the edited layers, and grow with the number of those passes.
- Solving and projecting work on one edited matrix after another, whatever the depth, and grow with their number.
- The rest does not depend on depth.

Memory grows by what the plan predicts for the weights, and for edited layers that the cut had no place for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from torch import Tensor

from bench.api import EditRequest, Method, State
from bench.compute.driver import CellContext
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.cost.drawn import DRAWING, DrawnStats
from bench.cost.plan import CostPlan, MethodPlan, needed_bytes
from bench.data import stream
from bench.data.common import DataRequest
from bench.data.corpora import EMBEDDED, corpus
from bench.ground.measure import measured
from bench.model.editable import EditableModel
from bench.model.stats import Moment, Stats
from bench.plan.memory import edited_layers

if TYPE_CHECKING:
    from bench.ground.progress import Progress

TOTAL, OTHER = "total", "other"
PER_BLOCK_ABOVE = ("values", "training")
PER_PASS = ("keys",)
PER_EDITED_LAYER = ("solve", "projection")

FACTS_PER_SEED = 100
"""Facts drawn per language and seed; later ones come from the next seed, with other targets."""

FLOOR = 1e-3
"""Share of the mean that is added to every eigenvalue: fewer tokens than channels leave a moment singular."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number.

    Attributes:
        phase: a phase of a step, "other", or "total"; of preparing "other", "total", and of a checkpoint "moments",
            "spectra".
        gigabytes: peak memory, in rows of totals.
        step: from 1; 0 is preparing, None an extrapolated mean.
        edits: facts of the step.
        layers: blocks of the model that was measured, or extrapolated to.
    """

    method: str
    phase: str
    seconds: float
    gigabytes: float | None
    step: int | None
    edits: int
    layers: int
    extrapolated: bool = False


# ---------------------------------------------------------------------------- one method
@dataclass(frozen=True)
class TimedStats(Stats):
    """Statistics that keep the time they took, by kind, and can be solved with though few tokens stand behind them.

    Attributes:
        spent: seconds by kind.
    """

    spent: dict[str, float] = field(default_factory=dict)

    def moments(self, model: EditableModel, layers: Sequence[int]) -> dict[int, Moment]:
        """See `Stats`."""
        start = perf_counter()
        found = super().moments(model, layers)
        for moment in found.values():
            moment.matrix.diagonal().add_(FLOOR * moment.matrix.diagonal().mean())
        self.spent["moments"] = self.spent.get("moments", 0.0) + perf_counter() - start
        return found

    def spectra(self, model: EditableModel, layers: Sequence[int]) -> dict[int, tuple[Tensor, Tensor]]:
        """See `Stats`; the moments that it needs count as such."""
        start, before = perf_counter(), self.spent.get("moments", 0.0)
        found = super().spectra(model, layers)
        inside = self.spent.get("moments", 0.0) - before
        self.spent["spectra"] = self.spent.get("spectra", 0.0) + perf_counter() - start - inside
        return found


def facts(languages: Sequence[str]) -> Iterator[EditRequest]:
    """Embedded facts without end, the languages in turn."""
    for seed in count():
        drawn = stream.load("cldr", DataRequest(tuple(languages), FACTS_PER_SEED, seed)).facts
        for together in zip(*drawn.values(), strict=True):
            yield from (fact.request for fact in together)


def measure(plan: CostPlan, chosen: MethodPlan, model: EditableModel, cache: Path, progress: Progress) -> list[Row]:
    """Measure one method on an unedited model; what a whole model would cost is among the rows.

    Raises:
        ArithmeticError: the weights are no longer finite, so that later steps would cost nothing.
    """
    course = _Course(plan, chosen, model, methods().build(chosen.name, chosen.measured))
    progress.stage("preparing")
    if plan.is_shape:
        rows = course.prepare(DrawnStats(width=model.weight(0).shape[1]))
    else:
        rows = course.prepare(TimedStats(cache, corpus(EMBEDDED), plan.token_budget))
    sizes = [plan.load.edits] * plan.load.steps
    further = [size for size in plan.load.batch_sizes if size != plan.load.edits for _ in range(2)]
    source = facts(plan.load.languages)
    for number, size in enumerate([*sizes, *further], start=1):
        progress.step(number - 1, len(sizes) + len(further), "editing")
        requests = list(islice(source, size))
        rows += course.step(number, requests)
        if plan.shallow and 1 < number <= plan.load.steps:
            # in turn with the whole depth, so that both meet the same weather
            with shallower(model, plan.shallow):
                rows += course.step(number, requests)
    if plan.shallow:
        rows += extrapolated(plan, chosen, rows)
    progress.step(len(sizes) + len(further), len(sizes) + len(further), "done")
    return rows


@dataclass
class _Course:
    """A method at work on a model, step after step."""

    plan: CostPlan
    chosen: MethodPlan
    model: EditableModel
    method: Method
    state: State = field(default_factory=State)

    def prepare(self, stats: TimedStats | DrawnStats) -> list[Row]:
        cell = Cell(
            method=MethodSpec(name=self.chosen.name, options=self.chosen.measured),
            model=ModelRef(name=self.plan.model, dtype=self.plan.dtype),
            data=DataRef(name="cldr"),
            schedule=Schedule(languages=self.plan.load.languages),
        )
        with measured(self.model.device) as cost:
            self.state = self.method.prepare(self.model, stats, CellContext(cell))
        drawing = stats.spent.pop(DRAWING, 0.0)
        return self._rows(0, 0, cost.seconds - drawing, cost.peak_bytes, stats.spent)

    def step(self, number: int, requests: Sequence[EditRequest]) -> list[Row]:
        with measured(self.model.device) as cost:
            self.state, report = self.method.apply(self.model, requests, self.state)
        if not self.model.is_finite():
            raise ArithmeticError(f"the weights are not finite after step {number}")
        return self._rows(number, len(requests), cost.seconds, cost.peak_bytes, report.seconds)

    def _rows(self, step: int, edits: int, seconds: float, peak: int, phases: Mapping[str, float]) -> list[Row]:
        row = Row(self.chosen.name, TOTAL, seconds, peak / 1e9, step, edits, self.model.n_layers)
        parts = {**phases, OTHER: seconds - sum(phases.values())}
        return [*(replace(row, phase=phase, seconds=part, gigabytes=None) for phase, part in parts.items()), row]


@contextmanager
def shallower(model: EditableModel, layers: int) -> Iterator[None]:
    """Take away all blocks but the first `layers`, for as long as the context is open."""
    blocks, config = list(model.blocks), model.hf.config
    del model.blocks[layers:]
    config.num_hidden_layers = layers
    try:
        yield
    finally:
        model.blocks.extend(blocks[layers:])
        config.num_hidden_layers = len(blocks)


# ---------------------------------------------------------------------------- extrapolation
def block_passes(layers: Sequence[int]) -> int:
    """Blocks that the keys' pass runs: up to the last edited layer, and from every edited one on to the last."""
    return max(layers) + sum(max(layers) + 1 - layer for layer in layers)


def extrapolated(plan: CostPlan, chosen: MethodPlan, rows: Sequence[Row]) -> list[Row]:
    """What a step on the whole model would cost, as the module says, from the rows of both depths."""
    from bench.model.shapes import find_shape

    load = plan.load
    deep = [row for row in rows if row.layers == plan.depth and row.step and row.edits == load.edits]
    later = _by_phase(row for row in deep if row.step != 1)
    shallow = _by_phase(row for row in rows if row.layers == plan.shallow)
    mean = {phase: sum(seconds) / len(seconds) for phase, seconds in later.items()}
    more_blocks = plan.depth - plan.shallow
    per_block = {p: max(0.0, min(s) - min(shallow.get(p, [0.0]))) / more_blocks for p, s in later.items()}
    seconds = whole_seconds(plan, chosen, mean, per_block)
    shape = find_shape(plan.model)
    more = needed_bytes(shape, plan.whole, chosen.whole, load, plan.dtype) - needed_bytes(
        shape, plan.depth, chosen.measured, load, plan.dtype
    )
    peak = max(row.gigabytes for row in deep if row.gigabytes is not None) + more / 1e9
    row = Row(chosen.name, TOTAL, sum(seconds.values()), peak, None, load.edits, plan.whole, extrapolated=True)
    return [*(replace(row, phase=phase, seconds=s, gigabytes=None) for phase, s in seconds.items()), row]


def whole_seconds(
    plan: CostPlan, chosen: MethodPlan, mean: Mapping[str, float], per_block: Mapping[str, float]
) -> dict[str, float]:
    """Seconds by phase on the whole model.

    Args:
        plan: the depths.
        chosen: the edited layers.
        mean: seconds by phase at the deeper depth.
        per_block: what one block more above the edited layers adds to a phase.
    """
    then, now = (edited_layers(options) or (0,) for options in (chosen.whole, chosen.measured))
    below = max(then) - max(now)
    above = plan.whole - plan.depth - below
    forward = sum(mean.get(phase, 0.0) for phase in PER_PASS) / block_passes(now)
    found = {}
    for phase, seconds in mean.items():
        if phase in PER_BLOCK_ABOVE:
            found[phase] = seconds + per_block[phase] * above + forward * below
        elif phase in PER_PASS:
            found[phase] = seconds * block_passes(then) / block_passes(now)
        elif phase in PER_EDITED_LAYER:
            found[phase] = seconds * len(then) / len(now)
        elif phase != TOTAL:
            found[phase] = seconds
    return found


def _by_phase(rows: Iterable[Row]) -> dict[str, list[float]]:
    """Seconds of every step by phase."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.phase, []).append(row.seconds)
    return found

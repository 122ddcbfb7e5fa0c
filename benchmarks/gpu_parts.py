"""What is looked at on a GPU: each part stands alone and yields its rows as it finds them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from bench.api import Method
from bench.cli.python import run
from bench.compute.conformance import check_method
from bench.config.cell import LANGUAGES
from bench.config.registry import methods as method_registry
from bench.config.settings import hyperparameters
from bench.cost.drawn import DrawnStats
from bench.cost.measuring import facts as endless_facts
from bench.cost.plan import moved
from bench.ground.errors import told_in_short
from bench.ground.measure import measured
from bench.ground.progress import Unheard
from bench.model.editable import EditableModel
from bench.model.shapes import SHAPES, random_model
from benchmarks import stages, subjects
from benchmarks.harness import Comparison, measure
from reports.numbers import paper

ROOT = Path(__file__).parents[1]
GB = 1e9
LIKE = "llama3-8b"
"""Whose hyperparameters the shapes take."""

FEW = 2
"""Facts of a step before the one that is timed: kernels are chosen, memory is taken."""

POINTS = 5.0
"""By how much scores of a cell may differ from the processor's: thresholds turn rounding into answers."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    part: str
    what: str
    result: str
    figures: str = ""


@dataclass
class Request:
    """What is asked for.

    Attributes:
        device: "cuda" or "cpu".
        shape: of the random model.
        methods: names.
        edits: facts of a timed step.
        value_facts: whose values are optimised both ways; of these `reference_facts` plainly.
        steps: of every cell on the embedded model.
        tests: golden tests to run.
        until: when no further row is begun, by `perf_counter`.
    """

    device: str
    shape: str
    methods: Sequence[str]
    edits: int
    value_facts: int
    reference_facts: int
    steps: int
    tests: str
    until: float

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.until - perf_counter()

    @property
    def dtype(self) -> str:
        """Of the random model's weights."""
        return "bfloat16" if self.device == "cuda" else "float32"

    @cached_property
    def model(self) -> EditableModel:
        """The random model, drawn once for all parts."""
        return random_model(self.shape, None, self.dtype, self.device)

    def options(self, name: str) -> dict[str, Any]:
        """A method's published hyperparameters, its layers moved down where the shape has fewer."""
        registry = method_registry()
        known = hyperparameters(LIKE, registry)
        relative = getattr(registry.module(name), "HPARAMS", name)
        return moved(known.get(name, known.get(relative, {})), SHAPES[LIKE].layers, SHAPES[self.shape].layers)


# ---------------------------------------------------------------------------- (a) the same numbers
def golden(request: Request) -> Iterator[Line]:
    """Recorded outputs of the released implementations, and what every method must keep, on the device."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=line", request.tests]
    environment = {**os.environ, "BENCH_TEST_DEVICE": request.device, "PYTHONPATH": str(ROOT)}
    begun = perf_counter()
    try:
        done = subprocess.run(  # noqa: S603 - our own tests
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=max(request.left, 1)
        )
    except subprocess.TimeoutExpired:
        yield Line("a", "golden comparisons", "left out", "no time left")
        return
    failed = re.findall(r"^FAILED (\S+)(?: - (.*))?", done.stdout, re.MULTILINE)
    last = next((line for line in reversed(done.stdout.splitlines()) if " in " in line), done.stdout[-200:])
    result = "ok" if done.returncode == 0 else "FAILED"
    yield Line("a", "golden comparisons", result, f"{last.strip('= ')}; {perf_counter() - begun:.0f} s")
    yield from (Line("a", name.rpartition("::")[2], "FAILED", reason[:200]) for name, reason in failed)


def conformance(request: Request) -> Iterator[Line]:
    """What every method must keep, on tiny models on the device."""
    registry = method_registry()
    for name in request.methods:
        if request.left < 0:
            yield Line("a", f"conformance of {name}", "left out", "no time left")
            continue
        begun = perf_counter()
        found = check_method(name, registry, device=request.device)
        failed = [each for each in found if not each.passed]
        figures = f"{len(found) - len(failed)} of {len(found)} checks, {perf_counter() - begun:.0f} s"
        worst = "".join(f"; {each.name}: {each.detail[:120]}" for each in failed[:3])
        yield Line("a", f"conformance of {name}", "FAILED" if failed else "ok", figures + worst)


# ---------------------------------------------------------------------------- (b) the embedded benchmark
def embedded(request: Request) -> Iterator[Line]:
    """One cell of every method on the embedded model, beside the same on the processor."""
    with tempfile.TemporaryDirectory() as folder:
        found = {device: _cells(request, Path(folder), device) for device in dict.fromkeys((request.device, "cpu"))}
    for name in request.methods:
        ours, theirs = (found[device].get(name) for device in (request.device, "cpu"))
        if not ours or not theirs:
            yield Line("b", f"cell of {name}", "FAILED", "no scores")
            continue
        furthest = max(abs(ours[metric] - theirs[metric]) for metric in ours)
        scores = ", ".join(f"{metric} {value:.1f}" for metric, value in ours.items())
        result = "ok" if furthest <= POINTS else "FAILED"
        yield Line("b", f"cell of {name}", result, f"{scores}; furthest from the processor's {furthest:.2f}")


def _cells(request: Request, folder: Path, device: str) -> dict[str, dict[str, float]]:
    """Mean score in percent by method and metric."""
    results = run(
        methods=list(request.methods),
        seeds=1,
        steps=request.steps,
        evaluators=["edits"],
        results_dir=folder / device,
        cache_dir=folder / "cache",
        device=device,
    )
    names = dict(zip(results.cells["cell"], results.cells["method"], strict=True))
    found: dict[str, dict[str, float]] = {}
    for (cell, metric), rows in results.scores.groupby(["cell", "metric"]):
        if metric in stages.KINDS:
            found.setdefault(names[cell], {})[str(metric)] = 100 * float(rows["value"].mean())
    return found


# ---------------------------------------------------------------------------- (c) steps of a large model
def steps(request: Request) -> Iterator[Line]:
    """One step of every method on the random model: seconds by phase and peak memory, beside the paper's."""
    published = paper.costs(LIKE) if request.shape == LIKE else {}
    width = request.model.weight(0).shape[1]
    request.model.reset()
    stats, longest = DrawnStats(width=width), 0.0
    for name in (name for name in request.methods if name != "none"):
        if request.left < longest:
            yield Line("c", f"step of {name}", "left out", "no time left")
            continue
        begun = perf_counter()
        try:
            yield Line("c", f"step of {name}, {request.edits} facts", *_step(request, name, stats, published))
        except Exception as error:  # whatever fails, the other rows are wanted
            yield Line("c", f"step of {name}", "FAILED", told_in_short(error))
        finally:
            request.model.reset()
            longest = max(longest, perf_counter() - begun)


def _step(
    request: Request, name: str, stats: DrawnStats, published: Mapping[str, tuple[float, float]]
) -> tuple[str, str]:
    model = request.model
    method: Method = method_registry().build(name, request.options(name))
    source = endless_facts(LANGUAGES)
    begun = perf_counter()
    state = method.prepare(model, stats, subjects.Bench(request.shape))
    prepared = perf_counter() - begun
    state, _ = method.apply(model, list(islice(source, FEW)), state)
    with measured(*model.devices) as cost:
        state, report = method.apply(model, list(islice(source, request.edits)), state)
    phases = ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in report.seconds.items())
    theirs = ", A100 published {:g} s and {:g} GB".format(*published[name]) if name in published else ""
    figures = f"{cost.seconds:.2f} s ({phases}), peak {cost.peak_bytes / GB:.1f} GB, prepared {prepared:.1f} s{theirs}"
    return ("ok" if model.is_finite() else "FAILED"), figures


# ---------------------------------------------------------------------------- (d) values
def values(request: Request) -> Iterator[Line]:
    """Value optimisation beside the plain reference, on the same facts."""
    model = request.model
    memit = request.options("memit")
    options = {name: request.options(name) for name in ("memit", "alphaedit", "langedit")}
    stats = DrawnStats(width=model.weight(0).shape[1])
    model.reset()
    subject = subjects.Subject(request.shape, model, tuple(memit["layers"]), options, stats, random=True)
    sizes = stages.Sizes(facts=request.value_facts, reference_facts=request.reference_facts)
    comparison: Comparison
    for comparison in stages.values(subject, sizes, Path()):
        found = measure(comparison, 1, request.left, torch.device(request.device), {}, Unheard())
        difference = "" if found.difference is None else f", largest difference {found.difference:.1e}"
        figures = f"reference {found.reference[0]:.2f} s, product {found.product[0]:.2f} s, {found.ratio:.1f}x"
        yield Line("d", comparison.row.name, "FAILED" if found.equal is False else "ok", figures + difference)

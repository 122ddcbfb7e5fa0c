"""``python -m benchmarks.run``: measure what was asked for, write the table."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from typer import Option

from bench.cli.display import make_display
from bench.cli.echo import complain, echo
from bench.cli.options import DeviceChoice, DisplayChoice
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.model.devices import choose_device
from bench.model.loading import quiet_libraries
from bench.plan.planning import default_cache_dir
from benchmarks import algebra, stages, steps, subjects, table
from benchmarks.harness import Comparison, Measurement, measure, threads
from benchmarks.stages import QUICK, Sizes
from benchmarks.subjects import Subject

MODELS = ("polyglot-tiny", "smollm2-135m")
QUICK_MODELS = ("polyglot-tiny",)
ON_MODELS: Mapping[str, tuple[Callable[[Subject, Sizes, Path], Iterator[Comparison]], int]] = {
    "values": (stages.values, 1),
    "statistics": (stages.statistics, 2),
    "metrics": (stages.metrics, 1),
    "overhead": (steps.overhead, 1),
}
"""Stages measured on every model, and how many rows each has."""

STAGES = (*ON_MODELS, "solve", "projector", "step")


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure and where.

    Attributes:
        stages, models: names.
        layers: blocks that models are cut to, or None.
        sizes: how much of everything.
        dtype: of weights.
        device: "cpu" or "cuda".
        rounds, patience: see `benchmarks.harness.measure`.
        cache_dir: converted models, and statistics in a folder of their own.
        display: how progress is shown.
    """

    stages: tuple[str, ...]
    models: tuple[str, ...]
    layers: int | None
    sizes: Sizes
    dtype: str
    device: str
    rounds: int
    patience: float
    cache_dir: Path
    display: DisplayChoice | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are built together."""

    label: str
    rows: int
    build: Callable[[], Iterator[Comparison]]


def parts(request: Request, scratch: Path) -> Iterator[Part]:
    """Everything asked for; nothing is loaded before a part is built."""
    sizes, device = request.sizes, request.device
    for model in request.models:
        for stage, (build, rows) in ON_MODELS.items():
            if stage in request.stages:
                yield Part(f"{stage}, {model}", rows, partial(_on_model, request, model, build, scratch))
    if "solve" in request.stages:
        yield Part("solve", 3, partial(algebra.solves, sizes, device))
    if "projector" in request.stages:
        yield Part("projector", 1 + (sizes.full_width != sizes.svd_width), partial(algebra.projectors, sizes, device))
    if "step" in request.stages:
        whole = replace(request, layers=None)
        build = partial(_on_model, whole, subjects.SMALLEST, steps.whole_steps, scratch)
        yield Part(f"step, {subjects.SMALLEST}", 3, build)


def _on_model(
    request: Request, name: str, build: Callable[[Subject, Sizes, Path], Iterator[Comparison]], scratch: Path
) -> Iterator[Comparison]:
    """Load the model, which lives as long as its rows are measured."""
    cache_dir, tokens = request.cache_dir, request.sizes.tokens
    loaded = subjects.load(name, request.layers, request.dtype, request.device, cache_dir, tokens)
    yield from build(loaded, request.sizes, scratch)


def run(request: Request, keep: Callable[[list[Measurement]], object]) -> None:
    """Measure every row.

    Args:
        request: see there.
        keep: is called with the rows so far after every one.

    Raises:
        BenchError: unknown stage or model.
    """
    for stage in request.stages:
        if stage not in STAGES:
            raise unknown("stage", stage, STAGES)
    found: list[Measurement] = []
    device = torch.device(request.device)
    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        planned = list(parts(request, Path(folder)))
        display = make_display(request.display.value if request.display else None)
        with display.board(sum(part.rows for part in planned)) as board:
            for part in planned:
                for comparison in part.build():
                    label = f"{comparison.row.name}, {comparison.row.model}"
                    earlier = {timed.row.name: timed for timed in found}
                    progress = board.cell(label)
                    found.append(measure(comparison, request.rounds, request.patience, device, earlier, progress))
                    keep(found)
                    board.finished(label, "done", "")


def main(
    stage: Annotated[str, Option(help=f"Some of {', '.join(STAGES)}.")] = ",".join(STAGES),
    model: Annotated[str | None, Option(help="Models or shapes, as llama3-8b.")] = None,
    layers: Annotated[int | None, Option(help="Cut models to so many blocks (random weights).")] = None,
    rounds: Annotated[int, Option(min=1, help="Rounds of each side.")] = 3,
    patience: Annotated[float, Option(help="Seconds a side may take; further rounds are left out.")] = 60.0,
    facts: Annotated[int | None, Option(help="Facts whose values are optimised.")] = None,
    lu_width: Annotated[int | None, Option(help="d_ff of the solves.")] = None,
    svd_width: Annotated[int | None, Option(help="d_ff of the projector's update.")] = None,
    quick: Annotated[bool, Option("--quick", help="Small sizes, about a minute.")] = False,
    device: Annotated[DeviceChoice, Option(help="Where it runs.")] = DeviceChoice.cpu,
    dtype: Annotated[str, Option(help="Of model weights.")] = "float32",
    cpu_threads: Annotated[int | None, Option("--threads", help="CPU threads.")] = None,
    out: Annotated[Path, Option(help="Folder of the table.")] = Path("results/speed"),
    name: Annotated[str | None, Option(help="Name of the table; speed-DEVICE by default.")] = None,
    cache_dir: Annotated[Path | None, Option(help="Statistics and converted models.")] = None,
    display: Annotated[DisplayChoice | None, Option(help="How progress is shown.")] = None,
) -> None:
    """Time the product beside plain references and write the table as Markdown and CSV."""
    chosen = choose_device(device.value)
    given = {"facts": facts, "lu_width": lu_width, "svd_width": svd_width}
    sizes = replace(QUICK if quick else Sizes(), **{key: value for key, value in given.items() if value})
    models = tuple(model.split(",")) if model else QUICK_MODELS if quick else MODELS
    place = cache_dir or default_cache_dir()
    request = Request(
        tuple(stage.split(",")), models, layers, sizes, dtype, chosen, 1 if quick else rounds, patience, place, display
    )
    command = ("python -m benchmarks.run " + " ".join(sys.argv[1:])).strip()
    with threads(cpu_threads):
        facts_of_machine = table.machine(torch.device(chosen))

        def keep(found: list[Measurement]) -> None:
            table.write(out, name or f"speed-{chosen}", found, facts_of_machine, command)

        try:
            run(request, keep)
        except BenchError as error:
            complain(error)
            raise typer.Exit(2) from error
    echo((out / f"{name or f'speed-{chosen}'}.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    typer.run(main)

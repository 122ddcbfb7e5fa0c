"""``make gpu``: the first minutes on a GPU. Are the numbers the same there, how long do steps take, what fails?

It needs no network and no installation of the package: ``python -m benchmarks.gpu`` in the repository's root.
Besides torch, transformers, accelerate, safetensors, numpy, scipy, pandas, pyarrow, matplotlib, typer, rich, pyyaml,
jinja2, filelock, fonttools, pytest and hypothesis it needs the packages pydantic, pydantic-core, annotated-types,
typing-inspection, babel (2.18) and rapidfuzz; where a machine lacks them, their wheels can be carried along.

Rows are written as they are found, so that a run that is cut off leaves what it has; what had no time left says so.
``--device cpu --shape released-tiny`` runs the same on a processor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Annotated

import torch
import typer
from typer import Option

from bench.cli.echo import complain, echo
from bench.cli.options import DeviceChoice
from bench.config.registry import methods as method_registry
from bench.config.run import PAPER_METHODS
from bench.ground.atomic import write_text
from bench.ground.errors import BenchError, told_in_short
from bench.ground.names import unknown
from bench.model.devices import choose_device
from bench.model.loading import quiet_libraries
from benchmarks import table
from benchmarks.gpu_memory import halving
from benchmarks.gpu_parts import Line, Request, conformance, embedded, golden, steps, values

HEADER = """# First minutes on a {device}

Written by `{command}`{seconds}.

{machine}

(a) recorded outputs of the released implementations and what every method must keep; (b) cells of the embedded
benchmark, token accuracy in percent; (c) one step on a random model of the shape {shape}, all its layers; (d) value
optimisation beside a plain reference; (e) memory that runs out.

"""

PARTS: Mapping[str, Callable[[Request], Iterator[Line]]] = {
    "golden": golden,
    "conformance": conformance,
    "embedded": embedded,
    "halving": halving,
    "values": values,
    "steps": steps,
}
"""In the order in which they are run: what is short first."""


def page(request: Request, lines: list[Line], command: str, seconds: float | None = None) -> str:
    """The table as it stands."""
    facts = "\n".join(f"- {name}: {value}" for name, value in table.machine(torch.device(request.device)).items())
    spent = "" if seconds is None else f" in {seconds:.0f} s"
    head = HEADER.format(
        device="GPU" if request.device == "cuda" else "processor",
        command=command,
        seconds=spent,
        machine=facts,
        shape=request.shape,
    )
    rows = [("part", "what", "result", "figures"), ("---",) * 4]
    rows += [(each.part, each.what, each.result, each.figures.replace("|", "/")) for each in lines]
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def main(
    out: Annotated[Path, Option(help="Folder of the table.")] = Path("results/gpu"),
    device: Annotated[DeviceChoice, Option(help="Where it runs.")] = DeviceChoice.auto,
    shape: Annotated[str, Option(help="Of the random model.")] = "llama3-8b",
    parts: Annotated[str, Option(help=f"Some of {', '.join(PARTS)}.")] = ",".join(PARTS),
    methods: Annotated[str | None, Option(help="Names; by default the paper's.")] = None,
    edits: Annotated[int, Option(min=1, help="Facts of a timed step.")] = 100,
    facts: Annotated[int, Option(min=1, help="Facts whose values are optimised both ways.")] = 10,
    cell_steps: Annotated[int, Option("--steps", min=1, help="Steps of a cell on the embedded model.")] = 6,
    tests: Annotated[str, Option(help="Golden tests.")] = "tests/golden",
    minutes: Annotated[float, Option(help="No row is begun after so many.")] = 7.5,
) -> None:
    """Look at everything that can be looked at on a GPU in a few minutes."""
    begun = perf_counter()
    names = methods.split(",") if methods else [name for name in PAPER_METHODS if name != "none"]
    chosen: list[str] = parts.split(",")
    lines: list[Line] = []
    command = f"python -m benchmarks.gpu --device {device.value} --shape {shape}"
    try:
        for part in chosen:
            if part not in PARTS:
                raise unknown("part", part, PARTS)
        for name in names:
            method_registry().module(name)
        place = choose_device(device.value)
    except BenchError as error:
        complain(error)
        raise typer.Exit(2) from error
    until = begun + 60 * minutes
    request = Request(place, shape, names, edits, facts, max(1, facts // 3), cell_steps, tests, until)
    target = out / f"gpu-{shape}.md"
    with quiet_libraries():
        for part in chosen:
            for line in rows_of(part, request):
                lines.append(line)
                write_text(target, page(request, lines, command))
    write_text(target, page(request, lines, command, perf_counter() - begun))
    echo(target.read_text(encoding="utf-8"))
    raise typer.Exit(1 if any(each.result == "FAILED" for each in lines) else 0)


def rows_of(part: str, request: Request) -> Iterator[Line]:
    """All rows of a part; whatever goes wrong in it is a row."""
    if request.left < 0:
        yield Line("", part, "left out", "no time left")
        return
    try:
        yield from PARTS[part](request)
    except Exception as error:  # a part that fails leaves the others their turn
        yield Line("", part, "FAILED", told_in_short(error))


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    typer.run(main)

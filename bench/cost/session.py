"""Carry out a `CostPlan`: load the model, measure method after method, keep their failures apart."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cost.plan import CostPlan, MethodPlan
from bench.ground.errors import BenchError, told_in_short

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bench.cost.measuring import Row
    from bench.ground.progress import Display, Progress
    from bench.model.editable import EditableModel


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of one method: rows, or the reason why there are none."""

    method: str
    rows: tuple[Row, ...] = ()
    failure: str = ""


def run(plan: CostPlan, display: Display) -> Iterator[Measured]:
    """Measure every method of a plan.

    Yields:
        What became of each, as soon as it is known: large models take hours.

    Raises:
        BenchError: the model cannot be loaded, or the folder for statistics cannot be written.
    """
    try:
        plan.cache_dir.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="cost-", dir=plan.cache_dir)
    except OSError as error:
        raise BenchError(f"cannot write: {error.strerror}", file=plan.cache_dir) from error
    # statistics of random weights are of no use to anyone else, and those of a checkpoint would not be timed again
    with folder as cache, display.board(len(plan.methods)) as board:
        model = load(plan) if plan.device == "cuda" else None
        for chosen in plan.methods:
            label = f"{chosen.name} · {plan.model}"
            progress = board.cell(label)
            result = _here(plan, chosen, model, Path(cache), progress) if model else _apart(
                plan, chosen, Path(cache), progress
            )  # fmt: skip
            board.finished(label, "failed" if result.failure else "done", result.failure)
            yield result


def load(plan: CostPlan) -> EditableModel:
    """The model of a plan."""
    from bench.model.loading import load_editable
    from bench.model.shapes import random_model

    if plan.is_shape:
        return random_model(plan.model, plan.depth, plan.dtype, plan.device)
    return load_editable(plan.model, plan.dtype, plan.device, plan.cache_dir)


def machine(device: str) -> str:
    """The machine in a few words."""
    import torch

    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, {torch.cuda.get_device_properties(0).total_memory / 1e9:.0f} GB"
    threads = torch.get_num_threads()
    return f"{platform.machine()} processor, {threads} of {os.cpu_count()} cores"


def _here(plan: CostPlan, chosen: MethodPlan, model: EditableModel, cache: Path, progress: Progress) -> Measured:
    """Measure in this process; whatever a method does, the others are measured."""
    from bench.cost.measuring import measure

    try:
        return Measured(chosen.name, tuple(measure(plan, chosen, model, cache, progress)))
    except BenchError:
        raise
    except Exception as error:
        return Measured(chosen.name, failure=told_in_short(error))
    finally:
        model.reset()


# ---------------------------------------------------------------------------- a process of its own
@dataclass(frozen=True, slots=True)
class _Relay:
    """Progress, sent to the process that shows it."""

    writer: Connection

    def stage(self, text: str) -> None:
        self.writer.send(("stage", (text,)))

    def step(self, done: int, total: int, note: str) -> None:
        self.writer.send(("step", (done, total, note)))


def _apart(plan: CostPlan, chosen: MethodPlan, cache: Path, progress: Progress) -> Measured:
    """Measure in a process of its own.

    Raises:
        BenchError: bad input that the process came upon.
    """
    context = get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(plan, chosen, cache, writer), daemon=True)
    process.start()
    # the child holds the other copy: when it dies, reading ends
    writer.close()
    try:
        for kind, value in _messages(reader):
            if kind == "result":
                return Measured(**value)
            if kind == "error":
                raise BenchError(value)
            getattr(progress, kind)(*value)
    except BaseException:
        process.kill()
        raise
    finally:
        process.join()
    reason = "was killed, for want of memory perhaps: give --layers" if process.exitcode == -9 else "ended early"
    return Measured(chosen.name, failure=f"its process {reason}")


def _messages(reader: Connection) -> Iterator[tuple[str, Any]]:
    while True:
        try:
            yield reader.recv()
        except EOFError:
            return


def _work(plan: CostPlan, chosen: MethodPlan, cache: Path, writer: Connection) -> None:
    relay = _Relay(writer)
    try:
        relay.stage("loading")
        result = _here(plan, chosen, load(plan), cache, relay)
    except BenchError as error:
        writer.send(("error", str(error)))
        return
    except Exception as error:  # too little memory to load the model
        result = Measured(chosen.name, failure=told_in_short(error))
    writer.send(("result", {"method": result.method, "rows": result.rows, "failure": result.failure}))

"""A tiny model that something was done to, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from bench.api import EditReport, Fact, State
from bench.compute.driver import CellContext, Work
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.data.stream import EditStream, Step
from bench.export.delta import read
from bench.export.taking import Order, Taken, take
from bench.model import tiny
from tests.tinyworld import tiny_requests

Deploy = Callable[[object], AbstractContextManager[object]]


@dataclass
class Pushing:
    """A method that adds noise of low rank to a projection."""

    layer: int = 1
    rank: int = 2
    deploy: Deploy = field(default=nullcontext)

    def prepare(self, model, stats, context):
        return State()

    def apply(self, model, requests, state):
        d, m = model.weight(self.layer).shape
        draw = torch.Generator().manual_seed(7)
        thin = torch.randn(d, self.rank, generator=draw) @ torch.randn(self.rank, m, generator=draw)
        model.add(self.layer, thin / 3)
        return state, EditReport()

    def deployed(self, model, state):
        return self.deploy(model)


@dataclass(frozen=True)
class Edited:
    """A model edited in memory."""

    work: Work
    state: State
    facts: tuple[Fact, ...]

    @classmethod
    def make(cls, architecture: str = "llama", dtype: str = "float32", **method: object) -> Edited:
        model = tiny.tiny_model(architecture, dtype=dtype)
        facts = tuple(Fact(request) for request in tiny_requests()[:2])
        cell = Cell(
            method=MethodSpec(name="pushing", options={"layer": 1}),
            model=ModelRef(name="polyglot-tiny", dtype=dtype, fingerprint="0123456789abcdef"),  # type: ignore[arg-type]
            data=DataRef(name="facts.jsonl", fingerprint="f" * 32),
            schedule=Schedule(languages=("en", "de")),
        )
        stream = EditStream((Step(1, facts),))
        work = Work(cell, CellContext(cell), stream, {}, model, Pushing(**method), ())  # type: ignore[arg-type]
        state, _ = work.edit(stream.steps[0], State())
        return cls(work, state, facts)

    def take(self, out: Path, **order: object) -> Taken:
        # a guard of one's own: embedded questions are many, and a byte tokenizer makes them long
        return take(self.work, self.state, self.facts, Order(out, guard=self.facts[:1], **order))  # type: ignore[arg-type]

    def logits(self) -> torch.Tensor:
        return logits(self.work.model.hf)


@contextmanager
def halved(model) -> Iterator[object]:
    """A model that is deployed with half of its update, as PRUNE deploys a restrained one."""
    raw = model.weight(1).clone()
    model.set_weight(1, model.original(1) + (raw - model.original(1)) / 2)
    try:
        yield model
    finally:
        model.set_weight(1, raw)


def logits(hf) -> torch.Tensor:
    ids = torch.arange(2, 40).reshape(2, -1)
    with torch.no_grad():
        return hf(ids).logits


def base(edited: Edited) -> object:
    """The model as it was before, loaded again."""
    name, dtype = edited.work.model.hf.config.model_type, edited.work.cell.model.dtype
    return tiny.tiny_model(name.removesuffix("_text"), dtype=dtype).hf


def reloaded(edited: Edited, out: Path) -> object:
    hf = base(edited)
    read(out).apply(hf, "tiny")
    return hf


@pytest.fixture
def edited() -> Edited:
    return Edited.make()

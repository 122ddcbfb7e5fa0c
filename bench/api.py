"""The contracts of the benchmark: what a method is given, what an evaluator returns.

Read this page first. A run walks one straight line::

    load -> step -> edit -> evaluate -> record -> aggregate -> report

A *fact* is a subject, a relation asked by a prompt, and the target that an edit writes. Methods see
`EditRequest`s, evaluators see `Fact`s (requests with their probes) and return `Score` rows, never means.

Letters used for shapes everywhere: n facts, d hidden size, m input width of the edited projection (d_ff).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bench.ground.facts import SUBJECT_SLOT, EditRequest, Fact, Probe, ProbeKind
from bench.ground.rows import Kept, Reply, Score
from bench.model.answers import Answer, Change, Ending, Generated
from bench.model.reading import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Generator

    from bench.model.editable import EditableModel
    from bench.model.stats import Stats

__all__ = [
    "SUBJECT_SLOT",
    "Answer",
    "AskedApart",
    "Change",
    "Context",
    "DataReading",
    "EditReport",
    "EditRequest",
    "EditsApart",
    "Ending",
    "Evaluator",
    "Fact",
    "Generated",
    "Kept",
    "Method",
    "Preparing",
    "Probe",
    "ProbeKind",
    "Reading",
    "Reply",
    "Score",
    "Scorer",
    "State",
]


class Scorer(Protocol):
    """The read-only half of `EditableModel`: all that evaluators may touch."""

    @property
    def hf(self) -> Any:
        """The Hugging Face model as it is, for evaluators that let a harness generate text; not to be written to.

        Where the edits stand in a memory beside the weights, it is the edited model only for prompts read by `read`.
        """
        ...

    @property
    def tokenizer(self) -> Any:
        """The tokenizer that belongs to `hf`; not to be written to."""
        ...

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        """One forward per (prompt, target), batched; in the order given."""
        ...

    def changes(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Change | None]:
        """How the edits moved the next-token distributions where targets are expected; in the order given.

        None where a prompt and its target are longer than the model reads.
        """
        ...

    def generate(self, prompts: Sequence[str], endings: Sequence[Ending], most: int) -> list[Generated]:
        """What is said after each prompt of its own accord, at most so many tokens; in the order given."""
        ...

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        """What `hf` is given in the place of whole prompts, and with what part of a memory; in the order given.

        Args:
            rows: ids of prompts.
            rooms: tokens that are to follow each.
        """
        ...

    def switched(self, part: int) -> AbstractContextManager[None]:
        """While open, `hf` has that part of the memory; see `bench.model.reading.read_alike`, which does both."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """What ids of an answer say, for people; scores never depend on it."""
        ...

    def unedited(self) -> AbstractContextManager[Scorer]:
        """The same model as it was before any edit, for as long as the context is open."""
        ...


@dataclass(slots=True)
class State:
    """The only memory a method has between steps.

    Attributes:
        memory: what edits left behind; tensors and plain values by name, saved in every checkpoint.
        constants: what `prepare` derives from the unedited model; rebuilt on resume, never saved.
    """

    memory: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EditReport:
    """What one `apply` did.

    Attributes:
        losses: mean final loss terms of the step by name ("nll", "kl", ...).
        update_norms: Frobenius norm of the step's weight change by layer.
        seconds: wall seconds by phase: "values", "keys", "solve", "projection", "training".
        nullity: dimension of the null space that the step's update was kept in, by layer, of a method that has one.
    """

    losses: Mapping[str, float] = field(default_factory=dict)
    update_norms: Mapping[int, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    nullity: Mapping[int, int] = field(default_factory=dict)


class Context(Protocol):
    """What a cell tells its method and its evaluators."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that will be edited, in order."""
        ...

    @property
    def model_name(self) -> str:
        """Name of the model, as `bench.model.catalog.resolve` understands it."""
        ...

    @property
    def data_dir(self) -> Path | None:
        """Folder of downloaded data."""
        ...

    @property
    def answers_kept(self) -> Kept:
        """Which `Reply` rows are kept; others need not be made. Scores never depend on it."""
        ...

    def rng(self, part: str) -> Generator:
        """A fresh CPU generator for `part`; the same for every method of a seed, so comparisons pair."""
        ...

    def practice(self, languages: Sequence[str] = ()) -> Sequence[Fact]:
        """Facts to learn on before the first edit; none is edited or asked in any seed.

        Args:
            languages: of the facts and their probes; all of the run where none are given.

        Raises:
            BenchError: the data set has none, or not this language.
        """
        ...


@runtime_checkable
class Method(Protocol):
    """An editing method. One instance may serve many cells: what it remembers lives in the `State`."""

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Called on the unedited model, at the start of a cell and again on resume."""
        ...

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Write one step's edits into the model."""
        ...

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model as it is to be used; evaluators see this. Usually the model itself."""
        ...


class AskedApart(Protocol):
    """Edits of one model that know nothing of each other."""

    def answers(self, edits: Sequence[int], prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        """What the model says after one edit each, by the edit's place in its step."""
        ...


@runtime_checkable
class EditsApart(Protocol):
    """What a method may do besides: make many independent edits at once, without touching the model."""

    def apart(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> AskedApart:
        """The model edited by each request alone."""
        ...


class Evaluator(Protocol):
    """Turns an edited model and the facts edited so far into rows. One instance serves one cell."""

    def score(self, view: Scorer, seen: Sequence[Fact], context: Context) -> Iterator[Score | Reply]:
        """Rows, one per metric and probe; means only where a metric is defined on a whole set, as an F1 is.

        What the model said may stand among them.
        """
        ...


@runtime_checkable
class DataReading(Protocol):
    """What an evaluator may do besides: tell what it asks, so that changed questions are never taken for old ones."""

    def fingerprint(self, model_name: str, data_dir: Path | None) -> str:
        """Hash everything that scores depend on besides the options: items, task files.

        Raises:
            BenchError: the data is missing.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """What an evaluator may do besides: read its data before anything is edited."""

    def prepare(self, context: Context) -> None:
        """Called once, before the first edit.

        Raises:
            BenchError: the data is missing or bad; the cell has no results then.
        """
        ...

"""What `bench check` edits: one method on one tiny random model, with what several checks look at computed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from bench.api import EditRequest, Fact, Kept, Method, State
from bench.compute.tiny_facts import parallel_claims, parallel_requests, practice
from bench.config.cell import Cell
from bench.model import tiny
from bench.model.editable import EditableModel
from bench.model.stats import Stats


@dataclass(frozen=True, slots=True)
class Place:
    """A tiny architecture.

    Attributes:
        architecture: as `bench.model.tiny` names it.
        claims: it is a classifier of claims.
    """

    architecture: str
    claims: bool = False

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.architecture} on claims" if self.claims else self.architecture


def weights(model: EditableModel) -> dict[str, Tensor]:
    """A copy of all weights."""
    return {name: p.detach().clone() for name, p in model.hf.named_parameters()}


@dataclass(frozen=True, slots=True)
class Run:
    """Both steps edited, one after the other.

    Attributes:
        model: as the steps left it.
        before, after: its weights.
        edited: names of the parameters that it says were edited.
        state: what the method keeps.
    """

    model: EditableModel
    before: Mapping[str, Tensor]
    after: Mapping[str, Tensor]
    edited: frozenset[str]
    state: State


@dataclass(frozen=True)
class Bed:
    """A method and the statistics of one architecture."""

    place: Place
    method: Method
    options: Mapping[str, Any]
    stats: Stats
    cell: Cell
    folder: Path
    edits_nothing: bool
    edits_inner: bool = False
    in_context: bool = False
    device: str = "cpu"

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the facts."""
        return ("en", "de", "zh")

    @property
    def model_name(self) -> str:
        """As in the cell."""
        return self.cell.model.name

    @property
    def data_dir(self) -> None:
        """There is none."""
        return None

    @property
    def answers_kept(self) -> Kept:
        """Nobody looks at them."""
        return "none"

    def rng(self, part: str) -> torch.Generator:
        """Random numbers of one part of the method."""
        return torch.Generator().manual_seed(self.cell.seed_for(part))

    def practice(self, languages: Sequence[str] = ()) -> list[Fact]:
        """Facts to learn on."""
        wanted = languages or self.languages
        return [fact for fact in practice(self.place.claims) if fact.request.lang in wanted]

    @cached_property
    def steps(self) -> list[list[EditRequest]]:
        """Two steps of three edits."""
        requests = parallel_claims() if self.place.claims else parallel_requests()
        return [requests[:3], requests[3:]]

    def model(self, seed: int = 0) -> EditableModel:
        """A model that nothing was done to."""
        if self.place.claims:
            # one that only methods are checked on which edit any view
            return cast(EditableModel, tiny.tiny_classifier(self.place.architecture, seed, self.device))
        return tiny.tiny_model(self.place.architecture, seed, device=self.device)

    def editable(self, model: EditableModel, layer: int) -> Iterable[str]:
        """Names of the parameters that a method may change where it edits a layer."""
        return model.inner(layer) if self.edits_inner else model.parameter_names(layer)

    def start(self, model: EditableModel) -> State:
        """The method, prepared."""
        return self.method.prepare(model, self.stats, self)

    def edit(self, model: EditableModel, state: State, given: Sequence[Sequence[EditRequest]]) -> State:
        """The state after some steps."""
        for step in given:
            state, _ = self.method.apply(model, step, state)
        return state

    @cached_property
    def uninterrupted(self) -> Run:
        """Both steps in one go."""
        model = self.model()
        before = weights(model)
        state = self.edit(model, self.start(model), self.steps)
        return Run(model, before, weights(model), frozenset(model.edited()), state)

    def answers_after(self, step: Sequence[EditRequest], asked: Sequence[EditRequest] = ()) -> list[float]:
        """Log-probabilities of all target tokens of the first step, or of what is asked, after the edits of `step`."""
        model, asked = self.model(), asked or self.steps[0]
        state = self.edit(model, self.start(model), [step] if step else [])
        with self.method.deployed(model, state) as view:
            answers = view.answers([r.text for r in asked], [r.target for r in asked])
        return [logprob for answer in answers for logprob in answer.logprobs]

    @cached_property
    def answers(self) -> list[float]:
        """The answers after the first step."""
        return self.answers_after(self.steps[0])

    @cached_property
    def answers_apart(self) -> list[float]:
        """The answers to every request of the first step after its own edit alone, as editors are trained."""
        return [value for request in self.steps[0] for value in self.answers_after([request], [request])]

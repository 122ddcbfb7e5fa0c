"""Methods that learn to edit: a network is trained on practice facts before the first edit, and then makes updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from math import ceil
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from bench.api import Context, EditReport, EditRequest, Fact, Scorer, State
from bench.config.cell import counted
from bench.ground.digests import text_digest
from bench.model.groups import layers_of
from bench.model.stats import Stats
from methods._hyper.apart import EditedApart
from methods._hyper.examples import Model, examples, ids
from methods._hyper.factors import Shape, shape_of
from methods._hyper.lowrank import LowRank, updated
from methods._hyper.training import Course, Training, learned, read
from methods._locate.editor import Clock
from methods._locate.ends import TargetOptions
from methods._locate.layers import Layers

ALL = "all"

LEAST = 10
"""One practice fact in so many, at most, is not learnt on."""

LayersOrGroup = Annotated[Literal["IL", "ML", "LL", "RL"] | Layers, Field()]


class HyperOptions(TargetOptions):
    """Options of every method that learns to edit."""

    layers: LayersOrGroup = Field(description="edited layers, all matrices of their MLPs; or a group: IL, ML, LL, RL")
    practice: str = Field(ALL, description="languages to learn in: all of the run, or codes joined by +")
    training_steps: int = Field(ge=1, description="training steps at most")
    edits_per_step: int = Field(ge=1, description="practice edits of a training step")
    together: int = Field(
        1, ge=1, description="practice edits asked on the sum of their updates, as many as a step has; 1: each alone"
    )
    unrelated: int = Field(ge=1, description="unrelated facts asked beside each")
    lr: float = Field(gt=0, description="Adam step size of the network")
    c_edit: float = Field(ge=0, description="weight of the rephrase's NLL [cedit]")
    c_loc: float = Field(ge=0, description="weight of the drift on unrelated facts [cloc]")
    validate_every: int = Field(ge=1, description="training steps between two validations")
    held_out: int = Field(
        64, ge=1, description="practice facts not learnt on, which tell which editor is best; at most"
    )
    patience: int = Field(ge=1, description="validations without a better one that end training")
    kl: Literal["categorical", "bernoulli"] = Field(
        "categorical", description="drift of two logits as one distribution, or as two independent ones [XME]"
    )

    def course(self, rate_lr: float) -> Course:
        """The part that training reads."""
        return Course(
            self.training_steps, self.edits_per_step, self.unrelated, self.lr, rate_lr, self.c_edit, self.c_loc,
            self.validate_every, self.patience, self.kl == "bernoulli", self.together,
        )  # fmt: skip


Make = Callable[[Mapping[str, Shape], Model, torch.Generator], nn.Module]
"""(shapes of the weights by name, unedited model, generator of all draws) -> an untrained editor."""


@dataclass(frozen=True, slots=True)
class HyperEditor:
    """A method that learns to edit.

    Args:
        name: of the method.
        options: as given.
        make: makes the network.
        rate_lr: Adam step size of learned edit rates.
    """

    name: str
    options: HyperOptions
    make: Make
    rate_lr: float = 0.0

    def prepare(self, model: Model, stats: Stats, context: Context) -> State:
        """Read or train the editor."""
        layers = layers_of(self.options.layers, model.n_layers)
        modules = {name: module for layer in layers for name, module in model.inner(layer).items()}
        facts = self._practice(context)
        seed = 0  # of the editor, which is the same in every cell
        editor = self.make(
            {name: shape_of(module) for name, module in modules.items()}, model, torch.Generator().manual_seed(seed)
        ).to(model.device)
        course = self.options.course(self.rate_lr)
        practice = examples(model, facts, self.options.end_of_text)
        identity = {
            "method": self.name,
            "options": counted(self.options.model_dump(mode="json")),
            "course": asdict(course),
            "model": model.fingerprint + model.tokens.framed,
            "weights": list(modules),
            "practice": text_digest(*map(repr, facts)),
        }
        every = max(LEAST, ceil(len(practice) / self.options.held_out))
        held_out = practice[::every]
        learnt_on = [each for i, each in enumerate(practice) if i % every]
        trained = learned(
            Training(model, modules, editor, course, seed), learnt_on, held_out, stats.cache_dir / "editors", identity,
            stats.progress,
        )  # fmt: skip
        return State(constants={"editor": trained, "modules": modules})

    def _practice(self, context: Context) -> list[Fact]:
        wanted = () if self.options.practice == ALL else self.options.practice.split("+")
        return list(context.practice(wanted))

    def apply(self, model: Model, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Add the sum of all edits' updates, each made on the weights as they are before the step."""
        clock = Clock()
        with clock.phase("keys"):
            updates = self._updates(model, requests, state)
        norms: dict[int, float] = {}
        with clock.phase("solve"), torch.no_grad():
            for name, update in updates.items():
                delta = update.summed().dense()
                model.add_to(name, delta)
                layer = model.layer_of(name)
                norms[layer] = (norms.get(layer, 0.0) ** 2 + float(delta.norm()) ** 2) ** 0.5
        return state, EditReport({}, norms, clock.seconds)

    def apart(self, model: Model, requests: Sequence[EditRequest], state: State) -> EditedApart:
        """The model edited by each request alone."""
        updates = self._updates(model, requests, state)
        return EditedApart(model, lambda index: updated(state.constants["modules"], updates, index))

    def _updates(self, model: Model, requests: Sequence[EditRequest], state: State) -> dict[str, LowRank]:
        asked = ids(model, [(request.text, request.target) for request in requests], self.options.end_of_text)
        editor = state.constants["editor"]
        shown = read(editor, model, state.constants["modules"], asked)
        with torch.no_grad():
            found: dict[str, LowRank] = editor.propose(shown.factors, shown.conditions)
        return found

    def deployed(self, model: Model, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)

"""LocFT-BF: fine-tune one MLP output projection in shuffled epochs over a step's facts (Yang et al., ICLR 2026).

Breadth first: every epoch goes once over all facts of the step in mini-batches, in an order drawn anew, instead of
one fact being trained to its end before the next. Loss: the mean over facts of the mean NLL of a target's tokens given
the prompt, teacher-forced, an end-of-text token behind every target. Adam, fresh for every step, without weight decay
or any bound on the change; a batch whose loss is below 0.01 is skipped, an epoch whose mean is below it is the last.

Source: arXiv 2509.22072 and ICT-STAR/LocFT, ``fine-tune.py``. The release trains on all facts of a data set at once
(`methods.locft_bf_joint`) and seeds nothing; here it is given the facts of one step after another, as any method of a
stream is, and the order of an epoch is drawn by the cell's seed and the number of the step. Targets follow the prompt
as the data writes them, not always with a space.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from pydantic import Field

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods import ft
from methods._hyper.examples import ids
from methods._locate.editor import Clock
from methods._locate.ends import TargetOptions
from methods._locate.layers import Layer

STEPS = "steps"
"""Name in a state's memory of the number of steps edited."""


class Config(TargetOptions):
    """Options of LocFT-BF."""

    end_of_text: bool = Field(default=True, description="the tokenizer's end-of-text token follows every target")
    layer: Layer = Field(description="trained layer [layer]")
    steps: int = Field(ge=1, description="epochs over a step's facts [num_steps]")
    lr: float = Field(gt=0, description="Adam step size [lr]")
    batch_size: int = Field(ge=1, description="facts per update [batch_size]")

    def training(self) -> ft.Config:
        """The same as options of FT."""
        return ft.Config(**self.model_dump(), weight_decay=0, norm_constraint=None, objective="target")


@dataclass(frozen=True, slots=True)
class BreadthFirst:
    """See the module.

    Memory: `steps`, how many were edited.
    """

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Nothing but where draws come from."""
        model.check_layers([self.config.layer])
        return State({STEPS: 0}, {"context": context})

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Train on one step's facts with a fresh optimiser."""
        rows = ids(model, [(request.text, request.target) for request in requests], self.config.end_of_text)
        return state, trained(model, rows, self.config, state)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def trained(model: EditableModel, rows: Sequence[ft.Row], config: Config, state: State) -> EditReport:
    """Train on facts as one step, and count it."""
    clock, layer = Clock(), config.layer
    before = model.weight(layer).clone()
    generator = state.constants["context"].rng(f"epochs/{state.memory[STEPS]}")
    with clock.phase("training"):
        losses = ft.train(model, rows, config.training(), generator)
    state.memory[STEPS] += 1
    change = float((model.weight(layer) - before).norm())
    return EditReport({"nll": losses[-1]}, {layer: change}, clock.seconds)


def build(config: Config) -> Method:
    """LocFT-BF as described above."""
    return BreadthFirst(config)

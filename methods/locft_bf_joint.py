"""LocFT-BF on all facts so far at once: an upper line, for it keeps every fact it was ever given.

After each step the layer is put back as it was before any edit and trained on the facts of this and all earlier steps
together, as `methods.locft_bf` trains on one step. So after the last step the model is what ICT-STAR/LocFT's
``fine-tune.py`` makes of a whole data set, which is how the paper's numbers were made; and wherever it is scored, it
has just been trained on all that is asked. No editor of a stream does that: reports draw it beside the others, where it
is neither best nor second, and no other method is tested against it. Its steps grow longer: n of them cost (n + 1) / 2
times as much as those of `locft-bf`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods import locft_bf
from methods._hyper.examples import ids
from methods.locft_bf import BreadthFirst, trained

HPARAMS = "locft-bf"

SAW = "all facts at once"

FACTS = "facts"
"""Name in a state's memory of all facts so far."""


class Config(locft_bf.Config):
    """Options of LocFT-BF."""


@dataclass(frozen=True, slots=True)
class Joint:
    """See the module.

    Memory: that of `BreadthFirst`, and `facts`, the ids of the prompt and the target of every fact so far.
    """

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """As LocFT-BF, with no facts yet."""
        state = BreadthFirst(self.config).prepare(model, stats, context)
        state.memory[FACTS] = []
        return state

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Train the unedited layer on all facts so far; the norm is that of what the step changed."""
        layer = self.config.layer
        before = model.weight(layer).clone()
        new = ids(model, [(request.text, request.target) for request in requests], self.config.end_of_text)
        # lists, as they come back from a checkpoint
        state.memory[FACTS] = [*state.memory[FACTS], *map(list, new)]
        for name in model.parameter_names(layer):
            model.assign(name, model.original_of(name))
        rows = [(prompt, target) for prompt, target in state.memory[FACTS]]
        report = trained(model, rows, self.config, state)
        change = float(torch.linalg.vector_norm(model.weight(layer) - before))
        return state, EditReport(report.losses, {layer: change}, report.seconds)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def build(config: Config) -> Method:
    """LocFT-BF on all facts so far as described above."""
    return Joint(config)

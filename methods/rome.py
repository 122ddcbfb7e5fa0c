"""ROME: one rank-one update per fact at one layer (Meng et al., NeurIPS 2022).

dW = r u^T with u = C^-1 k / |C^-1 k| (Eq. 2; u = k / |k| where `use_moment` is off), k the mean key over all
prompts, and r = (v - y0) / (k0 . u), so that W + dW maps the bare prompt's key k0 from its output y0 to the target v.
Both are outputs of the projection itself, before a norm where one stands behind it (`bench.model.carrying`).
The facts of a step are edited one after another, each on the weights the last one left; the AlphaEdit repository
edits only the first fact of a batch. The key is averaged in u and bare in the division, as released. Released context
prefixes begin with English words in every language; here with each language's own, as in LangEdit, unless
`prefix_language` is ``en``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.hooks import tapped
from bench.model.sizes import FACTOR
from bench.model.stats import Stats
from methods._locate.anchors import anchored
from methods._locate.editor import Clock, ValueOptions, anchors_for, mean_losses, prefixes_for
from methods._locate.layers import Layer
from methods._locate.prompts import PromptSet, check_lengths, prompt_sets
from methods._locate.rules import moment_factors
from methods._locate.values import optimise_values

STATISTICS = FACTOR


class Config(ValueOptions):
    """Options of ROME."""

    layer: Layer = Field(description="edited layer")
    use_moment: bool = Field(description="whiten the key by the second moment [mom2_adjustment]")


@dataclass(frozen=True, slots=True)
class Keys:
    """What ROME reads of one fact at its layer.

    Attributes:
        mean: k, mean key over all prompts, [m].
        bare: k0, key of the bare prompt, [m].
        output: y0, the projection's output there, [d].
    """

    mean: Tensor
    bare: Tensor
    output: Tensor


@torch.no_grad()
def read_keys(model: EditableModel, prompts: PromptSet, layer: int) -> Keys:
    """Keys and output of one fact at `layer`, in one pass that stops there."""
    rows = [located.ids[: located.index + 1] for located in prompts.prompts]
    positions = [located.index for located in prompts.prompts]
    run = model.begin(rows)
    with tapped({layer: model.projection(layer)}) as seen:
        run.run(run.embedded, 0, layer + 1)
    keys = run.at(seen[layer].inputs, positions).float()
    return Keys(keys.mean(0), keys[0], run.at(seen[layer].outputs, positions)[0].float())


def rank_one(keys: Keys, target: Tensor, factor: Tensor | None) -> tuple[Tensor, Tensor]:
    """U [m] of unit length and r [d] of the update r u^T.

    Args:
        keys: see `Keys`.
        target: v [d].
        factor: Cholesky factor of C [m, m], or None to leave the key as it is.
    """
    mean = keys.mean.double()
    left = mean if factor is None else torch.cholesky_solve(mean[:, None], factor)[:, 0]
    left = left / left.norm()
    right = (target - keys.output).double() / (keys.bare.double() @ left)
    return left.float(), right.float()


@dataclass(frozen=True, slots=True)
class Rome:
    """See the module."""

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """The second moment's factor and the context prefixes."""
        config = self.config
        model.check_layers([config.layer])
        factor = None
        if config.use_moment:
            factor = moment_factors(model, stats, [config.layer])[config.layer]
        anchors = anchors_for(model, context, config, config.layer, at="projection")
        prefixes = prefixes_for(model, context, config)
        return State(constants={"prefixes": prefixes, "factor": factor, "anchors": anchors})

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Edit the facts one after another."""
        config, clock = self.config, Clock()
        before = model.weight(config.layer).clone()
        totals: dict[str, float] = {}
        sets = prompt_sets(model.tokens, requests, state.constants["prefixes"], config.end_of_text)
        check_lengths(sets, model.context_length)
        for prompts in sets:
            with clock.phase("values"):
                values = optimise_values(model, [prompts], config.layer, config.values(), "projection")
                told = mean_losses(values)
                if anchors := state.constants["anchors"]:
                    values, scaled = anchored(values, [prompts.request], anchors)
                    told |= scaled
            with clock.phase("keys"):
                keys = read_keys(model, prompts, config.layer)
            with clock.phase("solve"):
                left, right = rank_one(keys, values.targets[0], state.constants["factor"])
                model.add(config.layer, torch.outer(right, left))
            for name, value in told.items():
                totals[name] = totals.get(name, 0.0) + value
        losses = {name: total / len(requests) for name, total in totals.items()}
        change = float((model.weight(config.layer) - before).norm())
        return state, EditReport(losses, {config.layer: change}, clock.seconds)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def build(config: Config) -> Method:
    """ROME as described above."""
    return Rome(config)

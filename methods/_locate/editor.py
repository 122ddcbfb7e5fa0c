"""The common course of MEMIT and its relatives; a method is this with its own update rule.

For edited layers E[0..] in order (MEMIT, Meng et al. 2023, Algorithm 1): keys K under the weights as they are,
residual R = (Z - H) / layers left, update dW = rule(K, R), W += dW.

Z and H are outputs of the last layer's block. Where a norm stands behind the MLP, R is carried back through that of the
layer that is edited, so that dW K is what the projection has to put out besides (`bench.model.carrying`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Context, EditReport, EditRequest, Scorer, State
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods._locate.anchors import anchor_of, anchored
from methods._locate.ends import TargetOptions
from methods._locate.keys import Walk
from methods._locate.layers import Layers
from methods._locate.prefixes import ENGLISH, generate_prefixes
from methods._locate.prompts import check_lengths, prompt_sets
from methods._locate.values import REACHED, ValueConfig, Values, optimise_values


class ValueOptions(TargetOptions):
    """Options of every method that optimises target values; released names in brackets."""

    value_steps: int = Field(ge=1, description="forward passes of value optimisation [v_num_grad_steps]")
    value_lr: float = Field(gt=0, description="its Adam step size [v_lr]")
    value_decay: float = Field(ge=0, description="weight of ||delta|| / ||h0||^2 [v_weight_decay]")
    clamp: float = Field(gt=0, description="largest ||delta|| / ||h0|| [clamp_norm_factor]")
    kl_weight: float = Field(ge=0, description="weight of the drift of '{subject} is a' [kl_factor]")
    prefix_lengths: tuple[tuple[int, int], ...] = Field(
        description="context prefixes: (tokens, texts per seed word) [context_template_length_params]"
    )
    prefix_language: Literal["own", "en"] = Field(
        default="own",
        description="seed words of context prefixes: each language's own as in LangEdit, or English ones for all as in "
        "the released AlphaEdit and MEMIT",
    )
    anchor_facts: int = Field(
        default=0,
        ge=0,
        description="practice facts, in all languages together, that NAS measures the norm of values on, which all "
        "values are then scaled to; 0: they stay as they are [nas_restart]",
    )

    def values(self) -> ValueConfig:
        """The part that `optimise_values` reads."""
        return ValueConfig(self.value_steps, self.value_lr, self.value_decay, self.clamp, self.kl_weight)


class LocateOptions(ValueOptions):
    """Options of the MEMIT family."""

    layers: Layers = Field(description="edited layers, lowest first; 4-8 stands for 4,5,6,7,8")


class UpdateRule(Protocol):
    """What tells the members of the family apart."""

    def prepare(self, model: EditableModel, stats: Stats, layers: Sequence[int]) -> State:
        """Memory before the first edit and constants of the unedited model."""
        ...

    def begin(self, state: State) -> None:
        """Called once per step before the first solve (LangEdit moves its null space here)."""
        ...

    def solve(self, layer: int, keys: Tensor, residual: Tensor, state: State) -> Tensor:
        """DW [d, m] for keys K [m, n] and residual R [d, n]; a rule with a memory takes in the keys."""
        ...

    def recall(self, layer: int, keys: Tensor, state: State) -> None:
        """Take the keys of the step just solved, as they are now, into the memory for those it was solved with."""
        ...


Constrain = Callable[[Tensor, Tensor], Tensor]
"""(weights at the start of the step [d, m], update [d, m]) -> the update to keep."""


class Clock:
    """Wall seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent inside to `name`."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start


class Prefixed(Protocol):
    """Options of a method that has context prefixes."""

    @property
    def prefix_lengths(self) -> tuple[tuple[int, int], ...]:
        """(Tokens, texts per seed word)."""
        ...

    @property
    def prefix_language(self) -> Literal["own", "en"]:
        """Of the seed words."""
        ...


def prefixes_for(
    model: EditableModel, context: Context, options: Prefixed, languages: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Context prefixes of these languages, or of those that are edited; the same for every method of a seed.

    Args:
        model: unedited.
        context: of the cell.
        options: those of the method.
        languages: in place of those that are edited.
    """
    wanted = languages or context.languages
    seeded = {language: ENGLISH if options.prefix_language == ENGLISH else language for language in wanted}
    texts = {
        seeds: generate_prefixes(
            model, seeds, options.prefix_lengths, context.rng(f"prefixes/{seeds}/{options.prefix_lengths}")
        )
        for seeds in dict.fromkeys(seeded.values())
    }
    return {language: texts[seeds] for language, seeds in seeded.items()}


def anchors_for(
    model: EditableModel,
    context: Context,
    options: ValueOptions,
    layer: int,
    languages: Sequence[str] = (),
    at: Literal["block", "projection"] = "block",
) -> dict[str, float]:
    """NAS's norm of values in these languages, or in those that are edited; none where it is not asked for.

    Args:
        model: unedited.
        context: of the cell, whose practice facts are measured.
        options: those of the method.
        layer: where values are found.
        languages: in place of those that are edited.
        at: see `methods._locate.values.optimise_values`.

    Raises:
        BenchError: the data set has no practice facts.
    """
    if not options.anchor_facts:
        return {}
    most = max(1, options.anchor_facts // len(context.languages))
    anchors = {}
    for language in languages or context.languages:
        facts = context.practice((language,))
        drawn = torch.randperm(len(facts), generator=context.rng(f"anchors/{language}"))[:most]
        requests = [facts[int(i)].request for i in drawn]
        anchors[language] = anchor_of(model, requests, layer, options.values(), options.end_of_text, at)
    return anchors


def mean_losses(values: Values) -> dict[str, float]:
    """Mean final loss terms over the facts of a step, and the share of facts whose value does not say the target."""
    return {
        "total": float(values.loss.mean()),
        "nll": float(values.nll.mean()),
        "kl": float(values.kl.mean()),
        "unreached": float((values.nll > REACHED).float().mean()),
        "updates": float(values.updates.float().mean()),
    }


@dataclass(frozen=True, slots=True)
class LocateThenEdit:
    """A method of the family.

    Args:
        options: layers and value optimisation.
        rule: the update rule.
        constrain: applied to each layer's update of a whole step, or None. As in the released RECT the updates
            of higher layers are computed with the unconstrained lower ones in place.
        deploy: the model as it is to be used; None means as it is.
        keys_again: the rule remembers keys as they are at the end of the step. Keys of a layer depend on those below,
            which are edited before it, so they are what it was solved with but where `constrain` moves a lower layer
            afterwards.
    """

    options: LocateOptions
    rule: UpdateRule
    constrain: Constrain | None = None
    deploy: Callable[[EditableModel, Sequence[int]], AbstractContextManager[Scorer]] | None = None
    keys_again: bool = False

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Statistics of the unedited model, context prefixes, an empty memory."""
        model.check_layers(self.options.layers)
        state = self.rule.prepare(model, stats, self.options.layers)
        state.constants["prefixes"] = prefixes_for(model, context, self.options)
        state.constants["anchors"] = anchors_for(model, context, self.options, self.options.layers[-1])
        return state

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Write one step's edits into all layers."""
        clock, layers = Clock(), self.options.layers
        sets = prompt_sets(model.tokens, requests, state.constants["prefixes"], self.options.end_of_text)
        check_lengths(sets, model.context_length)
        with clock.phase("values"):
            values = optimise_values(model, sets, layers[-1], self.options.values())
            told = mean_losses(values)
            if anchors := state.constants["anchors"]:
                values, scaled = anchored(values, requests, anchors, model.post_norm(layers[-1]))
                told |= scaled
        with clock.phase("projection"):
            self.rule.begin(state)
        with clock.phase("keys"):
            walk = Walk(model, sets, layers[0])
        norms: dict[int, float] = {}
        updates: dict[int, Tensor] = {}
        start = {layer: model.weight(layer).clone() for layer in layers} if self.constrain else {}
        for place, layer in enumerate(layers):
            with clock.phase("keys"):
                keys, outputs = walk.keys_and_outputs(layer, layers[-1])
            with clock.phase("solve"):
                share = (values.targets - outputs) / (len(layers) - place)
                residual = walk.carried_back(share, values.written.norm(dim=1) if layer == layers[-1] else None).T
                update = self.rule.solve(layer, keys.T, residual.to(keys.device), state)
                model.add(layer, update)
                norms[layer] = float(update.norm())
                if self.constrain:
                    updates[layer] = update.to(start[layer])
        if self.constrain:
            with clock.phase("solve"):
                norms = _constrained(model, self.constrain, start, updates)
        if self.keys_again:
            with clock.phase("keys"):
                walk = Walk(model, sets, layers[0])
                for layer in layers:
                    self.rule.recall(layer, walk.keys_and_outputs(layer, layers[-1])[0].T, state)
        nullity = {layer: found.nullity for layer, found in state.constants.get("projectors", {}).items()}
        return state, EditReport(told, norms, clock.seconds, nullity)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself, or as `deploy` presents it."""
        return self.deploy(model, self.options.layers) if self.deploy else nullcontext(model)


def _constrained(
    model: EditableModel, constrain: Constrain, start: dict[int, Tensor], updates: dict[int, Tensor]
) -> dict[int, float]:
    """Put what is kept of a step's updates in their place; its norms by layer."""
    norms = {}
    for layer, before in start.items():
        kept = constrain(before, updates.pop(layer))
        model.set_weight(layer, before + kept)
        norms[layer] = float(kept.norm())
    return norms

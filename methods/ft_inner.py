"""FT on all MLP matrices of some layers, the baseline of MEND and XME (released ``algs/ft.py`` of MEND).

RMSprop on the matrices until the model says the target, 100 steps at most; the update of the last step is made and
never looked at. Nothing keeps other facts. Independent edits train side by side, each with weights of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.groups import layers_of
from bench.model.stats import Stats
from methods._hyper.apart import EditedApart
from methods._hyper.editor import LayersOrGroup
from methods._hyper.examples import Asked, Model, ids
from methods._hyper.factors import shape_of
from methods._locate.editor import Clock
from methods._locate.ends import TargetOptions

ENCODERS = True

CLIP = 100.0
"""Largest norm of an edit's gradient (released code)."""

DECAY, TINY = 0.99, 1e-8
"""Of RMSprop, torch's defaults."""


class Config(TargetOptions):
    """Options of FT on inner matrices."""

    layers: LayersOrGroup = Field(description="edited layers, all matrices of their MLPs; or a group: IL, ML, LL, RL")
    lr: float = Field(gt=0, description="RMSprop step size [lr]")
    steps: int = Field(100, ge=1, description="steps at most [max_edit_steps]")


@dataclass(frozen=True, slots=True)
class FineTuneInner:
    """See the module."""

    config: Config

    def prepare(self, model: Model, stats: Stats, context: Context) -> State:
        """The matrices that are trained."""
        layers = layers_of(self.config.layers, model.n_layers)
        model.check_layers(layers)
        return State(
            constants={"modules": {name: module for layer in layers for name, module in model.inner(layer).items()}}
        )

    def apply(self, model: Model, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Train on all facts of a step together, until all are said."""
        clock, modules = Clock(), state.constants["modules"]
        with clock.phase("training"):
            deltas = self._trained(model, modules, requests, [0] * len(requests))
        norms: dict[int, float] = {}
        for name, delta in deltas.items():
            model.add_to(name, delta[0])
            layer = model.layer_of(name)
            norms[layer] = (norms.get(layer, 0.0) ** 2 + float(delta.norm()) ** 2) ** 0.5
        return state, EditReport({}, norms, clock.seconds)

    def apart(self, model: Model, requests: Sequence[EditRequest], state: State) -> EditedApart:
        """The model trained on each fact alone."""
        modules = state.constants["modules"]
        deltas = self._trained(model, modules, requests, range(len(requests)))
        return EditedApart(model, lambda index: stacked(modules, deltas, index))

    def _trained(
        self, model: Model, modules: Mapping[str, nn.Module], requests: Sequence[EditRequest], edits: Sequence[int]
    ) -> dict[str, Tensor]:
        asked = ids(model, [(request.text, request.target) for request in requests], self.config.end_of_text)
        return train(model, modules, asked, edits, self.config.lr, self.config.steps)

    def deployed(self, model: Model, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def train(
    model: Model, modules: Mapping[str, nn.Module], asked: Sequence[Asked], edits: Sequence[int], lr: float, steps: int
) -> dict[str, Tensor]:
    """Updates [E, out, in] by weight: each edit is trained on its own rows until the model says all their targets.

    Args:
        model: unedited, or as earlier steps left it.
        modules: whose weights are trained.
        asked: prompts and targets.
        edits: which edit each belongs to, 0 to E - 1.
        lr: step size.
        steps: at most.
    """
    count = max(edits) + 1
    deltas = {
        name: torch.zeros(count, *shape_of(module), device=model.device, requires_grad=True)
        for name, module in modules.items()
    }
    squares = {name: torch.zeros_like(delta) for name, delta in deltas.items()}
    index = torch.tensor(edits, device=model.device)
    prompts, targets = [prompt for prompt, _ in asked], [target for _, target in asked]
    for _ in range(steps):
        with stacked(modules, deltas, index):
            said = model.said(prompts, targets)
        right = torch.tensor([a.predicted_ids == a.target_ids for a in said.answers()], device=model.device)
        learning = torch.zeros(count, dtype=torch.bool, device=model.device).index_fill(0, index[~right], True)
        if not learning.any():
            break
        size = torch.bincount(index, minlength=count)[index]
        gradients = torch.autograd.grad((said.nll() / size)[learning[index]].sum(), list(deltas.values()))
        norm = sum(gradient.square().sum((1, 2)) for gradient in gradients) ** 0.5
        shrink = (CLIP / (norm + 1e-6)).clamp(max=1) * learning
        with torch.no_grad():
            for (name, delta), gradient in zip(deltas.items(), gradients, strict=True):
                clipped = gradient * shrink[:, None, None]
                kept = squares[name].mul_(DECAY).addcmul_(clipped, clipped, value=1 - DECAY)
                delta -= lr * clipped / (kept.sqrt() + TINY)
    return {name: delta.detach() for name, delta in deltas.items()}


@contextmanager
def stacked(modules: Mapping[str, nn.Module], deltas: Mapping[str, Tensor], edits: Tensor) -> Iterator[None]:
    """While open, row b of a batch sees the weights W + delta[edits[b]]; deltas [E, out, in], edits [B]."""

    def add(delta: Tensor) -> object:
        def hook(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            update = args[0].float() @ delta[edits].mT
            return output + update.to(output)

        return hook

    handles = [modules[name].register_forward_hook(add(delta)) for name, delta in deltas.items()]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def build(config: Config) -> Method:
    """FT on inner matrices as described above."""
    return FineTuneInner(config)

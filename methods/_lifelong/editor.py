"""Editors that solve for an update of inputs and normalised gradients, with no value to optimise.

Of a module with N rows H [N, m], G [N, d] at the positions that foretell target tokens, and lifelong statistics of
[h | g] that have just taken these rows in,

    [h^ | g^] = ([h | g] - mean) / std,    v = -lr ||h^||^2 g^,    dW^T = (H^T H + l2 I)^-1 H^T V,

with H as it is on both sides of the inverse. By push-through it is H^T (H H^T + l2 I)^-1 V, one N x N solve.

What differs from both releases: a target follows its prompt as the data writes it, not always with a space; statistics
and solve are fp64, of which the N x N form makes little work. From UltraEdit's: pooled statistics are exact (it adds
the unbiased variance of a mini-batch times its rows, a few per cent too much, and NaN where that is a single row).
From StableEdit's: practice facts come from the data set (`Context.practice`) in an order drawn by the cell's seed, and
there may be fewer than asked for; Sigma is decomposed once a step, not for every matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import hypot

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn

from bench.api import Context, EditReport, EditRequest, Scorer, State
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods._hyper.examples import ids
from methods._hyper.factors import shape_of
from methods._lifelong.features import Features, features
from methods._lifelong.moments import Moments
from methods._locate.editor import Clock
from methods._locate.ends import TargetOptions
from methods._locate.layers import LayersOrNone
from methods._locate.solve import factorised, symmetric

WARM = "warm"
"""Name in a state's memory that tells whether the statistics are warm."""


class LifelongOptions(TargetOptions):
    """Options of every method of this kind; modules are named by layer and place in the MLP [edit_modules]."""

    gate_layers: LayersOrNone = Field(default=(), description="layers whose gate is edited (gate_proj)")
    up_layers: LayersOrNone = Field(default=(), description="layers whose input projection is edited (up_proj, fc_in)")
    layers: LayersOrNone = Field(
        default=(), validate_default=True, description="layers whose output projection is edited (down_proj, fc_out)"
    )
    lr: float = Field(gt=0, description="factor of the values [lr]")
    l2: float = Field(gt=0, description="weight of the identity in the solve [alpha; 1 in UltraEdit]")
    mini_batch: int = Field(default=10, ge=1, description="facts whose tokens share a mean loss [dataset.batch_size]")

    @field_validator("layers")
    @classmethod
    def _something_is_edited(cls, layers: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if not (layers or info.data.get("gate_layers") or info.data.get("up_layers")):
            raise ValueError("no matrix is edited; name layers, gate_layers or up_layers")
        return layers


@dataclass(frozen=True, slots=True)
class LifelongEditor:
    """See the module.

    Memory: for every shape of edited modules, named "dxm", what `Moments` has: `count`, `mean` and `squares` [m + d],
    and `scatter` [d, d] where gradients are whitened; and `warm`.

    Args:
        options: as given.
        whitened: gradients are whitened once there are enough rows, instead of standardised.
        warm_steps: steps on practice facts before the first edit, which edit the model, too.
        warm_batch: facts of each.
    """

    options: LifelongOptions
    whitened: bool = False
    warm_steps: int = 0
    warm_batch: int = 1

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Find the modules, and draw the practice facts."""
        modules = modules_of(model, self.options)
        shapes = {name: "x".join(map(str, shape_of(module))) for name, module in modules.items()}
        memory = {WARM: not self.warm_steps}
        for name, module in modules.items():
            outputs, inputs = shape_of(module)
            empty = Moments.empty(inputs, outputs, self.whitened, model.device)
            memory.update(empty.written(shapes[name]))
        return State(memory, {"modules": modules, "shapes": shapes, "practice": self._practice(context)})

    def _practice(self, context: Context) -> list[list[EditRequest]]:
        """Steps of practice, in the languages that are edited, in an order drawn by the cell's seed."""
        if not self.warm_steps:
            return []
        facts = [fact.request for fact in context.practice(context.languages)]
        order = torch.randperm(len(facts), generator=context.rng("warm-up")).tolist()
        chosen = [facts[i] for i in order[: self.warm_steps * self.warm_batch]]
        return [chosen[start : start + self.warm_batch] for start in range(0, len(chosen), self.warm_batch)]

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Edit with one step's facts; before the first step with practice facts, which the norms do not count."""
        clock = Clock()
        if not state.memory[WARM]:
            with clock.phase("training"):
                for step in state.constants["practice"]:
                    self._edit(model, step, state, Clock(), whitened=False)
            state.memory[WARM] = True
        norms = self._edit(model, requests, state, clock, self.whitened)
        return state, EditReport({}, norms, clock.seconds)

    def _edit(
        self, model: EditableModel, requests: Sequence[EditRequest], state: State, clock: Clock, whitened: bool
    ) -> dict[int, float]:
        """Take a step's features into the statistics, then solve; the update's norm by layer."""
        modules, shapes, options = state.constants["modules"], state.constants["shapes"], self.options
        with clock.phase("keys"):
            asked = ids(model, [(request.text, request.target) for request in requests], options.end_of_text)
            found = features(model, modules, asked, options.mini_batch)
            moments = {shape: Moments.read(state.memory, shape) for shape in shapes.values()}
            for name, (inputs, gradients) in found.items():
                moments[shapes[name]] = moments[shapes[name]].with_rows(inputs, gradients)
        norms: dict[int, float] = {}
        with clock.phase("solve"), torch.no_grad():
            roots = {shape: each.whitening() if whitened else None for shape, each in moments.items()}
            for name, each in found.items():
                delta = update(each, moments[shapes[name]], roots[shapes[name]], options.lr, options.l2)
                model.add_to(name, delta)
                layer = model.layer_of(name)
                norms[layer] = hypot(norms.get(layer, 0.0), float(delta.norm()))
        for shape, each_moments in moments.items():
            state.memory.update(each_moments.written(shape))
        return norms

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def modules_of(model: EditableModel, options: LifelongOptions) -> dict[str, nn.Module]:
    """The edited modules by the names of their weights.

    Raises:
        BenchError: the model has no such layer, or its MLPs have no gate.
    """
    if options.gate_layers and len(model.arch.into) < 2:
        raise BenchError("the model's MLPs have no gate", field="gate_layers")
    # in the order of `Arch.inner`: a gate if there is one, what leads in, what leads out
    places = ((0, options.gate_layers), (-2, options.up_layers), (-1, options.layers))
    return dict(list(model.inner(layer).items())[place] for place, layers in places for layer in layers)


def update(rows: Features, moments: Moments, root: Tensor | None, lr: float, l2: float) -> Tensor:
    """The update [d, m] of one module, fp64.

    Args:
        rows: H and G.
        moments: of all rows so far, these among them.
        root: Sigma^-1/2 of the gradients [d, d]; where there is none they are standardised.
        lr: factor of the values.
        l2: weight of the identity.
    """
    even, slopes = moments.standardised(*rows)
    inputs, gradients = (each.to(moments.mean) for each in rows)
    if root is not None:
        slopes = (gradients - moments.mean[inputs.shape[1] :]) @ root
    values = -lr * even.square().sum(1, keepdim=True) * slopes
    gram = symmetric(inputs @ inputs.T)
    gram.diagonal().add_(l2)
    return values.T @ torch.cholesky_solve(inputs, factorised(gram)[0])

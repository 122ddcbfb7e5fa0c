"""MEMOIR: a residual memory beside one projection, of which every edit writes and reads its own columns.

Wang et al. 2025 (arXiv 2506.07899), "Minimal Overwrite and Informed Retention". With the inputs x [m] of the projection
W at a layer, a memory V [d, m] that begins at zero, and a mask b [m] of k ones,

    y = W x + V (b o x),    b = TopHash(a): ones at pi(i) for the k largest |a_i|,

where a is the mean of x over the tokens of the prompt less that over background prompts, and pi a fixed permutation. An
edit draws its mask from its bare prompt and trains the columns of V in it, by gradient descent on the NLL of the target
after the bare and the prefixed prompt. A prompt that is asked gets the stored mask that most of its own k ones lie in
if these are at least the share tau, else none: it is then answered bit by bit as without edits.

Chosen before WISE because all of it could be read: code and settings for two models in SasyaTitech/NAS
``baselines/memoir``, a port of qym7/MEMOIR (WISE merges its shards by rules, and draws losses from data, that differ
between its paper and its copies). As there: edits one after another, SGD with weight decay 1e-5 and gradients of norm 1
at most, an early end. The decay is of the whole memory in every update, so each edit takes a little from all earlier
ones. Not as there: the loss is the mean over a target's tokens (the port divides by padding, too); the permutation is
drawn from the cell's seed; texts before prompts are those of all methods here, not beam search; background prompts are
practice facts in the run's languages (the release ships features of 100 prompts it does not name).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.reading import OFF, Reading
from bench.model.remembering import Remembering
from bench.model.sizes import Beside
from bench.model.stats import Stats
from methods._hyper.factors import shape_of
from methods._locate.editor import Clock, prefixes_for
from methods._locate.ends import TargetOptions
from methods._locate.layers import Layer
from methods._memory.looking import inputs
from methods._memory.loss import Loss
from methods._memory.practice import background

SAW = "practice facts"

BESIDE = Beside(inner=1, matrix=4)

DECAY, CLIP = 1e-5, 1.0
"""Of SGD: weight decay, and the largest norm of a gradient (released code)."""

SAID, STILL = 0.02, 1e-4
"""An edit is learnt when the loss is that small, and moved by that little in the last update (released code)."""


class Config(TargetOptions):
    """Options of MEMOIR; released names in brackets."""

    layer: Layer = Field(description="layer whose projection has the memory [inner_params]")
    steps: int = Field(ge=1, description="updates of an edit at most [n_iter]")
    lr: float = Field(gt=0, description="SGD step size [edit_lr]")
    top_k: int = Field(ge=1, description="columns of an edit [top_k]")
    overlap: float = Field(ge=0, le=1, description="least share of them that a prompt must have [irr_threshold]")
    prefix_lengths: tuple[tuple[int, int], ...] = Field(
        description="context prefixes: (tokens, texts per seed word) [context_template_length_params]"
    )
    prefix_language: Literal["own", "en"] = Field(
        "own", description="their seed words: each language's own, or English"
    )


@dataclass(frozen=True, slots=True)
class TopHash:
    """Makes masks of prompts.

    Attributes:
        model: unedited below the memory, whatever is stored.
        layer: that has the memory.
        order: pi [m].
        background: mean input over the tokens of background prompts [m].
        count: k.
    """

    model: EditableModel
    layer: int
    order: Tensor
    background: Tensor
    count: int

    def __call__(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Masks [n, m] of prompts."""
        top = (inputs(self.model, self.layer, rows, "mean") - self.background).abs().topk(self.count, dim=1).indices
        return torch.zeros(len(rows), len(self.order), dtype=torch.bool, device=top.device).scatter(
            1, self.order[top], True
        )


@contextmanager
def adding(projection: nn.Module, columns: Tensor, values: Tensor) -> Iterator[None]:
    """While open, a projection adds the memory's `columns` [k], whose `values` are [d, k]."""

    def hook(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        update = args[0][..., columns].float() @ values.T
        return output + update.to(output)

    handle = projection.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True, slots=True)
class Side:
    """The memory as prompts find it.

    Attributes:
        hashed: makes masks of them.
        weight: V [d, m].
        masks: of the edits [n, m].
        overlap: tau.
    """

    hashed: TopHash
    weight: Tensor
    masks: Tensor
    overlap: float

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        """Each prompt as it stands, with the columns of the edit that it is most like."""
        asked = [tuple(row) for row in rows]
        distinct = list(dict.fromkeys(asked))
        if not distinct or not len(self.masks):
            return [Reading(row) for row in asked]
        shares = self.hashed(distinct).float() @ self.masks.float().T / self.hashed.count
        best, nearest = shares.max(dim=1)
        parts = torch.where(best >= self.overlap, nearest + 1, OFF).tolist()
        found = dict(zip(distinct, parts, strict=True))
        return [Reading(row, found[row]) for row in asked]

    def switched(self, part: int) -> AbstractContextManager[None]:
        """The model with the columns of an edit, which count from 1."""
        if part == OFF:
            return nullcontext()
        columns = self.masks[part - 1].nonzero()[:, 0]
        return adding(self.hashed.model.projection(self.hashed.layer), columns, self.weight[:, columns])


@dataclass(frozen=True, slots=True)
class Memoir:
    """See the module."""

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """An empty memory, the permutation, and the mean of background prompts."""
        layer = self.config.layer
        model.check_layers([layer])
        mean = inputs(model, layer, background(context.practice(), model.tokens), "mean").mean(0)
        order = torch.randperm(len(mean), generator=context.rng("memoir")).to(mean.device)
        hashed = TopHash(model, layer, order, mean, min(self.config.top_k, len(mean)))
        weight = torch.zeros(shape_of(model.projection(layer)), device=mean.device)
        masks = torch.zeros(0, len(mean), dtype=torch.bool, device=mean.device)
        prefixes = prefixes_for(model, context, self.config)
        return State({"weight": weight, "masks": masks}, {"hashed": hashed, "prefixes": prefixes})

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Learn one step's facts, one after another."""
        clock, weight, stored = Clock(), state.memory["weight"].clone(), state.memory["masks"]
        with clock.phase("keys"):
            masks = state.constants["hashed"](model.tokens.prompts([request.text for request in requests]))
        losses = []
        with clock.phase("training"):
            for request, mask in zip(requests, masks, strict=True):
                prefixes = state.constants["prefixes"][request.lang]
                losses.append(self._learn(model, request, prefixes, mask.nonzero()[:, 0], weight))
        for mask in masks:
            if not (stored == mask).all(dim=1).any():
                stored = torch.cat([stored, mask[None]])
        norm = float((weight - state.memory["weight"]).norm())
        report = EditReport({"nll": sum(losses) / len(losses)}, {self.config.layer: norm}, clock.seconds)
        return State({**state.memory, "weight": weight, "masks": stored}, state.constants), report

    def _learn(
        self, model: EditableModel, request: EditRequest, prefixes: Sequence[str], columns: Tensor, weight: Tensor
    ) -> float:
        """Train the columns of one edit, in place; the loss before the last update."""
        prompts = model.tokens.prompts([prefix + request.text for prefix in ("", *prefixes)])
        targets = model.tokens.targets([request.target], end_of_text=self.config.end_of_text) * len(prompts)
        loss = Loss.of(model, self.config.layer, prompts, targets)
        values, seen, kept = weight[:, columns], [float("inf")], 1.0
        for _ in range(self.config.steps):
            if len(seen) > 2 and seen[-1] <= SAID and abs(seen[-1] - seen[-2]) <= STILL:
                break
            nll, gradient = loss.derived(values, partial(adding, model.projection(self.config.layer), columns))
            seen.append(float(nll.mean()))
            gradient /= len(nll)
            gradient *= (CLIP / (gradient.norm() + 1e-6)).clamp(max=1)
            values = values - self.config.lr * (gradient + DECAY * values)
            kept *= 1 - self.config.lr * DECAY
        weight *= kept
        weight[:, columns] = values
        return seen[-1]

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model with the memory."""
        memory = state.memory
        side = Side(state.constants["hashed"], memory["weight"], memory["masks"], self.config.overlap)
        return nullcontext(Remembering(model, side))


def build(config: Config) -> Method:
    """MEMOIR as described above."""
    return Memoir(config)

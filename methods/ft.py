"""FT: fine-tune one layer's MLP output projection on the edits with Adam (constrained where asked for).

Objective ``prompt_last`` (released, AlphaEdit and MEMIT ``ft_main``; EasyEdit's FT-L): the mean log-probability of all
target tokens *at the prompt's last position*, no teacher forcing. Objective ``target`` (FT-M): ordinary teacher-forced
cross entropy on the target. After each update every entry may be clamped to within `norm_constraint` of its value
at the start of the call. Unlike the release no BOS or padding is trained on as if it were part of the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.passes import Pass
from bench.model.stats import Stats
from bench.model.tokens import chunks_by_tokens
from methods._locate.editor import Clock
from methods._locate.ends import TargetOptions
from methods._locate.layers import Layer

STOP_LOSS = 1e-2
"""Batches below it are skipped; an epoch whose mean is below it is the last (released code)."""

Row = tuple[list[int], list[int]]
"""A prompt's ids and its target's ids."""


class Config(TargetOptions):
    """Options of FT."""

    layer: Layer = Field(description="trained layer")
    steps: int = Field(ge=1, description="epochs over a step's facts [num_steps]")
    lr: float = Field(gt=0, description="Adam step size")
    weight_decay: float = Field(ge=0, description="Adam's L2 penalty")
    norm_constraint: float | None = Field(gt=0, description="largest change of an entry per call, or null")
    batch_size: int = Field(ge=1, description="facts per update")
    objective: Literal["prompt_last", "target"] = Field(description="see the module")


@dataclass(frozen=True, slots=True)
class FineTune:
    """See the module."""

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Nothing to prepare."""
        model.check_layers([self.config.layer])
        return State()

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Train on one step's facts with a fresh optimiser."""
        clock, layer = Clock(), self.config.layer
        before = model.weight(layer).clone()
        prompts = model.tokens.prompts([r.text for r in requests])
        targets = model.tokens.targets([r.target for r in requests], end_of_text=self.config.end_of_text)
        with clock.phase("training"):
            losses = train(model, list(zip(prompts, targets, strict=True)), self.config)
        change = float((model.weight(layer) - before).norm())
        return state, EditReport({"nll": losses[-1]}, {layer: change}, clock.seconds)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return nullcontext(model)


def train(
    model: EditableModel, rows: Sequence[Row], config: Config, generator: torch.Generator | None = None
) -> list[float]:
    """Train the layer's projection (and its bias, where it has one) on prompts and targets.

    Args:
        model: is trained.
        rows: prompts and targets.
        config: of the training.
        generator: shuffles the facts anew for every epoch; where there is none they keep their order.

    Returns:
        The loss of every batch, in order.
    """
    shuffled = generator is not None and len(rows) > config.batch_size
    batches: list[_Batch] = []
    losses: list[float] = []
    with _trainable(model, config.layer) as parameters:
        masters = {name: nn.Parameter(model.master(name)) for name in parameters}
        box = {name: master.detach().clone() for name, master in masters.items()}
        optimizer = torch.optim.Adam(masters.values(), lr=config.lr, weight_decay=config.weight_decay)
        for _ in range(config.steps):
            epoch = 0.0
            if shuffled or not batches:
                batches = _batches(model, rows, config, generator if shuffled else None)
            for batch in batches:
                loss, gradients = batch.gradients(model, parameters)
                losses.append(loss)
                epoch += loss * len(batch.rows)
                if loss >= STOP_LOSS:
                    for name, gradient in gradients.items():
                        masters[name].grad = gradient
                    optimizer.step()
                    _write(model, masters, box, config.norm_constraint)
            if epoch / len(rows) < STOP_LOSS:
                break
    return losses


def _batches(
    model: EditableModel, rows: Sequence[Row], config: Config, generator: torch.Generator | None
) -> list[_Batch]:
    order = range(len(rows)) if generator is None else torch.randperm(len(rows), generator=generator).tolist()
    size = config.batch_size
    return [_Batch.build(model, [rows[i] for i in order[at : at + size]], config) for at in range(0, len(rows), size)]


@contextmanager
def _trainable(model: EditableModel, layer: int) -> Iterator[dict[str, nn.Parameter]]:
    parameters = {name: model.parameter(name) for name in model.parameter_names(layer)}
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    try:
        yield parameters
    finally:
        for parameter in parameters.values():
            parameter.requires_grad_(False)


@torch.no_grad()
def _write(
    model: EditableModel, masters: dict[str, nn.Parameter], box: dict[str, Tensor], constraint: float | None
) -> None:
    for name, master in masters.items():
        if constraint is not None:
            master.copy_(master.clamp(box[name] - constraint, box[name] + constraint))
        model.assign(name, master)


@dataclass(slots=True)
class _Batch:
    """The facts of one update, in as many chunks as memory asks for."""

    config: Config
    rows: Sequence[Row]
    chunks: list[_Chunk]

    @classmethod
    def build(cls, model: EditableModel, rows: Sequence[Row], config: Config) -> _Batch:
        def build(group: list[int]) -> _Chunk:
            return _Chunk.build(model, rows, sorted(group), config)

        lengths = [len(prompt) + len(target) for prompt, target in rows]
        return cls(config, rows, [chunk for _, chunk in model.budget.batches(lengths, build)])

    def gradients(self, model: EditableModel, parameters: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """The batch's loss and its gradients, fp32, by name."""

        def derive(chunk: _Chunk) -> tuple[float, tuple[Tensor, ...]]:
            loss = chunk.loss(model, self.config.layer)
            return loss.item(), torch.autograd.grad(loss, list(parameters.values()))

        def split(chunk: _Chunk, budget: int) -> list[_Chunk]:
            groups = chunks_by_tokens([sum(map(len, self.rows[i])) for i in chunk.members], budget)
            if len(groups) == 1:
                return [chunk]
            parts = [sorted(chunk.members[i] for i in group) for group in groups]
            return [_Chunk.build(model, self.rows, part, self.config) for part in parts]

        total, chunks = 0.0, []
        sums: dict[str, Tensor] = {}
        for chunk, (loss, gradients) in model.budget.run(self.chunks, split, derive):
            total += loss
            for name, gradient in zip(parameters, gradients, strict=True):
                sums[name] = sums[name] + gradient if name in sums else gradient.float()
            chunks.append(chunk)
        self.chunks = chunks
        return total, sums


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some facts of a batch, their states below the trained block computed once.

    Attributes:
        members: which ones.
        read: (row, column) of every logit the loss reads, [2, L].
        labels: token expected there, [L].
        share: its weight in the batch loss, [L].
    """

    members: Sequence[int]
    run: Pass
    hidden: Tensor
    read: Tensor
    labels: Tensor
    share: Tensor

    @classmethod
    def build(cls, model: EditableModel, batch: Sequence[Row], members: Sequence[int], config: Config) -> _Chunk:
        forced = config.objective == "target"
        rows = [batch[i] for i in members]
        read, labels, share = [], [], []
        for i, (prompt, target) in enumerate(rows):
            read += [(i, len(prompt) - 1 + (k if forced else 0)) for k in range(len(target))]
            labels += target
            share += [1 / (len(target) * len(batch))] * len(target)
        run = model.begin([prompt + target[:-1] if forced else prompt for prompt, target in rows])
        with torch.no_grad():
            hidden = run.run(run.embedded, 0, config.layer)
        device = hidden.device
        return cls(
            members,
            run,
            hidden,
            torch.tensor(read, device=device).T,
            torch.tensor(labels, device=device),
            torch.tensor(share, device=device),
        )

    def loss(self, model: EditableModel, layer: int) -> Tensor:
        """Its part of the batch's loss, which is the mean over facts of the mean NLL of a fact's target tokens."""
        hidden = self.run.run(self.hidden, layer, model.n_layers)
        row, column = self.read.to(hidden.device)
        logprobs = model.logits(hidden[row, column]).log_softmax(-1)
        of_labels = logprobs.gather(1, self.labels.to(logprobs.device)[:, None])[:, 0]
        return -(of_labels * self.share.to(of_labels.device)).sum()


def build(config: Config) -> Method:
    """FT as described above."""
    return FineTune(config)

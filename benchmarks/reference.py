"""Plain references, written straight from the formulas; what the released repositories do, stage by stage.

One fact at a time through the whole network, d_ff x d_ff systems, full singular value decompositions, one pass
over the corpus per layer, one row per prefix of a target. Nothing is made slower than it has to be: weights are
frozen, no cache is kept, linear algebra runs in the precision of the release. Where a release spends more (a
second head in value optimisation, products of m x m matrices for the projector), the cheaper form stands here.

Letters as in `bench.api`: n facts, d hidden size, m input width of the edited projection (d_ff).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bench.model.editable import EditableModel
from bench.model.hooks import hidden_of
from methods._locate.prompts import PromptSet
from methods._locate.values import ValueConfig

STOP_LOSS = 0.05
PROMPTS_PER_PASS = 128
"""Rows of one forward when keys are read (released ``repr_tools``)."""


def padded(model: EditableModel, rows: Sequence[Sequence[int]]) -> dict[str, Any]:
    """What the whole model is called with: rows padded on the right, no cache."""
    batch = model.tokens.batch(rows, model.device)
    return {"input_ids": batch.ids, "attention_mask": batch.mask, "use_cache": False}


@contextmanager
def hooked(module: nn.Module, hook: Any) -> Iterator[None]:
    """A forward hook for as long as the context is open."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


# ---------------------------------------------------------------------------- target values
@dataclass
class _Fact:
    """The loss of one fact as a function of its delta [d] (released ``compute_z``)."""

    model: EditableModel
    prompts: PromptSet
    layer: int
    config: ValueConfig
    initial: Tensor | None = None
    reference: Tensor | None = None
    inputs: dict[str, Any] = field(init=False)
    lookup: list[int] = field(init=False)
    labels: Tensor = field(init=False)

    def __post_init__(self) -> None:
        target = list(self.prompts.target_ids)
        rows = [[*located.ids, *target[:-1]] for located in self.prompts.prompts]
        self.inputs = padded(self.model, [*rows, self.prompts.essence.ids])
        self.lookup = [p.index for p in (*self.prompts.prompts, self.prompts.essence)]
        width = self.inputs["input_ids"].shape[1]
        labels = torch.full((len(rows), width), -100)
        for i, row in enumerate(rows):
            labels[i, len(row) - len(target) : len(row)] = torch.tensor(target)
        self.labels = labels.to(self.model.device)

    def loss(self, delta: Tensor) -> Tensor:
        """NLL + weighted KL + weight decay: one forward of the whole model, logits everywhere."""

        def add(_module: nn.Module, _args: Any, output: Any) -> None:
            hidden = hidden_of(output)
            if self.initial is None:
                self.initial = hidden[0, self.lookup[0]].detach().float().clone()
            for row, position in enumerate(self.lookup):
                hidden[row, position] += delta.to(hidden.dtype)

        with hooked(self.model.blocks[self.layer], add):
            logits = self.model.hf(**self.inputs).logits.float()
        count = len(self.labels)
        found = logits[:count].log_softmax(-1).gather(2, self.labels.clamp_min(0)[..., None])[..., 0]
        mask = (self.labels != -100).float()
        nll = (-(found * mask).sum(1) / len(self.prompts.target_ids)).mean()
        now = logits[-1, self.lookup[-1]].log_softmax(-1)
        if self.reference is None:
            self.reference = now.detach().clone()
        drift = (now.exp() * (now - self.reference)).sum()
        if self.initial is None:
            raise RuntimeError("the hook has not run")
        decay = delta.norm() / self.initial.norm() ** 2
        total: Tensor = nll + self.config.kl_weight * drift + self.config.decay * decay
        return total


def target_value(model: EditableModel, prompts: PromptSet, layer: int, config: ValueConfig) -> Tensor:
    """Optimise the value [d] of one fact."""
    fact = _Fact(model, prompts, layer, config)
    delta = torch.zeros(model.hf.config.hidden_size, device=model.device, requires_grad=True)
    optimizer = torch.optim.Adam([delta], lr=config.lr)
    for step in range(config.steps):
        optimizer.zero_grad()
        loss = fact.loss(delta)
        if loss < STOP_LOSS or step == config.steps - 1:
            break
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if fact.initial is not None:
            radius = config.clamp * fact.initial.norm()
            if delta.norm() > radius:
                with torch.no_grad():
                    delta.mul_(radius / delta.norm())
    if fact.initial is None:
        raise ValueError("value optimisation needs at least one step")
    value: Tensor = (fact.initial + delta).detach()
    return value


def target_values(model: EditableModel, sets: Sequence[PromptSet], layer: int, config: ValueConfig) -> Tensor:
    """Values [n, d], one fact after the other."""
    return torch.stack([target_value(model, prompts, layer, config) for prompts in sets])


# ---------------------------------------------------------------------------- keys
@torch.no_grad()
def keys_at(model: EditableModel, sets: Sequence[PromptSet], layer: int) -> Tensor:
    """Keys K [m, n] at `layer`: every prompt through the whole network, bare prompt 1/2, the others the rest."""
    rows = [p.ids for prompts in sets for p in prompts.prompts]
    index = [p.index for prompts in sets for p in prompts.prompts]
    found: list[Tensor] = []

    def keep(_module: nn.Module, args: tuple[Tensor, ...], _output: Any) -> None:
        start = sum(len(part) for part in found)
        at = index[start : start + len(args[0])]
        found.append(args[0][range(len(at)), at].float())

    with hooked(model.projection(layer), keep):
        _forward(model, rows)
    keys, start = [], 0
    per_row = torch.cat(found)
    for prompts in sets:
        of_fact = per_row[start : start + len(prompts.prompts)]
        start += len(prompts.prompts)
        keys.append(torch.stack([of_fact[:1].mean(0), of_fact[1:].mean(0)]).mean(0) if len(of_fact) > 1 else of_fact[0])
    return torch.stack(keys, dim=1)


@torch.no_grad()
def states_at(model: EditableModel, sets: Sequence[PromptSet], layer: int) -> Tensor:
    """Outputs [d, n] of block `layer` at the bare prompts' subjects."""
    bare = [prompts.prompts[0] for prompts in sets]
    found: list[Tensor] = []

    def keep(_module: nn.Module, _args: Any, output: Any) -> None:
        hidden = hidden_of(output)
        start = sum(len(part) for part in found)
        at = [p.index for p in bare[start : start + len(hidden)]]
        found.append(hidden[range(len(at)), at].float())

    with hooked(model.blocks[layer], keep):
        _forward(model, [p.ids for p in bare])
    return torch.cat(found).T


def _forward(model: EditableModel, rows: Sequence[Sequence[int]]) -> None:
    for start in range(0, len(rows), PROMPTS_PER_PASS):
        model.hf(**padded(model, rows[start : start + PROMPTS_PER_PASS]))


# ---------------------------------------------------------------------------- linear algebra
def ridge(moment: Tensor, keys: Tensor, residual: Tensor, weight: float) -> Tensor:
    """MEMIT: dW = R [(weight C + K K^T)^-1 K]^T, an m x m solve in fp64 (released ``memit_main``)."""
    keys = keys.double()
    system = weight * moment.double() + keys @ keys.T
    update: Tensor = residual.double() @ torch.linalg.solve(system, keys).T
    return update


def null_space(projector: Tensor, keys: Tensor, residual: Tensor, history: Tensor | None, l2: float) -> Tensor:
    """AlphaEdit: dW^T = [P (K K^T + S) + l2 I]^-1 P K R^T, an m x m solve in fp32 (released ``AlphaEdit_main``).

    Args:
        projector: P [m, m].
        keys: K [m, n].
        residual: R [d, n].
        history: S [m, m], sum of K K^T of earlier steps, or None.
        l2: regulariser.
    """
    gram = keys @ keys.T if history is None else keys @ keys.T + history
    system = projector @ gram + l2 * torch.eye(len(gram), device=gram.device)
    update: Tensor = torch.linalg.solve(system, projector @ keys @ residual.T).T
    return update


def projector_of(moment: Tensor, threshold: float) -> Tensor:
    """P [m, m] onto the singular directions below `threshold`: a full decomposition, then U U^T (released)."""
    small = small_directions(moment, threshold)
    return small @ small.T


def small_directions(moment: Tensor, threshold: float) -> Tensor:
    """Left singular vectors of C with a singular value below `threshold`, [m, k]."""
    left, values, _ = torch.linalg.svd(moment, full_matrices=False)
    small: Tensor = left[:, values < threshold]
    return small


# ---------------------------------------------------------------------------- statistics
class _StopHere(Exception):  # noqa: N818  (no error)
    """The layer that was asked for has been reached."""


@torch.no_grad()
def second_moment(
    model: EditableModel, rows: Iterable[Sequence[Sequence[int]]], layer: int, whole: bool
) -> tuple[Tensor, int]:
    """C [m, m] of one layer's keys over batches of rows, and the number of tokens.

    Args:
        model: unedited.
        rows: batches.
        layer: the layer.
        whole: run the whole model; else stop at the layer, as the released ``layer_stats`` does.
    """
    total: Tensor | None = None
    count = 0
    for batch in rows:
        inputs = padded(model, batch)
        real = inputs["attention_mask"].bool()
        seen: list[Tensor] = []

        def keep(_module: nn.Module, args: tuple[Tensor, ...], _output: Any, seen: list[Tensor] = seen) -> None:
            seen.append(args[0])
            if not whole:
                raise _StopHere

        with hooked(model.projection(layer), keep), suppress(_StopHere):
            model.hf(**inputs)
        keys = seen[0][real].float()
        total = keys.T @ keys if total is None else total + keys.T @ keys
        count += len(keys)
    if total is None:
        raise ValueError("no text")
    return total / count, count


# ---------------------------------------------------------------------------- editing metrics
@torch.no_grad()
def predictions(model: EditableModel, pairs: Sequence[tuple[list[int], list[int]]]) -> list[list[int]]:
    """Tokens said at every target position: one row per prefix of a target, all logits (``eval_utils_zsre``).

    Args:
        model: as it is to be scored.
        pairs: (prompt ids, target ids) of one record; they form one batch.

    Returns:
        Per pair as many ids as its target has.
    """
    rows = [[*prompt, *target[:k]] for prompt, target in pairs for k in range(len(target))]
    inputs = padded(model, rows)
    logits = model.hf(**inputs).logits
    last = inputs["attention_mask"].sum(1) - 1
    said = logits[torch.arange(len(rows), device=last.device), last].argmax(-1).tolist()
    found, start = [], 0
    for _, target in pairs:
        found.append(said[start : start + len(target)])
        start += len(target)
    return found

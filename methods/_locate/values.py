"""Target values: the hidden state at the subject's last token that makes the model say the target.

All facts of a step are optimised together (methods sheet 13.7 to 13.9): losses share no variables and Adam is
element-wise, so the sum of the per-fact losses gives each fact the same path as alone. In the loop run only
blocks above the edited layer, only from the subject's last token on, with logits only where the loss reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.model import EditableModel
from bench.passes import Pass, tapped
from bench.tokens import chunks_by_tokens
from methods._locate.prompts import PromptSet

STOP_LOSS = 0.05
"""A fact is done when its total loss falls below this (released code)."""


@dataclass(frozen=True, slots=True)
class ValueConfig:
    """How values are optimised (names of the released settings in brackets).

    Attributes:
        steps: forward passes; one Adam update less [v_num_grad_steps].
        lr: Adam step size [v_lr].
        decay: weight of ||delta|| / ||h0||^2, the norm not squared [v_weight_decay].
        clamp: largest ||delta|| / ||h0|| [clamp_norm_factor].
        kl_weight: weight of KL(edited || unedited) after "{subject} is" [kl_factor].
    """

    steps: int
    lr: float
    decay: float
    clamp: float
    kl_weight: float


@dataclass(frozen=True, slots=True)
class Values:
    """The result for n facts.

    Attributes:
        targets: h0 + delta, [n, d].
        initial: h0, [n, d].
        loss: total loss at the returned values, [n].
        nll: its target part, [n].
        kl: its KL part, [n].
        updates: Adam updates each fact took, [n].
    """

    targets: Tensor
    initial: Tensor
    loss: Tensor
    nll: Tensor
    kl: Tensor
    updates: Tensor


def optimise_values(
    model: EditableModel,
    sets: Sequence[PromptSet],
    layer: int,
    config: ValueConfig,
    anchor: Literal["block", "projection"] = "block",
) -> Values:
    """Find the target value of every fact at the output of `layer`.

    Args:
        model: weights are frozen; nothing is changed.
        sets: the facts' rows.
        layer: delta is added to the hidden state after this block, at the subject's last token of all rows.
        config: see `ValueConfig`.
        anchor: what h0 is: the block's output (MEMIT family) or its MLP projection's output (ROME). Adding
            delta to either is the same, for the projection's output is added to the block's.

    Returns:
        Values in the order of `sets`, fp32.
    """
    lengths = [_width(s) * (len(s.prompts) + 1) for s in sets]
    parts: dict[int, Values] = {}
    for group in chunks_by_tokens(lengths, max(model.token_budget, max(lengths))):
        values = _optimise(_Objective.build(model, [sets[i] for i in group], layer, anchor), config)
        for place, i in enumerate(group):
            parts[i] = Values(*(getattr(values, name)[place] for name in Values.__slots__))
    ordered = [parts[i] for i in range(len(sets))]
    return Values(*(torch.stack([getattr(v, name) for v in ordered]) for name in Values.__slots__))


def _width(prompts: PromptSet) -> int:
    longest = max(len(p.ids) for p in prompts.prompts) + len(prompts.target_ids) - 1
    return max(longest, len(prompts.essence.ids))


@dataclass
class _Objective:
    """The loss of several facts as a function of their deltas.

    Rows begin at the subject's last token: column 0 is where delta is added, column j reads token j after it.

    Attributes:
        hidden: states before the first block above the edited layer, [B, T, d], constant.
        initial: h0, [n, d].
        fact: fact of each row, [B].
        read: (row, column) of every logit the NLL reads, [2, L].
        labels: token expected there, [L].
        share: its weight in its fact's NLL, 1 / (rows of the fact x q), [L].
        essence: row of each fact's KL prompt, [n].
    """

    model: EditableModel
    layer: int
    run: Pass
    hidden: Tensor
    initial: Tensor
    fact: Tensor
    read: Tensor
    labels: Tensor
    share: Tensor
    essence: Tensor
    reference: Tensor | None = None

    @classmethod
    def build(cls, model: EditableModel, sets: Sequence[PromptSet], layer: int, anchor: str) -> _Objective:
        rows: list[list[int]] = []
        labels: list[int] = []
        starts, fact, read, share, essence, bare = [], [], [], [], [], []
        for i, prompts in enumerate(sets):
            bare.append(len(rows))
            q = len(prompts.target_ids)
            for located in prompts.prompts:
                first = len(located.ids) - 1 - located.index
                read += [(len(rows), first + k) for k in range(q)]
                labels += prompts.target_ids
                share += [1 / (len(prompts.prompts) * q)] * q
                starts.append(located.index)
                rows.append([*located.ids, *prompts.target_ids[:-1]])
            essence.append(len(rows))
            starts.append(prompts.essence.index)
            rows.append(prompts.essence.ids[: prompts.essence.index + 1])
            fact += [i] * (len(prompts.prompts) + 1)
        run = model.begin_at(rows, starts)
        with torch.no_grad(), tapped({layer: model.projection(layer)}) as seen:
            hidden = run.run(run.embedded, 0, layer + 1)
        source = hidden if anchor == "block" else seen[layer].outputs
        index = [torch.tensor(x, device=model.device) for x in (fact, read, labels, share, essence)]
        return cls(
            model=model,
            layer=layer,
            run=run,
            hidden=hidden,
            initial=source[bare, 0].float(),
            fact=index[0],
            read=index[1].T,
            labels=index[2],
            share=index[3],
            essence=index[4],
        )

    def __call__(self, delta: Tensor) -> tuple[Tensor, Tensor]:
        """NLL [n] and KL [n] at delta [n, d]; the first call (delta = 0) sets the KL's reference."""
        pushed = self.hidden[:, 0] + delta[self.fact].to(self.hidden.dtype)
        hidden = torch.cat([pushed[:, None], self.hidden[:, 1:]], dim=1)
        hidden = self.run.run(hidden, self.layer + 1, self.model.n_layers)
        picked = torch.cat([hidden[self.read[0], self.read[1]], hidden[self.essence, 0]])
        logprobs = self.model.logits(picked).log_softmax(-1)
        q, n = len(self.labels), len(self.essence)
        nll = -logprobs[:q].gather(1, self.labels[:, None])[:, 0] * self.share
        nll = nll.new_zeros(n).index_add(0, self.fact[self.read[0]], nll)
        now = logprobs[q:]
        if self.reference is None:
            self.reference = now.detach()
        return nll, (now.exp() * (now - self.reference)).sum(-1)


def _optimise(objective: _Objective, config: ValueConfig) -> Values:
    initial = objective.initial
    delta = torch.zeros_like(initial, requires_grad=True)
    optimizer = torch.optim.Adam([delta], lr=config.lr)
    scale = initial.norm(dim=1)
    active = torch.ones(len(initial), dtype=torch.bool, device=initial.device)
    updates = torch.zeros(len(initial), dtype=torch.long, device=initial.device)
    final = torch.zeros(3, len(initial), device=initial.device)
    for step in range(config.steps):
        nll, kl = objective(delta)
        loss = nll + config.kl_weight * kl + config.decay * delta.norm(dim=1) / scale**2
        # a fact's result is the vector its last loss was measured at
        final = torch.where(active, torch.stack([loss, nll, kl]).detach(), final)
        active = active & ~(loss.detach() < STOP_LOSS)
        if step == config.steps - 1 or not bool(active.any()):
            break
        delta.grad = torch.autograd.grad(loss[active].sum(), delta)[0]
        _step(optimizer, delta, active, config.clamp * scale)
        updates += active
    return Values((initial + delta).detach(), initial, final[0], final[1], final[2], updates)


@torch.no_grad()
def _step(optimizer: torch.optim.Adam, delta: Tensor, active: Tensor, radius: Tensor) -> None:
    before = delta.clone()
    optimizer.step()
    norm = delta.norm(dim=1)
    shrunk = delta * (radius / norm.clamp_min(torch.finfo(norm.dtype).tiny))[:, None]
    moved = torch.where((norm > radius)[:, None], shrunk, delta)
    # momentum would move facts that are done
    delta.copy_(torch.where(active[:, None], moved, before))

"""Target values: the hidden state at the subject's last token that makes the model say the target.

All facts of a step are optimised together (methods sheet 13.7 to 13.9): losses share no variables and Adam is
element-wise, so the sum of the per-fact losses gives each fact the same path as alone. In the loop run only
blocks above the edited layer, only from the subject's last token on, with logits only where the loss reads them.

Where a norm N stands behind the MLP (`bench.model.carrying`) delta is added before it, to the projection's output y,
and norms of h0 are norms of y: so any value that is found can be written by the projection alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.model.carrying import change
from bench.model.editable import EditableModel
from bench.model.hooks import picked, tapped
from bench.model.passes import Pass
from methods._locate.prompts import PromptSet

STOP_LOSS = 0.05
"""A fact is done when its total loss falls below this (released code)."""

REACHED = 0.1
"""NLL of the target up to which a value is said to have been found: the target has 90 % of the probability."""

SIMILAR = 0.5
"""Facts are optimised together where the shorter has at least this share of the longer's positions."""


@dataclass(frozen=True, slots=True)
class ValueConfig:
    """How values are optimised (names of the released settings in brackets).

    Attributes:
        steps: forward passes; one Adam update less [v_num_grad_steps].
        lr: Adam step size [v_lr].
        decay: weight of ||delta|| / ||h0||^2, the norm not squared [v_weight_decay].
        clamp: largest ||delta|| / ||h0|| [clamp_norm_factor].
        kl_weight: weight of KL(edited || unedited) after "{subject} is" [kl_factor].
        probable: a fact is also done once its target was the most probable one in so many evaluations in a row; 0 = it
            never is for that (ENCORE).
    """

    steps: int
    lr: float
    decay: float
    clamp: float
    kl_weight: float
    probable: int = 0


@dataclass(frozen=True, slots=True)
class Values:
    """The result for n facts.

    Attributes:
        targets: h0 + delta, [n, d]; of a block with a norm behind its MLP h0 + N(y + delta) - N(y).
        initial: h0, [n, d].
        outputs: y or v0, what the layer's projection puts out at the bare prompt, [n, d].
        written: v*, what it is to put out there, [n, d]: y + delta.
        loss: total loss at the returned values, [n].
        nll: its target part, [n].
        kl: its KL part, [n].
        updates: Adam updates each fact took, [n].
    """

    targets: Tensor
    initial: Tensor
    outputs: Tensor
    written: Tensor
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
        layer: delta is added to the hidden state after this block, at the subject's last token of all rows; to the
            output of its projection where a norm stands behind that.
        config: see `ValueConfig`.
        anchor: what h0 is: the block's output (MEMIT family) or its MLP projection's output (ROME). Adding
            delta to either is the same, for the projection's output is added to the block's, but for a norm between.

    Returns:
        Values in the order of `sets`, fp32.
    """

    def optimise(group: list[int]) -> Values:
        return _optimise(model, [sets[i] for i in group], layer, config, anchor)

    parts: dict[int, Values] = {}
    for group, values in model.budget.batches(sets, optimise, _groups):
        for place, i in enumerate(group):
            parts[i] = Values(*(getattr(values, name)[place] for name in Values.__slots__))
    ordered = [parts[i] for i in range(len(sets))]
    return Values(*(torch.stack([getattr(v, name) for v in ordered]) for name in Values.__slots__))


def _groups(sets: Sequence[PromptSet], budget: int) -> list[list[int]]:
    """Facts of similar length from the subject on, so that little padding is computed; each within the budget."""
    widths = [max(len(p.ids) - p.index for p in s.prompts) + len(s.target_ids) - 1 for s in sets]
    groups: list[list[int]] = []
    for i in sorted(range(len(sets)), key=lambda i: -widths[i]):
        widest = widths[groups[-1][0]] if groups else 0
        # a row more for each fact's KL prompt
        rows = sum(len(sets[k].prompts) + 1 for k in [*groups[-1], i]) if groups else 0
        if widths[i] >= SIMILAR * widest > 0 and rows * widest <= budget:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


@dataclass
class _Objective:
    """The loss of several facts as a function of their deltas.

    Rows begin at the subject's last token: column 0 is where delta is added, column j reads token j after it. The
    first rows are the facts' prompts, the last ones their KL prompts, which end at the subject.

    Attributes:
        run, hidden: the rows and their states before the first block above the edited layer, [B, T, d].
        initial: h0, [n, d].
        put_out: y, what the projection puts out where delta is added, of each row [B, d].
        outputs: the same of the bare prompts, [n, d].
        fact: fact of each row, [B].
        real: positions that hold a token, in [B x T].
        used: positions whose logits are read; in the last block no other matters.
        read: (row, column) of every logit the NLL reads, [2, L].
        labels: token expected there, [L].
        share: its weight in its fact's NLL, 1 / (rows of the fact x q), [L].
        reference: log-probabilities at the KL prompts before any change, [n, V].
        watched: whether `said` is wanted.
        said: of the last call, whether every token of a fact's target was the most probable at all its prompts, [n].
    """

    model: EditableModel
    layer: int
    run: Pass
    hidden: Tensor
    initial: Tensor
    put_out: Tensor
    outputs: Tensor
    fact: Tensor
    real: Tensor
    used: Tensor
    read: Tensor
    labels: Tensor
    share: Tensor
    reference: Tensor | None = None
    watched: bool = False
    said: Tensor | None = None

    @classmethod
    def build(cls, model: EditableModel, sets: Sequence[PromptSet], layer: int, anchor: str) -> _Objective:
        rows: list[list[int]] = []
        labels: list[int] = []
        starts, fact, read, share, bare = [], [], [], [], []
        for i, prompts in enumerate(sets):
            bare.append(len(rows))
            q = len(prompts.target_ids)
            for located in prompts.prompts:
                first = len(located.ids) - 1 - located.index
                read += [(len(rows), first + k) for k in range(q)]
                labels += prompts.target_ids
                share += [1 / (len(prompts.prompts) * q)] * q
                starts.append(located.index)
                fact.append(i)
                rows.append([*located.ids, *prompts.target_ids[:-1]])
        # what follows the subject in a KL prompt cannot reach it: causal attention
        rows += [s.essence.ids[: s.essence.index + 1] for s in sets]
        starts += [s.essence.index for s in sets]
        fact += range(len(sets))
        run = model.begin_at(rows, starts)
        width = run.embedded.shape[1]
        real = run.mask[:, -width:].flatten().nonzero()[:, 0]
        with torch.no_grad(), tapped({layer: model.projection(layer)}) as seen:
            hidden = run.run(run.embedded, 0, layer + 1, only=real)
        heads = torch.tensor(bare, device=real.device)
        firsts = torch.arange(len(rows), device=real.device) * width
        put_out = picked(seen[layer].outputs, torch.searchsorted(real, firsts)).float()
        outputs = put_out[heads.to(put_out.device)]
        initial = outputs if anchor == "projection" else picked(hidden, firsts[heads]).float()
        index = [torch.tensor(x, device=hidden.device) for x in (fact, read, labels, share)]
        where = index[1].T
        asked = torch.arange(len(rows) - len(sets), len(rows), device=hidden.device)
        used = torch.cat([where[0] * width + where[1], asked * width])
        return cls(
            model, layer, run, hidden, initial, put_out, outputs, index[0], real, used, where, index[2], index[3]
        )

    def __call__(self, delta: Tensor) -> tuple[Tensor, Tensor]:
        """NLL [n] and KL [n] at delta [n, d]; the first call (delta = 0) sets the KL's reference."""
        hidden = self._above(delta[self.fact])
        row, column = self.read.to(hidden.device)
        logprobs = self.model.logits(hidden[row, column]).log_softmax(-1)
        if self.watched:
            wrong = (logprobs.argmax(-1) != self.labels.to(logprobs.device)).to(delta)
            self.said = wrong.new_zeros(len(delta)).index_add(0, self.fact[self.read[0]], wrong) == 0
        of_labels = logprobs.gather(1, self.labels.to(logprobs.device)[:, None])[:, 0]
        nll = -of_labels.to(delta.device) * self.share
        nll = nll.new_zeros(len(delta)).index_add(0, self.fact[self.read[0]], nll)
        now = self.model.logits(hidden[-len(delta) :, 0]).log_softmax(-1)
        if self.reference is None:
            self.reference = now.detach()
        return nll, (now.exp() * (now - self.reference)).sum(-1).to(delta.device)

    def _above(self, delta: Tensor) -> Tensor:
        """States after the last block with delta [B, d] added in column 0; right at the positions used."""
        moved = change(self.model.post_norm(self.layer), self.put_out, delta)
        pushed = self.hidden[:, :1] + moved[:, None].to(self.hidden.dtype)
        hidden = torch.cat([pushed, self.hidden[:, 1:]], dim=1)
        last = max(self.layer + 1, self.model.n_layers - 1)
        hidden = self.run.run(hidden, self.layer + 1, last, only=self.real)
        return self.run.run(hidden, last, self.model.n_layers, only=self.used)


def _optimise(model: EditableModel, sets: Sequence[PromptSet], layer: int, config: ValueConfig, anchor: str) -> Values:
    objective = _Objective.build(model, sets, layer, anchor)
    objective.watched = config.probable > 0
    initial, outputs, norm = objective.initial, objective.outputs, model.post_norm(layer)
    delta = torch.zeros_like(initial, requires_grad=True)
    optimizer = torch.optim.Adam([delta], lr=config.lr)
    scale = (initial if norm is None else outputs).norm(dim=1)
    active = torch.ones(len(initial), dtype=torch.bool, device=initial.device)
    members = torch.arange(len(initial), device=initial.device)
    updates, streak = torch.zeros(2, len(initial), dtype=torch.long, device=initial.device)
    final = torch.zeros(3, len(initial), device=initial.device)
    for step in range(config.steps):
        nll, kl = objective(delta[members])
        decay = config.decay * delta[members].norm(dim=1) / scale[members] ** 2
        loss = nll + config.kl_weight * kl + decay
        # a fact's result is the vector its last loss was measured at
        now = torch.stack([loss, nll, kl]).detach()
        final[:, members] = torch.where(active[members], now, final[:, members])
        active[members] &= ~(now[0] < STOP_LOSS)
        if objective.said is not None:
            streak[members] = torch.where(objective.said, streak[members] + 1, 0)
            active[members] &= streak[members] < config.probable
        if step == config.steps - 1 or not bool(active.any()):
            break
        delta.grad = torch.autograd.grad(loss[active[members]].sum(), delta)[0]
        _step(optimizer, delta, active, config.clamp * scale)
        updates += active
        if 2 * int(active.sum()) <= len(members):
            # facts that are done no longer pay for the others
            kept, members = active[members], active.nonzero()[:, 0]
            reference = objective.reference
            objective = _Objective.build(model, [sets[int(i)] for i in members], layer, anchor)
            objective.reference = None if reference is None else reference[kept.to(reference.device)]
            objective.watched = config.probable > 0
    with torch.no_grad():
        targets = initial + (delta if anchor == "projection" else change(norm, outputs, delta))
        written = outputs + delta
    return Values(targets, initial, outputs, written, final[0], final[1], final[2], updates)


@torch.no_grad()
def _step(optimizer: torch.optim.Adam, delta: Tensor, active: Tensor, radius: Tensor) -> None:
    before = delta.clone()
    optimizer.step()
    norm = delta.norm(dim=1)
    shrunk = delta * (radius / norm.clamp_min(torch.finfo(norm.dtype).tiny))[:, None]
    moved = torch.where((norm > radius)[:, None], shrunk, delta)
    # momentum would move facts that are done
    delta.copy_(torch.where(active[:, None], moved, before))

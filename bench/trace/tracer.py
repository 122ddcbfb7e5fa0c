"""Causal tracing (Meng et al. 2022, section 2; released as `causal_trace`): where a fact is recalled.

The embeddings of the subject's tokens are corrupted by noise; then one state of the clean run is put back at one token
and one layer (a hidden state), or at a window of layers (what MLPs or attention add to the residual stream). The
indirect effect is by how much that raises the probability of the answer.

What a restored state cannot change is not computed again. Positions left of it are those of the corrupted run: their
keys and values are borrowed. Blocks below it are too: the pass begins at the block where the state is put back, from
the hidden states that the corrupted run had there. Restorations that begin at the same block are run together,
whatever their token, noise sample and fact.

Letters: F facts traced together, n noise samples, T tokens of the longest prompt, P tokens from the first of the
subject to the last of the prompt, L layers, J restorations run together, d hidden size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.ground.errors import BenchError
from bench.model.attention import PrefixCache
from bench.model.editable import EditableModel
from bench.model.hooks import tapped
from bench.model.passes import Pass, cached_inputs
from bench.model.tokens import Batch
from bench.trace.grouping import alike, few
from bench.trace.prompts import ATTENTION, HIDDEN, KINDS, MLP, Noise, Prompt, Traced

ATTENTION_OUTPUTS = ("o_proj", "out_proj", "c_proj", "dense")
"""What the last linear map of attention is called."""


def attention_output(block: nn.Module, feed_forward: str) -> nn.Module:
    """The last linear map of a block's attention; of its parts only MLP and attention have parts themselves.

    Raises:
        BenchError: it is not found.
    """
    found = [
        inner
        for name, part in block.named_children()
        if name != feed_forward
        for label, inner in part.named_children()
        if label in ATTENTION_OUTPUTS
    ]
    if len(found) != 1:
        raise BenchError(f"no attention was found in {type(block).__name__}")
    return found[0]


@dataclass(frozen=True)
class _Runs:
    """States of F facts in their clean and corrupted runs.

    Attributes:
        before: corrupted states before every block, and after the last: L + 1 of [F, n, T, d].
        clean: of every kind, what the clean run has at each layer: L of [F, T, d].
        keys: of the corrupted runs: L of [F, n, heads, T, width].
        values: as `keys`.
        high: [F]
        low: [F]
    """

    prompts: Sequence[Prompt]
    before: list[Tensor]
    clean: Mapping[str, list[Tensor]]
    keys: list[Tensor]
    values: list[Tensor]
    high: Tensor
    low: Tensor


@dataclass(frozen=True, slots=True)
class _Job:
    """One state to put back.

    Attributes:
        fact: which prompt.
        position: which of its tokens.
        layer: the layer it is put down to.
        start: first block to be run.
        stop: last block that is changed, plus one; a hidden state changes none, it is put in front of `start`.
    """

    fact: int
    position: int
    layer: int
    start: int
    stop: int


class Tracer:
    """Traces prompts through one model.

    Args:
        model: in any state of editing.
        noise: corrupts the subject.
        window: layers whose MLPs or attentions are restored together.
    """

    def __init__(self, model: EditableModel, noise: Noise, window: int) -> None:
        self.model, self.noise, self.window = model, noise, window
        # some MLPs and attentions add the residual themselves; their last linear maps never do
        self._outputs = {
            MLP: [model.projection(layer) for layer in range(model.n_layers)],
            ATTENTION: [attention_output(block, model.network.feed_forward) for block in model.blocks],
        }

    def trace(self, prompts: Sequence[Prompt], told: Callable[[int], None] = lambda done: None) -> list[Traced]:
        """Restore every state of every prompt.

        Args:
            prompts: with their answers.
            told: is called with the number of prompts that are done.
        """
        rows = 1 + self.noise.samples
        found: dict[int, Traced] = {}

        def work(group: list[int]) -> list[Traced]:
            return self._trace([prompts[i] for i in group])

        for group, traced in self.model.budget.batches([rows * len(p.ids) for p in prompts], work, few):
            found.update(zip(group, traced, strict=True))
            told(len(found))
        return [found[i] for i in range(len(prompts))]

    @torch.no_grad()
    def _trace(self, prompts: Sequence[Prompt]) -> list[Traced]:
        runs = self._observe(prompts)
        layers = self.model.n_layers
        scores = [torch.zeros(len(KINDS), len(p.ids) - p.first, layers) for p in prompts]
        for number, kind in enumerate(KINDS):
            for start, jobs in self._jobs(kind, prompts).items():
                lengths = [len(prompts[job.fact].ids) for job in jobs]
                sizes = [
                    (self.noise.samples * length, self.noise.samples * (length - job.position))
                    for length, job in zip(lengths, jobs, strict=True)
                ]

                def work(group: list[int], kind: str = kind, start: int = start, jobs: list[_Job] = jobs) -> Tensor:
                    return self._restore(runs, kind, start, [jobs[i] for i in group])

                for group, values in self.model.budget.batches(sizes, work, alike):
                    for job, value in zip((jobs[i] for i in group), values.tolist(), strict=True):
                        scores[job.fact][number, job.position - prompts[job.fact].first, job.layer] = value
        return [
            Traced(high, low, each)
            for high, low, each in zip(runs.high.tolist(), runs.low.tolist(), scores, strict=True)
        ]

    def _jobs(self, kind: str, prompts: Sequence[Prompt]) -> dict[int, list[_Job]]:
        """Everything to restore, by the block to begin with. Left of the subject nothing is corrupted."""
        jobs: dict[int, list[_Job]] = defaultdict(list)
        for layer in range(self.model.n_layers):
            start, stop = (layer + 1, 0) if kind == HIDDEN else window_of(layer, self.window, self.model.n_layers)
            for fact, prompt in enumerate(prompts):
                jobs[start] += [_Job(fact, p, layer, start, stop) for p in range(prompt.first, len(prompt.ids))]
        return jobs

    # ------------------------------------------------------------------ passes
    def _pass(self, mask: Tensor, cache: PrefixCache, columns: int, ids: Tensor | None = None) -> Pass:
        """A pass over the last `columns` of a mask [B, T]; where states are put in, ids do not matter."""
        given = torch.zeros_like(mask[:, -columns:]) if ids is None else ids
        return Pass(self.model.network, cached_inputs(self.model.trunk, given, mask, cache))

    def _observe(self, prompts: Sequence[Prompt]) -> _Runs:
        """Run every prompt clean and, n times, corrupted, all rows as one batch."""
        rows = 1 + self.noise.samples
        batch = self.model.tokens.batch([p.ids for p in prompts for _ in range(rows)], self.model.device)
        cache = PrefixCache()
        with _corrupting(self.model, self._noise_of(prompts, batch)):
            run = self._pass(batch.mask, cache, batch.mask.shape[1], batch.ids)
        hidden, before = run.embedded, [_by_fact(run.embedded, rows)[:, 1:]]
        clean: dict[str, list[Tensor]] = {kind: [] for kind in KINDS}
        for layer in range(self.model.n_layers):
            modules = {number: self._outputs[kind][layer] for number, kind in enumerate((MLP, ATTENTION))}
            with tapped(modules) as seen:
                hidden = run.run(hidden, layer, layer + 1)
            for kind, states in ((HIDDEN, hidden), (MLP, seen[0].outputs), (ATTENTION, seen[1].outputs)):
                clean[kind].append(_by_fact(states, rows)[:, 0].clone())
            before.append(_by_fact(hidden, rows)[:, 1:])
        last = [len(p.ids) - 1 for p in prompts for _ in range(rows)]
        answers = [p.answer for p in prompts for _ in range(rows)]
        p = _by_fact(self._probabilities(run.at(hidden, last), answers), rows)
        keys, values = ([_by_fact(getattr(c, name), rows)[:, 1:] for c in cache.layers] for name in ("keys", "values"))
        return _Runs(prompts, before, clean, keys, values, p[:, 0], p[:, 1:].mean(1))

    def _noise_of(self, prompts: Sequence[Prompt], batch: Batch) -> Tensor:
        """Noise [F (1 + n), T, d]: nothing in the clean rows and outside of the subject."""
        width = self.model.hf.get_input_embeddings().weight.shape[1]
        noise = torch.zeros(len(prompts), 1 + self.noise.samples, batch.ids.shape[1], width)
        for fact, prompt in enumerate(prompts):
            noise[fact, 1:, prompt.first : prompt.stop] = self.noise.draw(prompt.stop - prompt.first, width)
        return noise.flatten(0, 1).to(self.model.device)

    def _restore(self, runs: _Runs, kind: str, start: int, jobs: Sequence[_Job]) -> Tensor:
        """Probability of the answer [J], mean over samples, with each job's state put back."""
        samples, device = self.noise.samples, self.model.device
        fact, place = (torch.tensor(x, device=device) for x in zip(*((j.fact, j.position) for j in jobs), strict=True))
        length = torch.tensor([len(runs.prompts[j.fact].ids) for j in jobs], device=device)
        left, width = int(place.max()), int((length - place).max())
        # column `left` holds the restored token of every row
        columns = torch.arange(left + width, device=device) - left + place[:, None]
        mask = ((columns >= 0) & (columns < length[:, None])).long().repeat_interleave(samples, 0)
        columns = columns.clamp(0, runs.before[0].shape[2] - 1)
        hidden = _pick(runs.before[start], fact, columns[:, left:])
        if kind == HIDDEN:
            hidden[:, 0] = runs.clean[kind][start - 1][fact, place].repeat_interleave(samples, 0)
        if start < self.model.n_layers:
            run = self._pass(mask, self._borrowed(runs, start, fact, columns[:, :left]), width)
            with ExitStack() as stack:
                for layer in range(start, max(job.stop for job in jobs)):
                    held = torch.tensor([layer < job.stop for job in jobs], device=device)
                    state = runs.clean[kind][layer][fact, place]
                    put = _putting(held.repeat_interleave(samples), state.repeat_interleave(samples, 0))
                    stack.callback(self._outputs[kind][layer].register_forward_hook(put).remove)
                hidden = run.run(hidden, start, self.model.n_layers)
        last = (length - place - 1).repeat_interleave(samples)
        answers = [runs.prompts[j.fact].answer for j in jobs for _ in range(samples)]
        found = hidden[torch.arange(len(hidden), device=device), last]
        return self._probabilities(found, answers).view(-1, samples).mean(1)

    def _borrowed(self, runs: _Runs, start: int, fact: Tensor, columns: Tensor) -> PrefixCache:
        """Keys and values of the corrupted runs left of each restored token, for the blocks that will be run."""
        cache = PrefixCache()
        # masks are made from the length that layer 0 has
        for layer in sorted({0, *range(start, self.model.n_layers)}) if columns.shape[1] else ():
            keys, values = (_pick(x[layer].transpose(2, 3), fact, columns) for x in (runs.keys, runs.values))
            cache.update(keys.transpose(1, 2), values.transpose(1, 2), layer)
        cache.frozen = True
        return cache

    def _probabilities(self, hidden: Tensor, answers: Sequence[int]) -> Tensor:
        """Probability [B] of each row's answer, from states [B, d] as they leave the last block."""
        ids = torch.tensor(answers, device=hidden.device)
        return self.model.logits(hidden).softmax(-1).gather(1, ids[:, None])[:, 0]


def window_of(layer: int, window: int, layers: int) -> tuple[int, int]:
    """The layers [start, stop) of a window around `layer`, cut at the ends of the model."""
    return max(0, layer - window // 2), min(layers, layer + (window + 1) // 2)


def _by_fact(rows: Tensor, each: int) -> Tensor:
    """[F x each, ...] -> [F, each, ...]."""
    return rows.view(-1, each, *rows.shape[1:])


def _pick(states: Tensor, fact: Tensor, columns: Tensor) -> Tensor:
    """Columns [J, C] of facts [J] out of [F, n, T, ...] -> [J x n, C, ...]."""
    return states.transpose(1, 2)[fact[:, None], columns].transpose(1, 2).flatten(0, 1)


def _putting(held: Tensor, states: Tensor) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    """A hook that replaces the first column of the rows `held` [B] by `states` [B, d]."""

    def hook(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        first = torch.where(held[:, None], states, output[:, 0])
        return torch.cat([first[:, None], output[:, 1:]], 1)

    return hook


@contextmanager
def _corrupting(model: EditableModel, noise: Tensor) -> Iterator[None]:
    """While open, `noise` [B, T, d] is added to token embeddings."""

    def hook(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        return output + noise.to(output.dtype)

    handle = model.hf.get_input_embeddings().register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()

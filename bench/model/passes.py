"""Forward passes that can stop between two blocks and go on from there.

Editing needs hidden states at chosen blocks, many times, with most of the network unchanged. A `Pass` asks
the model once for the arguments each block gets (masks, rotary tables), with the blocks replaced by stand-ins
that do nothing, and then runs the very same block modules over any range.

A pass may also cover only the end of each row: the positions left of it are constant under causal attention, so
their keys and values are computed once and kept in a `PrefixCache`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop
from transformers import DynamicCache

from bench.model.attention import PrefixCache, sharing_heads
from bench.model.hooks import hidden_of, only_at, standing_in
from bench.model.placement import entry_device, is_offloaded
from bench.model.tokens import Batch


def run_trunk(trunk: nn.Module, batch: Batch) -> Tensor:
    """Final hidden states [B, T, d], after the last norm."""
    out = trunk(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
    hidden: Tensor = out.last_hidden_state
    return hidden


def blocks_return_tuples(trunk: nn.Module, block: nn.Module) -> bool:
    """Whether the trunk's blocks return (hidden, ...) or hidden alone; seen from one token."""
    seen: list[bool] = []
    handle = block.register_forward_hook(lambda _m, _a, output: seen.append(isinstance(output, tuple)))
    one = torch.zeros((1, 1), dtype=torch.long, device=entry_device(trunk))
    with torch.no_grad():
        run_trunk(trunk, Batch(one, torch.ones_like(one)))
    handle.remove()
    return seen[0]


@dataclass
class _Call:
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Network:
    """What passes run over.

    Attributes:
        trunk: the model without its head.
        blocks: its decoder blocks.
        feed_forward: path from a block to its MLP.
        tuples: the blocks return tuples (see `blocks_return_tuples`).
        offloaded: blocks whose weights are kept elsewhere while they do not run.
    """

    trunk: nn.Module
    blocks: nn.ModuleList
    feed_forward: str
    tuples: bool
    offloaded: frozenset[int]

    @classmethod
    def of(cls, trunk: nn.Module, blocks: nn.ModuleList, feed_forward: str) -> Network:
        """Look at the blocks; runs the trunk over one token."""
        offloaded = frozenset(i for i, block in enumerate(blocks) if is_offloaded(block))
        return cls(trunk, blocks, feed_forward, blocks_return_tuples(trunk, blocks[0]), offloaded)


def cached_inputs(trunk: nn.Module, ids: Tensor, mask: Tensor, cache: DynamicCache) -> dict[str, Any]:
    """What a trunk is called with for the last columns of rows, of which the cache has those before.

    Args:
        trunk: the model without its head.
        ids: of the last columns [B, k].
        mask: of all columns [B, T].
        cache: keeps their keys and values, unless it is a frozen `PrefixCache`.
    """
    inputs: dict[str, Any] = {
        "input_ids": ids, "attention_mask": mask, "past_key_values": cache, "use_cache": True,
    }  # fmt: skip
    # ALiBi models take positions from the mask, all others as an argument
    if "position_ids" in inspect.signature(trunk.forward).parameters:
        inputs["position_ids"] = (mask.cumsum(1) - 1).clamp_min(0)[:, -ids.shape[1] :]
    return inputs


@dataclass
class Pass:
    """A batch on its way through the blocks.

    Args:
        network: what it runs over.
        inputs: what the trunk is called with.

    Attributes:
        embedded: hidden states before block 0, [B, T, d].
    """

    network: Network
    inputs: dict[str, Any]
    embedded: Tensor = field(init=False)
    _calls: list[_Call] = field(init=False)

    def __post_init__(self) -> None:
        self._calls = []
        with torch.no_grad(), ExitStack() as stack:
            for block in self.network.blocks:
                stack.enter_context(standing_in(block, self._record))
            self.network.trunk(**self.inputs)

    @classmethod
    def over(cls, network: Network, batch: Batch) -> Pass:
        """A pass over whole rows, right-padded."""
        return cls(network, {"input_ids": batch.ids, "attention_mask": batch.mask, "use_cache": False})

    @classmethod
    def over_ends(cls, network: Network, batch: Batch, start: int) -> Pass:
        """A pass over columns from `start` on; the columns before it run here, once, through all blocks.

        Args:
            network: what it runs over.
            batch: rows padded on both sides, so that what each row is asked about begins in column `start`.
            start: the first column of the pass.
        """
        trunk, blocks = network.trunk, network.blocks
        cache = PrefixCache()
        if start:
            real = batch.mask[:, :start].flatten().nonzero()[:, 0]
            with torch.no_grad(), ExitStack() as stack:
                for block in blocks:
                    # the last one is run for its keys and values, no MLP comes into them
                    wanted = real if block is not blocks[-1] else real[:0]
                    stack.enter_context(only_at(block.get_submodule(network.feed_forward), wanted))
                trunk(**cached_inputs(trunk, batch.ids[:, :start], batch.mask[:, :start], cache))
        cache.frozen = True
        return cls(network, cached_inputs(trunk, batch.ids[:, start:], batch.mask, cache))

    def _record(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Stands in for every block: note what it would get."""
        if not self._calls:
            self.embedded = hidden_states
        self._calls.append(_Call(args, kwargs))
        return (hidden_states, None) if self.network.tuples else hidden_states

    @property
    def mask(self) -> Tensor:
        """Mask of real tokens [B, T]."""
        mask: Tensor = self.inputs["attention_mask"]
        return mask

    def run(self, hidden: Tensor, start: int, stop: int, only: Tensor | None = None) -> Tensor:
        """Run blocks `start` to `stop - 1` on hidden states [B, T, d].

        Args:
            hidden: states before block `start`.
            start: the first block.
            stop: the block not to be run any more.
            only: indices of the positions, in [B x T], whose states matter; MLPs are computed there alone, and what
                the other positions come to is not to be used.
        """
        with sharing_heads(self.network.trunk):
            for index in range(start, stop):
                again = index in self.network.offloaded and torch.is_grad_enabled()
                through = partial(self._recomputed if again else self._through, index, only)
                hidden = through(hidden)
        return hidden

    def _through(self, index: int, only: Tensor | None, hidden: Tensor) -> Tensor:
        call, block = self._calls[index], self.network.blocks[index]
        with nullcontext() if only is None else only_at(block.get_submodule(self.network.feed_forward), only):
            return hidden_of(block(hidden, *call.args, **call.kwargs))

    def _recomputed(self, index: int, only: Tensor | None, hidden: Tensor) -> Tensor:
        """As `_through`, but run anew on the way back: the graph would hold all weights that come and go."""

        def through(hidden: Tensor) -> Tensor:
            with sharing_heads(self.network.trunk):
                return self._through(index, only, hidden)

        # stopped early, accelerate would not let go of the last weights
        with set_checkpoint_early_stop(False):
            found: Tensor = checkpoint(through, hidden, use_reentrant=False, preserve_rng_state=False)
        return found

    def at(self, hidden: Tensor, positions: Sequence[int]) -> Tensor:
        """Pick one position per row: [B, T, d] -> [B, d]."""
        rows = torch.arange(len(positions), device=hidden.device)
        return hidden[rows, torch.tensor(positions, device=hidden.device)]

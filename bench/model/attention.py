"""Attention that copies no keys and values, and keys and values that are lent to later passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward


def _attend(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **kwargs: Any) -> Any:
    """As "sdpa"; but query heads share keys and values where they lie, which that leaves out under a mask."""
    if mask is None or query.device.type != "cpu" or kwargs.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, mask, **kwargs)
    shared = scaled_dot_product_attention(query, key, value, mask, scale=kwargs.get("scaling"), enable_gqa=True)
    return shared.transpose(1, 2).contiguous(), None


GROUPED = "sdpa_grouped"
AttentionInterface.register(GROUPED, _attend)


@contextmanager
def sharing_heads(trunk: Any) -> Iterator[None]:
    """While open, attention of a model that uses "sdpa" copies no keys and values.

    A family that does not look up its attention by name (Falcon compares the name with "sdpa") keeps its own.
    """
    config = trunk.config
    before = config._attn_implementation
    if before == "sdpa" and getattr(trunk, "_supports_attention_backend", False):
        config._attn_implementation = GROUPED
    try:
        yield
    finally:
        config._attn_implementation = before


class PrefixCache(DynamicCache):  # type: ignore[misc]
    """Keys and values of a prefix; once `frozen`, it lends them to every later call and keeps nothing new.

    Those of one row are lent to any number of rows.
    """

    frozen = False

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Prefix and new states of a layer, joined."""
        if not self.frozen:
            joined: tuple[Tensor, Tensor] = super().update(key_states, value_states, layer_idx, *args, **kwargs)
            return joined
        if layer_idx >= len(self.layers):
            return key_states, value_states
        kept = self.layers[layer_idx]
        keys, values = (each.expand(len(key_states), -1, -1, -1) for each in (kept.keys, kept.values))
        return torch.cat([keys, key_states], dim=-2), torch.cat([values, value_states], dim=-2)

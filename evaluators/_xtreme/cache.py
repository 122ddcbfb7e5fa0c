"""Keys and values of a prefix, for rows that go on from there, with room for what follows.

The library's cache is copied for every token that a batch grows by; for a small model that is a tenth of the work.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


def extend(cache: DynamicCache, copies: int, room: int) -> None:
    """Hand the keys and values of one row to `copies` rows, each with room for so many tokens more."""
    # a GPU may choose another kernel for another layout
    if any(type(layer) is not DynamicLayer or layer.keys.device.type != "cpu" for layer in cache.layers):
        cache.batch_repeat_interleave(copies)
    else:
        cache.layers = [RoomyLayer(layer, copies, room) for layer in cache.layers]


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Grows in place as long as there is room.

    Args:
        filled: what it begins with, of one row.
        copies: rows.
        room: tokens that can follow.
    """

    def __init__(self, filled: DynamicLayer, copies: int, room: int) -> None:
        super().__init__()
        self.lazy_initialization(filled.keys, filled.values)
        self._places = [_roomy(each, copies, room) for each in (filled.keys, filled.values)]
        self.keys, self.values = (place[..., : filled.get_seq_length(), :] for place in self._places)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """As the library's: add to keys and values, return all of them."""
        start = self.get_seq_length()
        stop = start + key_states.shape[-2]
        if stop > self._places[0].shape[-2]:
            grown: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return grown
        for place, states in zip(self._places, (key_states, value_states), strict=True):
            place[..., start:stop, :] = states
        self.keys, self.values = (place[..., :stop, :] for place in self._places)
        return self.keys, self.values


def _roomy(states: Tensor, copies: int, room: int) -> Tensor:
    _, heads, length, width = states.shape
    place = states.new_empty((copies, heads, length + room, width))
    place[..., :length, :] = states
    return place

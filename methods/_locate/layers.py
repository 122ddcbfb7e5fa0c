"""The layers that a method edits, as options give them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from bench.ground.layers import layer_numbers

# strict, for true would be taken for layer 1
Layer = Annotated[int, Field(strict=True, ge=0)]
"""One block, counted from 0."""


def _whole(layers: Any) -> list[Any]:
    written = layer_numbers(layers)
    if any(type(each) is not int or each < 0 for each in written):
        raise ValueError("layers must be whole numbers from 0")
    return written


def _ascending(layers: tuple[int, ...]) -> tuple[int, ...]:
    # a residual is spread upwards: in another order the last layer would not be the one that values were made for
    if any(lower >= upper for lower, upper in pairwise(layers)):
        raise ValueError("layers must be strictly ascending")
    return layers


Layers = Annotated[tuple[int, ...], Field(min_length=1), BeforeValidator(_whole), AfterValidator(_ascending)]
"""Blocks that are edited together, the lowest first, none twice."""

LayersOrNone = Annotated[
    tuple[int, ...],
    BeforeValidator(lambda given: () if given is None or given in ([], ()) else _whole(given)),
    AfterValidator(_ascending),
]
"""The same, or none."""

"""Layers as people write them: numbers and ranges."""

from __future__ import annotations

from typing import Any

import pytest

from bench.ground.layers import layer_numbers


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("4-8", [4, 5, 6, 7, 8]),
        ("4", [4]),
        (" 0-2, 5 ", [0, 1, 2, 5]),
        (["0-2", 5], [0, 1, 2, 5]),
        ("3-3", [3]),
        ([4, 5], [4, 5]),
        ((4, 5), [4, 5]),
        (4, [4]),
    ],
)
def test_a_range_stands_for_the_layers_in_it(written: Any, meant: list[int]) -> None:
    assert layer_numbers(written) == meant


@pytest.mark.parametrize("written", ["a", "1.5", "-1", "8-4", "1-", "1-2-3", "0-99999999", "²"])
def test_what_is_no_layer_is_named(written: str) -> None:
    with pytest.raises(ValueError, match=f"'{written}'"):
        layer_numbers(f"1,{written}")


@pytest.mark.parametrize("written", ["", " ", ",", []])
def test_nothing_is_no_layer(written: Any) -> None:
    with pytest.raises(ValueError, match="no layer"):
        layer_numbers(written)

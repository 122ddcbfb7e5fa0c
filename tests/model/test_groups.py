"""Groups of layers are XME's where it names them, and thirds elsewhere."""

from __future__ import annotations

import pytest

from bench.ground.errors import BenchError
from bench.model.groups import GROUPS, layers_of


@pytest.mark.parametrize(
    ("blocks", "group", "layers"),
    [
        (12, "IL", (0, 1, 2, 3)),
        (12, "RL", (2, 4, 6, 9)),
        (24, "ML", (14, 15, 16, 17)),
        (24, "RL", (8, 13, 17, 21)),
        (6, "IL", (0, 1)),
        (6, "ML", (2, 3)),
        (6, "LL", (4, 5)),
        (6, "RL", (1, 4)),
    ],
)
def test_groups_by_number_of_blocks(blocks: int, group: str, layers: tuple[int, ...]) -> None:
    assert layers_of(group, blocks) == layers


@pytest.mark.parametrize("blocks", [3, 4, 5, 7, 32])
def test_groups_of_any_model_lie_in_it_and_do_not_overlap(blocks: int) -> None:
    first, middle, last, _ = (layers_of(group, blocks) for group in GROUPS)
    assert first + middle + last == tuple(sorted({*first, *middle, *last}))
    assert all(0 <= layer < blocks for group in GROUPS for layer in layers_of(group, blocks))


def test_layers_that_are_named_are_taken_as_they_are() -> None:
    assert layers_of((5, 2), 12) == (5, 2)


def test_a_model_too_small_for_groups_is_told() -> None:
    with pytest.raises(BenchError, match="a model of 2 blocks has no groups of layers"):
        layers_of("LL", 2)


def test_an_unknown_group_is_told() -> None:
    with pytest.raises(BenchError, match="group of layers"):
        layers_of("XL", 12)

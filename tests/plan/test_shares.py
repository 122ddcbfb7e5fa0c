"""A grid in shares: every cell is in one, they cost about the same, and everybody finds the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ground.errors import BenchError
from bench.plan.shares import Share, split

COSTS = st.lists(st.lists(st.floats(0, 1e6), max_size=12), min_size=1, max_size=4)


@given(COSTS, st.integers(1, 9))
def test_every_cell_is_in_one_share_and_shares_are_even(costs: list[list[float]], of: int) -> None:
    shares = split(costs, of)
    assert len(shares) == of
    for part, pieces in enumerate(costs):
        found = sorted(place for share in shares for place in share[part])
        assert found == list(range(len(pieces)))
    loads = [sum(costs[part][place] for part, places in enumerate(share) for place in places) for share in shares]
    largest = max((each for part in costs for each in part), default=0)
    # the last piece that a share got went to the one that had the least
    assert max(loads) - min(loads) <= largest * 1.000001 + 1e-6
    assert split(costs, of) == shares


def test_the_first_part_is_even_by_itself_and_the_rest_fills_up() -> None:
    shares = split([[6, 5, 4, 3, 2], [10, 1, 1]], 2)
    assert shares == [[[0, 3, 4], [1, 2]], [[1, 2], [0]]]


def test_what_costs_nothing_is_spread_as_well() -> None:
    assert [len(share[0]) for share in split([[0] * 8], 4)] == [2, 2, 2, 2]


@pytest.mark.parametrize("text", ["", "2", "2/", "0/2", "3/2", "-1/2", "1/0", "a/b", "1/2/3", "1/99999", "٢/٢ x"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BenchError, match="--shard takes NUMBER/OF"):
        Share.parse(text)


def test_shares_count_from_one() -> None:
    assert Share.parse(" 2 / 8 ") == Share(2, 8)
    assert Share.parse("1/1") == Share(1, 1)

"""Ranks and groups: what the tests of all pairs leave open stays open."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.store.results import load_results
from reports.numbers import grouping
from reports.numbers.aggregate import Panel, panels
from reports.numbers.f1 import Found
from reports.numbers.grouping import Ranking, ranked, ranking
from reports.numbers.measures import EFFICACY, MAIN, XTREME
from reports.numbers.significance import Outcome, holm, paired_over_facts
from tests.reports.test_f1 import panel as f1_panel
from tests.reports.world import LEVELS, World


def ranks(names: str, *apart: str) -> Ranking:
    """Methods of one letter each, the best first, and pairs that differ, the better one first."""
    outcomes = {}
    for first, second in combinations(names, 2):
        sign = 1.0 if first + second in apart else -1.0 if second + first in apart else 0.0
        outcomes[first, second] = Outcome(9, sign, p=0.01, p_holm=0.01 if sign else 1.0)
    return ranked(tuple(names), outcomes)


def test_all_are_told_apart() -> None:
    found = ranks("abc", "ab", "ac", "bc")
    assert (found.places, found.groups) == ({"a": (1, 1), "b": (2, 2), "c": (3, 3)}, ())


def test_what_cannot_be_told_apart_shares_its_ranks() -> None:
    found = ranks("abcd", "ad", "bd", "cd")
    assert found.places == {"a": (1, 3), "b": (1, 3), "c": (1, 3), "d": (4, 4)}
    assert found.groups == (("a", "b", "c"),)


def test_a_chain_is_two_groups() -> None:
    found = ranks("abc", "ac")
    assert found.places == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}
    assert found.groups == (("a", "b"), ("b", "c"))


def test_a_group_need_not_stand_together() -> None:
    assert ranks("abc", "ab", "bc").groups == (("a", "c"),)


def test_one_method_and_none() -> None:
    assert ranks("a").places == {}
    assert ranks("").groups == ranks("a").groups == ()


@given(
    st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1])), st.integers(1, 7)
)
def test_groups_are_all_maximal_sets_without_a_difference(apart: set[tuple[int, int]], n: int) -> None:
    names = "abcdefg"[:n]
    found = ranks(names, *(names[i] + names[j] for i, j in apart if j < n))
    alike = [
        set(group)
        for size in range(2, n + 1)
        for group in combinations(range(n), size)
        if not any(pair in apart for pair in combinations(group, 2))
    ]
    largest = [group for group in alike if not any(group < other for other in alike)]
    assert sorted(map(sorted, largest)) == sorted(sorted(names.index(name) for name in group) for group in found.groups)
    for name, (best, worst) in found.places.items():
        assert 1 <= best <= worst <= n
        assert best == 1 + sum(found.differ(name, other) and other < name for other in names if other != name)


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    close = {**LEVELS, "rect": LEVELS["prune"]}
    root = World(levels=close, languages=("en", "de"), facts=12).write(tmp_path_factory.mktemp("runs") / "close")
    return panels(load_results(root))[0]


def test_all_pairs_are_tested_and_corrected_together(panel: Panel) -> None:
    names = [each.method for each in panel.standings if each.method != "none"]
    found = ranking(panel, EFFICACY, names)
    assert len(found.outcomes) == 21
    plain = [paired_over_facts(panel, EFFICACY, *pair).p for pair in found.outcomes]
    assert [o.p_holm for o in found.outcomes.values()] == pytest.approx(holm([p for p in plain if p is not None]))
    smallest = min(found.outcomes.values(), key=lambda o: o.p or 1.0)
    assert smallest.p_holm == pytest.approx(min(1.0, 21 * (smallest.p or 1.0)))
    assert found.places["langedit"][0] == 1
    assert found.differ("langedit", "rome")
    assert not found.differ("rect", "prune")


def test_a_test_s_sign_decides_who_is_better(panel: Panel) -> None:
    for measure in MAIN[:4]:
        found = ranking(panel, measure, ["memit", "rome", "ft"])
        assert [found.places[name][0] for name in found.names] == sorted(place[0] for place in found.places.values())


def test_what_has_no_number_is_not_ranked(gappy_panel: Panel) -> None:
    found = ranking(gappy_panel, EFFICACY, ["memit", "rect", "alphaedit"])
    assert "rect" not in found.names  # one of its seeds failed
    assert set(found.places) == {"memit", "alphaedit"}


def test_f1_is_swapped_often_enough_for_the_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 120 pairs the smallest p that 4,999 swaps can give, times 120, is near 0.05."""
    asked: list[int] = []

    def test(panel: Panel, measure: object, first: str, second: str, swaps: int) -> Found:
        asked.append(swaps)
        return Found(9, 1.0, p=2 / (swaps + 1))

    monkeypatch.setattr(grouping, "f1_test", test)
    few, many = {"m0": 0.5, "m1": 0.6}, {f"m{i}": 0.5 for i in range(17)}
    for levels in (few, many):
        given = f1_panel(levels, items=2, languages=("en",))
        found = ranking(given, XTREME, list(levels))
        assert all((o.p_holm or 0.0) <= 0.02 for o in found.outcomes.values())
    assert (asked[0], set(asked[1:])) == (4999, {100 * 136 - 1})


def test_places_do_not_depend_on_the_order_of_names(panel: Panel) -> None:
    names = [each.method for each in panel.standings if each.method != "none"]
    shuffled = list(np.random.default_rng(1).permutation(names))
    assert ranking(panel, EFFICACY, names).places == ranking(panel, EFFICACY, shuffled).places

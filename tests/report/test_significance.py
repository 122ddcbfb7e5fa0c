"""The tests of differences: against textbook numbers, under permutation, at their edges."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.store import load_results
from reports.aggregate import CORE, EFFICACY, MAIN, SCORE, XTREME, Panel, harmonic, panels
from reports.pairing import over_facts, over_seeds
from reports.significance import Outcome, beats_all, compare, holm, paired
from tests.report.world import World

values = st.floats(0, 100, allow_nan=False)
pairs = st.lists(st.tuples(values, values), max_size=30)


def test_student_s_own_example() -> None:
    """Sleep gained under two drugs (Student 1908): t = 4.0621, df = 9, p = 0.00283, interval 0.70 to 2.46."""
    first = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    second = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    outcome = paired(first, second)
    assert outcome.n == 10
    assert outcome.difference == pytest.approx(1.58)
    assert outcome.p == pytest.approx(0.00283, abs=1e-5)
    assert (outcome.low, outcome.high) == (pytest.approx(0.70, abs=5e-3), pytest.approx(2.46, abs=5e-3))
    assert outcome.effect == pytest.approx(4.0621 / math.sqrt(10), abs=1e-4)


@given(pairs)
def test_never_nan_never_a_warning(data: list[tuple[float, float]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = paired([a for a, _ in data], [b for _, b in data])
    numbers = (outcome.difference, outcome.low, outcome.high, outcome.effect, outcome.p)
    assert all(value is None or math.isfinite(value) for value in numbers)
    assert outcome.p is not None or outcome.note
    assert outcome.p is None or 0 <= outcome.p <= 1


@given(pairs, st.randoms(use_true_random=False))
def test_permuted_pairs_give_the_same(data: list[tuple[float, float]], random: Any) -> None:
    shuffled = list(data)
    random.shuffle(shuffled)
    one, two = (paired([a for a, _ in rows], [b for _, b in rows]) for rows in (data, shuffled))
    assert one.p == (pytest.approx(two.p, rel=1e-5, abs=1e-9) if two.p is not None else None)


@given(st.lists(st.tuples(values, values), min_size=2, max_size=30))
def test_swapping_the_methods_turns_the_sign(data: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in data], [y for _, y in data]
    one, two = paired(a, b), paired(b, a)
    assert one.p == pytest.approx(two.p)
    assert one.difference == pytest.approx(-(two.difference or 0.0))


@pytest.mark.parametrize(("n", "note"), [(0, "no pairs, needs two"), (1, "1 pair, needs two")])
def test_too_few_pairs_give_a_reason(n: int, note: str) -> None:
    outcome = paired([1.0] * n, [0.0] * n)
    assert (outcome.p, outcome.low, outcome.note) == (None, None, note)


@pytest.mark.parametrize(("second", "p"), [([50.0, 50.0], 1.0), ([40.0, 40.0], 0.0)])
def test_differences_without_spread(second: list[float], p: float) -> None:
    outcome = paired([50.0, 50.0], second)
    assert (outcome.p, outcome.effect, outcome.note) == (p, None, "all differences are equal")


@given(st.lists(st.floats(0, 1), max_size=40))
def test_holm_is_monotone_and_never_smaller(p: list[float]) -> None:
    corrected = holm(p)
    assert len(corrected) == len(p)
    assert all(raw <= value <= 1 for raw, value in zip(p, corrected, strict=True))
    in_order = [corrected[i] for i in np.argsort(p, kind="stable")]
    assert in_order == sorted(in_order)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_every_column_compares_its_best_method_with_all_others(complete_panel: Panel) -> None:
    found = compare(complete_panel, MAIN)
    assert {c.best for c in found} == {"langedit"}
    assert not any("none" in (c.best, c.other) for c in found)
    assert len(found) == 2 * 6 * 4  # units, other methods, columns with values
    family = [c.outcome for c in found if c.unit == "facts"]
    assert [o.p_holm for o in family] == pytest.approx(holm([o.p or 0.0 for o in family]))


def test_incomplete_methods_are_not_compared(gappy_panel: Panel) -> None:
    assert not {"ft", "rect", "prune"} & {c.other for c in compare(gappy_panel, MAIN)}


def test_a_fact_is_one_value_whatever_its_languages_and_seeds(complete_panel: Panel) -> None:
    records = complete_panel.records.assign(
        fact=complete_panel.records["fact"].str.replace(r"-[a-z]+-", "-", regex=True)
    )
    merged = Panel(complete_panel.setting, complete_panel.standings, records)
    first, second = over_facts(merged, EFFICACY, "langedit", "memit")
    assert len(first) == len(second) == 3 * 10  # seeds, facts; six languages in each
    mine = records[(records["metric"] == "efficacy") & (records["method"] == "memit") & (records["fact"] == "fact-0-0")]
    assert any(value == pytest.approx(mine["value"].mean()) for value in second)


def test_only_records_that_both_have_are_paired(complete_panel: Panel) -> None:
    records = complete_panel.records
    lost = (records["method"] == "memit") & (records["seed"] == 1)
    first, second = over_facts(
        Panel(complete_panel.setting, complete_panel.standings, records[~lost]), EFFICACY, "langedit", "memit"
    )
    assert len(first) == len(second) == 2 * 60


def test_contributions_to_the_score_average_to_the_score(complete_panel: Panel) -> None:
    first, _ = over_facts(complete_panel, SCORE, "langedit", "memit")
    parts = [over_facts(complete_panel, part, "langedit", "memit")[0].mean() for part in CORE]
    assert first.mean() == pytest.approx(harmonic(parts))
    moved = harmonic([*(part for part in parts[:2]), parts[2] + 1e-6]) - harmonic(parts)
    slope = harmonic(parts) ** 2 / (3 * parts[2] ** 2)
    assert moved / 1e-6 == pytest.approx(slope, rel=1e-4)


def test_over_seeds_is_the_plain_test_of_the_paper(complete_panel: Panel) -> None:
    first, second = over_seeds(complete_panel, EFFICACY, "langedit", "rome")
    outcome = next(
        c.outcome for c in compare(complete_panel, MAIN) if (c.measure, c.other, c.unit) == (EFFICACY, "rome", "seeds")
    )
    assert outcome.n == 3
    assert outcome.p == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_a_star_needs_every_comparison(complete_panel: Panel) -> None:
    found = [c for c in compare(complete_panel, MAIN) if c.measure == EFFICACY]
    assert beats_all(found, EFFICACY, "facts")
    weak = [
        c if c.other != "ft" else type(c)(c.measure, c.best, c.other, c.unit, Outcome(60, 1.0, p=0.04, p_holm=0.2))
        for c in found
    ]
    assert not beats_all(weak, EFFICACY, "facts")
    assert beats_all([c for c in weak if c.other != "rect"], EFFICACY, "seeds")
    assert not beats_all([], EFFICACY, "facts")


def test_xtreme_is_tested_on_its_items(tmp_path: Path) -> None:
    world = World(methods=("memit", "langedit"), seeds=(0, 1), facts=1, xtreme=True)
    panel = panels(load_results(world.write(tmp_path / "run")))[0]
    first, second = over_facts(panel, XTREME, "langedit", "memit")
    assert len(first) == len(second) == 5 * 3  # languages of the tasks, items
    assert (first - second) == pytest.approx([25.0] * 15)
    assert len(over_seeds(panel, XTREME, "langedit", "memit")[0]) == 2

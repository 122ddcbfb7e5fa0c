"""The tests of differences: against textbook numbers, under permutation, at their edges."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.store.results import load_results
from reports.numbers.aggregate import Panel, harmonic, panels
from reports.numbers.measures import CORE, MAIN, SCORE, SPECIFICITY, XTREME
from reports.numbers.pairing import over_facts, score_over_facts
from reports.numbers.significance import Comparison, Outcome, beats_all, compare, holm, paired
from tests.reports.world import World

few = settings(max_examples=30)
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


@few
@given(pairs)
def test_never_nan_never_a_warning(data: list[tuple[float, float]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = paired([a for a, _ in data], [b for _, b in data])
    numbers = (outcome.difference, outcome.low, outcome.high, outcome.effect, outcome.p)
    assert all(value is None or math.isfinite(value) for value in numbers)
    assert (outcome.p is None) == bool(outcome.note)
    assert (outcome.p is None) == (outcome.low is None) == (outcome.high is None)
    assert outcome.p is None or 0 <= outcome.p <= 1


@pytest.mark.parametrize(
    ("first", "second", "t", "p"),
    [
        # Student 1908 and Darwin's maize (Fisher 1935, Design of Experiments: t = 2.148, p = 0.0497 on 14 df)
        (
            [23.5, 12.0, 21.0, 22.0, 19.125, 21.5, 22.125, 20.375, 18.25, 21.625, 23.25, 21.0, 22.125, 23.0, 12.0],
            [17.375, 20.375, 20.0, 20.0, 18.375, 18.625, 18.625, 15.25, 16.5, 18.0, 16.25, 18.0, 12.75, 15.5, 18.0],
            2.148,
            0.0497,
        ),
        # shoes (Box, Hunter and Hunter; R: t.test(shoes$A, shoes$B, paired = TRUE), t = -3.3489, p = 0.008539)
        (
            [13.2, 8.2, 10.9, 14.3, 10.7, 6.6, 9.5, 10.8, 8.8, 13.3],
            [14.0, 8.8, 11.2, 14.2, 11.8, 6.4, 9.8, 11.3, 9.3, 13.6],
            -3.3489,
            0.008539,
        ),
    ],
    ids=["Darwin's maize", "boys' shoes"],
)
def test_textbook_cases(first: list[float], second: list[float], t: float, p: float) -> None:
    outcome = paired(first, second)
    assert outcome.p == pytest.approx(p, rel=2e-3)
    assert (outcome.effect or 0.0) * math.sqrt(outcome.n) == pytest.approx(t, rel=1e-3)


@few
@given(pairs)
def test_same_as_scipy(data: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in data], [y for _, y in data]
    outcome = paired(a, b)
    if outcome.p is None:
        return
    test = stats.ttest_rel(a, b)
    interval = test.confidence_interval(0.95)
    assert outcome.p == pytest.approx(test.pvalue, rel=1e-6, abs=1e-12)
    assert (outcome.low, outcome.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)


# differences as percentages have them: no pair so near another that rounding decides
steps = st.integers(0, 1000).map(lambda n: n / 10)
grid = st.lists(st.tuples(steps, steps), min_size=2, max_size=30)


@few
@given(grid, st.randoms(use_true_random=False))
def test_permuted_pairs_give_the_same(data: list[tuple[float, float]], random: Any) -> None:
    shuffled = list(data)
    random.shuffle(shuffled)
    one, two = (paired([a for a, _ in rows], [b for _, b in rows]) for rows in (data, shuffled))
    assert one.note == two.note
    assert one.p == (pytest.approx(two.p, rel=1e-5, abs=1e-9) if two.p is not None else None)


@few
@given(grid)
def test_swapping_the_methods_turns_the_sign(data: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in data], [y for _, y in data]
    one, two = paired(a, b), paired(b, a)
    assert one.difference == pytest.approx(-(two.difference or 0.0))
    assert one.p == pytest.approx(two.p)
    if one.low is not None:
        assert (one.low, one.high, one.effect) == pytest.approx((-two.high, -two.low, -two.effect))  # type: ignore[operator]


@few
@given(grid, st.integers(-500, 500))
def test_what_both_methods_gain_changes_nothing(data: list[tuple[float, float]], shift: int) -> None:
    a, b = [x for x, _ in data], [y for _, y in data]
    one, two = paired(a, b), paired([x + shift for x in a], [y + shift for y in b])
    assert (one.p is None) == (two.p is None)
    assert one.difference == pytest.approx(two.difference, abs=1e-9)
    assert one.p is None or one.p == pytest.approx(two.p, rel=1e-6, abs=1e-12)


@few
@given(grid)
def test_the_interval_excludes_zero_exactly_where_p_is_small(data: list[tuple[float, float]]) -> None:
    outcome = paired([a for a, _ in data], [b for _, b in data])
    if outcome.p is None or outcome.low is None or outcome.high is None or abs(outcome.p - 0.05) < 1e-6:
        return
    assert (outcome.low > 0 or outcome.high < 0) == (outcome.p < 0.05)


@pytest.mark.parametrize(("n", "note"), [(0, "no pairs, needs two"), (1, "1 pair, needs two")])
def test_too_few_pairs_give_a_reason(n: int, note: str) -> None:
    outcome = paired([1.0] * n, [0.0] * n)
    assert (outcome.p, outcome.low, outcome.note) == (None, None, note)


@pytest.mark.parametrize(
    ("second", "note"),
    [([50.0] * 3, "no pair differs"), ([40.0] * 3, "all pairs differ by the same")],
)
def test_differences_without_spread_have_no_test_but_a_reason(second: list[float], note: str) -> None:
    outcome = paired([50.0] * 3, second)
    assert outcome.difference == pytest.approx(50.0 - second[0])
    assert (outcome.p, outcome.low, outcome.high, outcome.effect) == (None,) * 4
    assert note in outcome.note


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_gives_a_reason(bad: float) -> None:
    outcome = paired([1.0, bad, 3.0], [0.0, 0.0, 0.5])
    assert (outcome.difference, outcome.p) == (None, None)
    assert "no finite number" in outcome.note


def test_a_comparison_without_a_test_gives_no_star(tmp_path: Path) -> None:
    """Results of an earlier version hold no counts of items."""
    world = World(methods=("memit", "langedit"), seeds=(0, 1), facts=1, xtreme=True)
    panel = panels(load_results(world.write(tmp_path / "run")))[0]
    found = [c for c in compare(panel, MAIN) if c.measure == XTREME and c.unit == "facts"]
    assert [(c.outcome.p, c.outcome.p_holm, c.outcome.note) for c in found] == [
        (None, None, "no counts of items are stored; score again")
    ]
    assert not beats_all(found, XTREME, "facts")


def test_a_star_is_of_its_own_column_and_unit() -> None:
    sure, unsure = (Outcome(9, difference=5.0, p=p, p_holm=p) for p in (0.001, 0.5))
    found = [
        Comparison(SPECIFICITY, "memit", "ft", "facts", sure),
        Comparison(SPECIFICITY, "memit", "ft", "seeds", unsure),
        Comparison(XTREME, "memit", "ft", "facts", unsure),
        Comparison(XTREME, "memit", "ft", "seeds", sure),
    ]
    stars = {(m, unit) for m in (SPECIFICITY, XTREME) for unit in ("facts", "seeds") if beats_all(found, m, unit)}
    assert stars == {(SPECIFICITY, "facts"), (XTREME, "seeds")}
    assert not beats_all(found, SCORE, "facts")


def asking(panel: Panel, asked: int) -> Panel:
    """The panel, whose specificity questions ask only so many facts."""
    rows = panel.records[panel.records["metric"] == "specificity"]
    again = rows.assign(
        metric="specificity_asked", fact=rows["fact"].str.rpartition("-")[2].astype(int).mod(asked).map(str)
    )
    records = again.groupby([c for c in again if c != "value"], as_index=False)["value"].mean()
    return replace(panel, records=pd.concat([panel.records, records]))


def test_specificity_is_paired_by_the_fact_that_is_asked(complete_panel: Panel) -> None:
    first, second = over_facts(asking(complete_panel, 5), SPECIFICITY, "langedit", "memit")
    assert len(first) == len(second) == 5
    plain = over_facts(complete_panel, SPECIFICITY, "langedit", "memit")
    assert len(plain[0]) == 180
    # every asked fact stands for as many rows here, so the means are those of all rows
    assert (first.mean(), second.mean()) == (pytest.approx(plain[0].mean()), pytest.approx(plain[1].mean()))


def test_the_score_adds_the_variance_of_both_kinds_of_facts(complete_panel: Panel) -> None:
    panel = asking(complete_panel, 5)
    edited, asked = score_over_facts(panel, "langedit", "memit")
    assert (len(edited[0]), len(asked[0])) == (180, 5)
    parts = [over_facts(panel, part, "langedit", "memit")[0].mean() for part in CORE]
    assert edited[0].mean() + asked[0].mean() == pytest.approx(harmonic(parts))
    outcome = next(c.outcome for c in compare(panel, (SCORE,)) if (c.other, c.unit) == ("memit", "facts"))
    errors = [(a - b).var(ddof=1) / len(a) for a, b in (edited, asked)]
    df = sum(errors) ** 2 / (errors[0] ** 2 / 179 + errors[1] ** 2 / 4)
    difference = sum((a - b).mean() for a, b in (edited, asked))
    assert outcome.difference == pytest.approx(difference)
    assert outcome.p == pytest.approx(2 * stats.t.sf(abs(difference) / math.sqrt(sum(errors)), df))
    assert outcome.df == pytest.approx(df)


@given(st.lists(st.floats(0, 1), max_size=40))
def test_holm_is_monotone_and_never_smaller(p: list[float]) -> None:
    corrected = holm(p)
    assert len(corrected) == len(p)
    assert all(raw <= value <= 1 for raw, value in zip(p, corrected, strict=True))
    in_order = [corrected[i] for i in np.argsort(p, kind="stable")]
    assert in_order == sorted(in_order)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.7, 0.9]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20, unique=True), st.randoms(use_true_random=False))
def test_holm_does_not_depend_on_the_order(p: list[float], random: Any) -> None:
    order = list(range(len(p)))
    random.shuffle(order)
    corrected = holm(p)
    assert holm([p[i] for i in order]) == [corrected[i] for i in order]

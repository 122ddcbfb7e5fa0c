"""Intervals of one number: the textbook's where the textbook has one, and of the width they say elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.store.results import load_results
from reports.numbers import pairing
from reports.numbers.aggregate import Panel, panels, summaries
from reports.numbers.intervals import interval
from reports.numbers.measures import CORE, EFFICACY, SCORE, SPECIFICITY, XTREME
from reports.numbers.pairing import over_facts
from tests.reports.test_f1 import panel as f1_panel
from tests.reports.world import World, hand_made


def panel_of(rows: list[dict[str, Any]], methods: tuple[str, ...] = ("memit",), seeds: int = 1) -> Panel:
    cells = [{"cell": f"{method}{seed}", "method": method, "seed": seed} for method in methods for seed in range(seeds)]
    return panels(hand_made(rows, cells))[0]


def test_one_record_a_fact_is_the_textbook_s_interval() -> None:
    values = [0.2, 0.9, 1.0, 0.4, 0.7, 0.5]
    found = interval(
        panel_of([{"cell": "memit0", "fact": f"f{i}", "value": v} for i, v in enumerate(values)]), EFFICACY, "memit"
    )
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == (pytest.approx(100 * low), pytest.approx(100 * high))
    assert found.n == len(values)


def test_a_fact_in_many_languages_is_one() -> None:
    """The same values said six times over give the same interval, not one less than half as wide."""
    values = [0.2, 0.9, 1.0, 0.4, 0.7, 0.5]
    rows = [
        {"cell": "memit0", "fact": f"f{i}", "edit_lang": code, "value": v}
        for i, v in enumerate(values) for code in ("en", "de", "nl", "es", "fr", "zh")
    ]  # fmt: skip
    one = [{"cell": "memit0", "fact": f"f{i}", "value": v} for i, v in enumerate(values)]
    found, expected = (interval(panel_of(each), EFFICACY, "memit") for each in (rows, one))
    assert (found.low, found.high, found.n) == (pytest.approx(expected.low), pytest.approx(expected.high), expected.n)


def test_it_holds_the_truth_as_often_as_it_says() -> None:
    """Facts that several seeds and languages share: 200 worlds, of which 95 % should hold the true mean."""
    draw, held = np.random.default_rng(7), 0
    for _ in range(200):
        rows = []
        facts = draw.normal(0.5, 0.1, 40)
        for seed in range(2):
            for fact in draw.choice(40, 25, replace=False):
                rows += [(seed, f"f{fact}", code, facts[fact] + draw.normal(0, 0.05)) for code in ("en", "de")]
        records = pd.DataFrame(rows, columns=["seed", "fact", "edit_lang", "value"])
        records = records.assign(
            value=100 * records["value"], metric="efficacy", protocol="teacher_forced", method="memit"
        )
        found = interval(replace(EMPTY, records=records), EFFICACY, "memit")
        held += found.low is not None and found.high is not None and found.low <= 50 <= found.high
    assert 0.92 <= held / 200 <= 0.98


EMPTY = panel_of([{"cell": f"memit{seed}", "value": 1.0} for seed in range(2)], seeds=2)


def test_the_score_s_is_that_of_drawing_facts_anew(complete_panel: Panel) -> None:
    found = interval(complete_panel, SCORE, "memit")
    parts = [pairing.tested(complete_panel, part, "memit")[0] for part in CORE]
    tables = [part.pivot(index="fact", columns="seed", values="value") for part in parts]
    assert all(table.index.equals(tables[0].index) for table in tables)
    n = len(tables[0])
    chosen = np.random.default_rng(3).integers(0, n, (2000, n))
    means = [np.nanmean(table.to_numpy()[chosen], axis=1) for table in tables]
    drawn = (len(means) / sum(1 / mean for mean in means)).mean(axis=1)
    assert found.low is not None and found.high is not None
    low, high = np.percentile(drawn, [2.5, 97.5])
    mean = summaries(complete_panel, SCORE)["memit"].mean
    assert mean is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=0.15), pytest.approx(high, abs=0.15))
    assert found.low < mean < found.high


def test_specificity_counts_the_facts_that_are_asked() -> None:
    """Forty edits that ask the same four facts are evidence of four."""
    rows = []
    for i in range(40):
        about = {"cell": "memit0", "metric": "specificity", "value": (i % 4) / 4}
        rows += [
            {**about, "fact": f"f{i}"},
            {**about, "fact": f"asked{i % 4}", "edit_lang": f"l{i}", "metric": "specificity_asked"},
        ]
    assert interval(panel_of(rows), SPECIFICITY, "memit").n == 4


def test_f1_is_drawn_anew_over_items() -> None:
    given = f1_panel({"memit": 0.7, "rome": 0.5}, seeds=2, items=30)
    found = interval(given, XTREME, "memit")
    mean = summaries(given, XTREME)["memit"].mean
    assert mean is not None and found.low is not None and found.high is not None
    assert found.low < mean < found.high
    assert found.n == 4 * 30
    assert 2 < found.high - found.low < 15


@pytest.mark.parametrize(
    ("values", "note"),
    [([1.0], "fewer than two facts"), ([1.0, 1.0], "no fact differs"), ([0.0, 0.0], "no fact differs")],
)
def test_where_there_is_none_it_says_why(values: list[float], note: str) -> None:
    rows = [{"cell": "memit0", "fact": f"f{i}", "value": v} for i, v in enumerate(values)]
    found = interval(panel_of(rows), EFFICACY, "memit")
    assert (found.low, found.high) == (None, None)
    assert note in found.note


def test_a_method_without_a_number_has_none(gappy_panel: Panel) -> None:
    assert interval(gappy_panel, EFFICACY, "rect").note == "some seeds are missing"


def test_pairs_over_facts_are_those_of_joined_tables(tmp_path: Path) -> None:
    """Gaps, seeds that share facts, facts in several languages: as joining the two methods' records gives them."""
    draw = np.random.default_rng(5)
    rows = [
        {"cell": f"{method}{seed}", "fact": f"f{fact}", "edit_lang": code, "value": draw.random()}
        for method in ("memit", "rome") for seed in (0, 1) for fact in range(8) for code in ("en", "de")
        if draw.random() < 0.7
    ]  # fmt: skip
    given = panel_of(rows, ("memit", "rome"), 2)
    a, b = pairing.tested(given, EFFICACY, "memit", "rome")
    joined = a.merge(b, on=["seed", "fact", "edit_lang"]).groupby("fact")[["value_x", "value_y"]].mean()
    first, second = over_facts(given, EFFICACY, "memit", "rome")
    assert first == pytest.approx(joined["value_x"].to_numpy())
    assert second == pytest.approx(joined["value_y"].to_numpy())
    assert [len(each) for each in over_facts(given, EFFICACY, "memit", "none")] == [0, 0]
    world = panels(load_results(World(methods=("memit", "none"), facts=2).write(tmp_path / "run")))[0]
    assert len(over_facts(world, SPECIFICITY, "memit", "none")[0]) == 36

"""The best method of a column against every other one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.numbers.aggregate import Panel, Setting, Standing, harmonic
from reports.numbers.measures import CORE, EFFICACY, MAIN, SCORE
from reports.numbers.pairing import over_facts, over_seeds, score_over_facts
from reports.numbers.significance import Outcome, beats_all, compare, holm, paired


def test_every_column_compares_its_best_method_with_all_others(complete_panel: Panel) -> None:
    found = compare(complete_panel, MAIN)
    assert {c.best for c in found} == {"langedit"}
    assert not any("none" in (c.best, c.other) for c in found)
    assert len(found) == 2 * 6 * 4  # units, other methods, columns with values


def apart(mean: float, count: int = 60) -> list[float]:
    """Differences of a given mean, and 1 as standard deviation."""
    wave = np.tile([1.0, -1.0], count // 2)
    return [float(value) for value in mean + wave / wave.std(ddof=1)]


def world_of(differences: dict[str, list[float]]) -> Panel:
    """A panel of one measure: what `langedit` is ahead of others, fact by fact, in one seed and in another."""
    rows = [
        {"method": method, "seed": seed, "metric": "efficacy", "protocol": "teacher_forced", "edit_lang": "en",
         "fact": f"fact/{seed}/{i}", "value": 50.0 - ahead}
        for method, each in {"langedit": [0.0] * 60, **differences}.items()
        for seed in (0, 1)
        for i, ahead in enumerate(each[30 * seed : 30 * seed + 30])
    ]  # fmt: skip
    standings = [Standing(method, (0, 1), (0, 1), (), (1,)) for method in ("langedit", *differences)]
    return Panel(Setting("m", "d", "cycle"), tuple(standings), pd.DataFrame(rows))


def test_p_values_around_the_threshold_are_corrected_by_holm() -> None:
    """Three p between 0.02 and 0.05: each is significant alone, and none of them is after the correction."""
    differences = {"rome": apart(0.27), "memit": apart(0.29), "rect": apart(0.31)}
    panel = world_of(differences)
    found = [c for c in compare(panel, (EFFICACY,)) if c.unit == "facts"]
    by_name = {c.other: c.outcome for c in found}
    plain = {name: float(stats.ttest_1samp(each, 0).pvalue) for name, each in differences.items()}
    assert all(0.01 < p < 0.05 for p in plain.values())
    assert {name: o.p for name, o in by_name.items()} == pytest.approx(plain)
    # by hand: three times the smallest, twice the next, and never less than the one before
    first, second, third = plain["rect"], plain["memit"], plain["rome"]
    assert by_name["rect"].p_holm == pytest.approx(3 * first, rel=1e-9)
    assert by_name["memit"].p_holm == pytest.approx(max(3 * first, 2 * second), rel=1e-9)
    assert by_name["rome"].p_holm == pytest.approx(max(3 * first, 2 * second, third), rel=1e-9)
    assert not beats_all(found, EFFICACY, "facts")
    alone = world_of({"rome": differences["rome"]})
    assert beats_all(compare(alone, (EFFICACY,)), EFFICACY, "facts")


def test_every_unit_is_a_family_of_its_own(complete_panel: Panel) -> None:
    """Facts and seeds are corrected apart, each over all columns together."""
    found = compare(complete_panel, MAIN)
    for unit in ("facts", "seeds"):
        family = [c.outcome for c in found if c.unit == unit]
        tested = [o.p for o in family if o.p is not None]
        assert [o.p_holm for o in family if o.p is not None] == pytest.approx(holm(tested), rel=1e-9, abs=0)
        assert any(o.p is not None and o.p_holm is not None and o.p_holm > 1.5 * o.p for o in family)


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


def test_clusters_do_not_make_the_same_evidence_count_twice(complete_panel: Panel) -> None:
    """Every record there three times, as if asked in three languages: the test stays what it was."""
    one = paired(*over_facts(complete_panel, EFFICACY, "rect", "prune"))
    copies = [complete_panel.records.assign(edit_lang=complete_panel.records["edit_lang"] + str(i)) for i in range(3)]
    many = Panel(complete_panel.setting, complete_panel.standings, pd.concat(copies))
    three = paired(*over_facts(many, EFFICACY, "rect", "prune"))
    assert (three.n, three.p, three.low) == (one.n, pytest.approx(one.p), pytest.approx(one.low))


def test_no_score_where_a_measure_is_zero(complete_panel: Panel) -> None:
    records = complete_panel.records
    nothing = (records["method"] == "memit") & (records["metric"] == "efficacy")
    panel = replace(complete_panel, records=records.assign(value=records["value"].mask(nothing, 0.0)))
    found = [c.outcome for c in compare(panel, (SCORE,)) if c.other == "memit" and c.unit == "facts"]
    assert [(o.n, o.p) for o in found] == [(0, None)]
    assert "mean" in found[0].note


def test_only_records_that_both_have_are_paired(complete_panel: Panel) -> None:
    records = complete_panel.records
    lost = (records["method"] == "memit") & (records["seed"] == 1)
    first, second = over_facts(
        Panel(complete_panel.setting, complete_panel.standings, records[~lost]), EFFICACY, "langedit", "memit"
    )
    assert len(first) == len(second) == 2 * 60


def test_contributions_to_the_score_average_to_the_score(complete_panel: Panel) -> None:
    ((first, _),) = score_over_facts(complete_panel, "langedit", "memit")
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

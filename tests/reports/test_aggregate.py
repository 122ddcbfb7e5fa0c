"""Records, seeds, completeness: hand-made rows with known means."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.config.run import ALL
from bench.ground.errors import BenchError
from bench.store.results import CELL_COLUMNS, Results, load_results
from bench.store.shards import COST_SCHEMA, SCORE_SCHEMA
from reports.numbers.aggregate import (
    Panel,
    harmonic,
    languages,
    panels,
    per_language,
    per_seed,
    per_task,
    records_of,
    summaries,
)
from reports.numbers.measures import CORE, EFFICACY, GENERALITY, MAIN, SCORE, XTREME, XTREME_LIKELIHOOD
from tests.reports.world import World


def results_of(rows: list[dict[str, Any]], cells: list[tuple[Any, ...]]) -> Results:
    base = {"step": 1, "protocol": "teacher_forced", "metric": "efficacy", "edit_lang": "en", "probe_lang": "en"}
    frame = pd.DataFrame([{**base, "weight": 1.0, **row} for row in rows], columns=SCORE_SCHEMA.names)
    empty = COST_SCHEMA.empty_table().to_pandas()
    full = [(*cell[:5], ALL, *cell[5:]) for cell in cells]
    return Results(pd.DataFrame(full, columns=list(CELL_COLUMNS)), frame, empty, {})


def cell(name: str, method: str = "memit", seed: int = 0, status: str = "done") -> tuple[Any, ...]:
    return (name, method, "m", "d", "cycle", seed, status, "")


def test_a_record_weighs_its_rows_and_records_weigh_the_same() -> None:
    rows = [
        {"cell": "a", "fact": "x", "value": 1.0, "weight": 3.0},
        {"cell": "a", "fact": "x", "value": 0.0, "weight": 1.0},
        {"cell": "a", "fact": "y", "value": 0.5, "weight": 9.0},
    ]
    panel = panels(results_of(rows, [cell("a")]))[0]
    assert per_seed(panel, EFFICACY) == {("memit", 0): pytest.approx(62.5)}


def test_only_the_last_step_counts() -> None:
    rows = [{"cell": "a", "fact": "x", "value": v, "step": s} for s, v in ((1, 1.0), (2, 0.25))]
    assert per_seed(panels(results_of(rows, [cell("a")]))[0], EFFICACY) == {("memit", 0): 25.0}


def test_a_fact_edited_in_two_languages_is_two_records() -> None:
    rows = [{"cell": "a", "fact": "x", "value": v, "edit_lang": lang} for lang, v in (("en", 1.0), ("zh", 0.0))]
    panel = panels(results_of(rows, [cell("a")]))[0]
    assert {k: s.mean for k, s in per_language(panel, EFFICACY).items()} == {("memit", "en"): 100, ("memit", "zh"): 0}


def test_protocols_do_not_mix() -> None:
    rows = [{"cell": "a", "fact": "x", "value": v, "protocol": p} for p, v in (("teacher_forced", 1.0), ("other", 0.0))]
    panel = panels(results_of(rows, [cell("a")]))[0]
    assert per_seed(panel, EFFICACY) == {("memit", 0): 100.0}
    with pytest.raises(BenchError, match="several protocols"):
        panel.values(replace(EFFICACY, protocol=None))


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_value_that_is_no_number_leaves_a_gap(value: float | None) -> None:
    rows = [{"cell": c, "fact": "x", "value": v} for c, v in (("a", 1.0), ("b", value))]
    rows.append({"cell": "b", "fact": "y", "value": 1.0})
    panel = panels(results_of(rows, [cell("a"), cell("b", seed=1)]))[0]
    summary = summaries(panel, EFFICACY)["memit"]
    assert (summary.mean, summary.std, summary.have, summary.planned) == (None, None, 1, 2)


def test_missing_seeds_are_never_averaged_over(gappy_panel: Panel) -> None:
    numbers = summaries(gappy_panel, EFFICACY)
    for method in ("ft", "rect", "prune"):
        assert (numbers[method].mean, numbers[method].have, numbers[method].planned) == (None, 2, 3)
    assert numbers["langedit"].mean is not None


def test_seeds_that_only_others_have_are_missing() -> None:
    rows = [{"cell": c, "fact": "x", "value": 1.0} for c in "abc"]
    panel = panels(results_of(rows, [cell("a"), cell("b", seed=1), cell("c", "rome")]))[0]
    assert summaries(panel, EFFICACY)["rome"].mean is None


def test_a_diverged_cell_counts_and_is_named(gappy_panel: Panel) -> None:
    rome = next(s for s in gappy_panel.standings if s.method == "rome")
    assert rome.diverged == (2,)
    assert rome.complete
    assert summaries(gappy_panel, EFFICACY)["rome"].have == 3


def test_score_is_the_harmonic_mean_of_a_seed(complete_panel: Panel) -> None:
    parts = [per_seed(complete_panel, measure)["memit", 1] for measure in CORE]
    assert per_seed(complete_panel, SCORE)["memit", 1] == pytest.approx(3 / sum(1 / part for part in parts))
    assert harmonic([0.0, 50.0, 90.0]) == 0.0


def test_std_is_over_seeds_with_n_minus_one(complete_panel: Panel) -> None:
    values = [per_seed(complete_panel, GENERALITY)["rome", seed] for seed in (0, 1, 2)]
    assert summaries(complete_panel, GENERALITY)["rome"].std == pytest.approx(pd.Series(values).std(ddof=1))


def test_one_seed_has_no_std(tmp_path: Path) -> None:
    panel = panels(load_results(World(seeds=(0,), facts=2).write(tmp_path / "run")))[0]
    assert all(s.std is None and s.mean is not None for s in summaries(panel, SCORE).values())


def test_xtreme_is_absent_until_there_are_rows(complete_panel: Panel) -> None:
    assert {s.have for s in summaries(complete_panel, XTREME).values()} == {0}


def test_xtreme_is_the_mean_over_tasks_of_the_mean_over_languages(tmp_path: Path) -> None:
    world = World(methods=("memit",), seeds=(0, 1), facts=1, xtreme=True)
    panel = panels(load_results(world.write(tmp_path / "run")))[0]
    xnli, wikiann = (55 + 54 + 53) / 3, (55 + 54) / 2
    assert summaries(panel, XTREME)["memit"].mean == pytest.approx((xnli + wikiann) / 2)
    assert per_task(panel, XTREME)["memit", "xnli"].mean == pytest.approx(xnli)
    assert summaries(panel, XTREME_LIKELIHOOD)["memit"].mean == pytest.approx((xnli + wikiann) / 2 - 10)


def test_order_of_methods_and_languages(tmp_path: Path, complete_panel: Panel) -> None:
    assert [s.method for s in complete_panel.standings] == [
        "none", "ft", "rome", "memit", "prune", "rect", "alphaedit", "langedit",
    ]  # fmt: skip
    assert languages(complete_panel) == ["en", "de", "nl", "es", "fr", "zh"]
    rows = [{"cell": c, "fact": "x", "value": 1.0} for c in "abcd"]
    cells = [cell("a", "zeta"), cell("b", "langedit"), cell("c", "abc"), cell("d", "none")]
    assert [s.method for s in panels(results_of(rows, cells))[0].standings] == ["none", "langedit", "abc", "zeta"]


def test_models_make_panels_of_their_own(tmp_path: Path) -> None:
    for model in ("m1", "m2"):
        World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "run", model=model, plan=False)
    assert [panel.setting.model for panel in panels(load_results(tmp_path / "run"))] == ["m1", "m2"]


def test_two_cells_in_one_place_are_refused(tmp_path: Path) -> None:
    for facts in (3, 4):
        World(methods=("memit",), seeds=(0,), facts=facts).write(tmp_path / "run", plan=False)
    with pytest.raises(BenchError, match="differ in settings"):
        panels(load_results(tmp_path / "run"))


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random: Any) -> None:
    rows = [
        {"cell": c, "fact": f, "value": 0.1 * i + 0.05 * ord(c[0]) % 0.3, "weight": float(i + 1)}
        for c in ("a", "b")
        for f in ("x", "y")
        for i in range(3)
    ]
    cells = [cell("a"), cell("b", "rome")]
    before = records_of(results_of(rows, cells))
    random.shuffle(rows)
    after = records_of(results_of(rows, cells))
    pd.testing.assert_frame_equal(before, after, rtol=1e-12)


def test_nothing_finished_is_no_error(tmp_path: Path) -> None:
    status: Any = {("memit", 0): "failed"}
    panel = panels(load_results(World(methods=("memit",), seeds=(0,), status=status).write(tmp_path / "run")))[0]
    assert all(summaries(panel, measure)["memit"].mean is None for measure in MAIN)

"""Hours by kind of machine: the ratios behind them are those that were measured, and what is not known is named."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bench.cli.grid import published
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.plan.hours import ITEM, RECORD, Machine, predicted, scoring, weight

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
BOTH = (("edits", {}), ("xtreme", {"limit": 100}))
ONE = Machine("one", {("m", "memit"): 9.0, ("m", "rome"): 18.0, ("other", "langedit"): 1.0})


def cell(method: str, model: str = "m", **schedule: object) -> Cell:
    arriving = Schedule(languages=("en", "de"), batch_size=10, edits_per_language=20, **schedule)
    return Cell(method=MethodSpec(name=method), model=ModelRef(name=model), data=DataRef(name="d"), schedule=arriving)


def rows(run: str) -> dict[str, dict[str, str]]:
    with (REFERENCE / run / "cost.csv").open(encoding="utf-8", newline="") as file:
        return {row["method"]: row for row in csv.DictReader(file)}


def test_the_ratios_are_those_of_the_reference_runs() -> None:
    fact = float(rows("mzsre-smollm2")["MEMIT"]["seconds_total"]) / 5
    asked = rows("mzsre-smollm2-xtreme")["Unedited"]
    assert pytest.approx(RECORD, abs=5e-5) == 1 / float(asked["records_per_second_edits"]) / fact
    assert pytest.approx(ITEM, abs=5e-5) == 1 / float(asked["records_per_second_xtreme"]) / fact


def test_scoring_counts_what_is_asked_each_time() -> None:
    assert scoring(cell("memit"), [("edits", {})]) == pytest.approx(RECORD * 40 * 2)
    assert scoring(cell("memit", eval_every=2), [("edits", {})]) == pytest.approx(RECORD * (20 + 40) * 2)
    both = scoring(cell("memit", eval_every=2), BOTH)
    assert both == pytest.approx(RECORD * (20 + 40) * 2 + ITEM * 21 * 100 * 2)
    assert scoring(cell("memit"), [("fluency", {})]) == 0


def test_hours_are_facts_times_seconds_and_scoring() -> None:
    bare = predicted(cell("rome"), [], ONE)
    assert (bare.hours, bare.unknown) == (pytest.approx(40 * 18 / 3600), ())
    scored = predicted(cell("none"), BOTH, ONE)
    assert (scored.hours, scored.unknown) == (pytest.approx(scoring(cell("none"), BOTH) * 9 / 3600), ())
    assert predicted(cell("rome[layers=3]"), [], ONE) == bare


def test_what_is_not_known_is_named() -> None:
    assert predicted(cell("ft"), [], ONE).unknown == ("ft",)
    assert predicted(cell("memit", "other"), [], ONE).unknown == ("memit",)
    assert predicted(cell("langedit-released", "other"), [], ONE).unknown == ()
    assert predicted(cell("langedit", "other"), BOTH, ONE).unknown == ("memit",)
    whole = predicted(cell("ft"), [], ONE) + predicted(cell("ft"), [], ONE) + predicted(cell("rome"), [], ONE)
    assert (whole.hours, whole.unknown) == (pytest.approx(0.2), ("ft",))


def test_a_weight_needs_no_seconds_of_the_model() -> None:
    known = published()
    assert known.seconds["llama3-8b", "memit"] == 9.74
    weights = {name: weight(cell(name, "mine"), [], known) for name in ("none", "ft", "memit", "rome", "my-method")}
    assert weights["none"] == 0 < weights["ft"] < weights["memit"] < weights["rome"]
    assert weights["ft"] < weights["my-method"] < weights["rome"]
    assert weight(cell("none", "mine"), BOTH, known) == pytest.approx(scoring(cell("none"), BOTH))
    assert weight(cell("langedit-released"), [], known) == weight(cell("langedit"), [], known)

"""Free answers in a report: beside teacher forcing, the unedited model and chance; counts as they are, judges apart."""

from __future__ import annotations

from typing import Any

import pytest

from bench.store.results import Results
from reports.experiments import generation
from reports.numbers.aggregate import panels
from reports.parts.sections import Section
from tests.reports.world import by_key, hand_made, table_named

CELLS = [{"cell": "m", "method": "memit"}, {"cell": "n", "method": "none"}]


def rows(cell: str, protocol: str, match: float, length: float | None = None) -> list[dict[str, Any]]:
    found = [
        {"cell": cell, "protocol": protocol, "metric": f"efficacy_{name}", "value": match}
        for name in ("match", "contained", "f1")
    ]
    count = {"cell": cell, "protocol": protocol, "metric": "efficacy_length", "value": length}
    return [*found, *([] if length is None else [count])]


def run(*more: dict[str, Any]) -> Results:
    scores = [
        {"cell": "m", "value": 0.9},
        {"cell": "n", "value": 0.2},
        {"cell": "m", "metric": "efficacy_exact", "protocol": "greedy_exact", "value": 0.75},
        *rows("m", "generation", 0.4, 12.0),
        *rows("m", "generation_unedited", 0.1, 3.0),
        *rows("m", "generation_shuffled", 0.05),
        *rows("n", "generation", 0.1, 3.0),
        *rows("n", "generation_unedited", 0.1, 3.0),
        *rows("n", "generation_shuffled", 0.02),
        *more,
    ]
    return hand_made(scores, CELLS)


def _section(results: Results) -> Section:
    (panel,) = panels(results)
    section = generation.section(results, panel)
    assert section
    return section


def test_answers_stand_beside_teacher_forcing_and_chance() -> None:
    found = by_key(table_named(_section(run()), "generation"), texts=3)
    edited = found["Efficacy", "MEMIT", "edited model's"]
    assert edited["teacher_forced"].mean == pytest.approx(90)
    assert edited["greedy_exact"].mean == pytest.approx(75)
    assert edited["match"].mean == pytest.approx(40)
    assert edited["tokens"].mean == pytest.approx(12)
    assert found["Efficacy", "MEMIT", "unedited model's"]["match"].mean == pytest.approx(10)
    chance = found["Efficacy", "MEMIT", "by another fact's target"]
    assert (chance["match"].mean, chance["tokens"].mean) == (pytest.approx(5), None)
    assert ("Efficacy", "Unedited", "unedited model's") not in found
    assert len(found) == 5


def test_what_is_not_measured_of_a_kind_is_a_dash_not_a_missing_seed() -> None:
    found = by_key(table_named(_section(run()), "generation"), texts=3)
    # the unedited model's seed has no such number, though the method's has one
    assert found["Efficacy", "Unedited", "edited model's"]["greedy_exact"].text == "– (0/1)"
    of_specificity = [
        {"cell": cell, "protocol": protocol, "metric": metric, "value": 0.5}
        for cell in "mn"
        for protocol, metric in (("teacher_forced", "specificity"), ("generation", "specificity_match"))
    ]
    found = by_key(table_named(_section(run(*of_specificity)), "generation"), texts=3)
    row = found["Specificity", "MEMIT", "edited model's"]
    assert row["teacher_forced"].mean == row["match"].mean == pytest.approx(50)
    assert row["greedy_exact"].text == row["f1"].text == "–"


def test_a_judge_has_a_column_of_its_own() -> None:
    results = run({"cell": "m", "metric": "efficacy_judged", "protocol": "judge:gpt", "value": 0.3})
    found = by_key(table_named(_section(results), "generation"), texts=3)
    assert found["Efficacy", "MEMIT", "edited model's"]["judge:gpt"].mean == pytest.approx(30)
    assert found["Efficacy", "MEMIT", "unedited model's"]["judge:gpt"].mean is None


def test_the_published_rules_have_a_table_of_their_own() -> None:
    results = run(*rows("m", "generation_wild", 0.2, 5.0))
    assert by_key(table_named(_section(results), "generation-wild"), texts=3)["Efficacy", "MEMIT", "edited model's"]


def test_a_run_without_free_answers_has_no_such_section() -> None:
    results = hand_made([{"cell": "m", "value": 0.9}], CELLS[:1])
    (panel,) = panels(results)
    assert generation.section(results, panel) is None

"""Passes over the same facts: from hand-made steps to lines and what they cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store.results import Results, load_results
from reports.experiments import cycles, of_panel
from reports.experiments.cycles import course, draw
from reports.numbers.aggregate import panels
from tests.reports.world import hand_made, table_named

VALUES = {"efficacy": (1.0, 0.8, 0.9, 0.6), "replaced": (0.0, 0.1, 0.1, 0.3), "specificity": (0.9, 0.8, 0.7, 0.6)}
"""After each of four passes of two steps."""


def results() -> Results:
    rows, costs = [], []
    for step in range(1, 9):
        turn = (step + 1) // 2
        costs += [
            {"cell": "a", "step": step, "quantity": "edits", "value": 2.0},
            {"cell": "a", "step": step, "quantity": "turn", "value": float(turn)},
        ]
        for fact in range(2):
            row = {"cell": "a", "step": step, "fact": f"f{fact}", "edit_lang": "en", "probe_lang": "en"}
            rows += [
                # what is scored within a pass is of no pass
                {**row, "metric": name, "protocol": "teacher_forced", "value": values[turn - 1] if step % 2 == 0 else 0}
                for name, values in VALUES.items()
            ]
    return hand_made(rows, [{"cell": "a", "method": "memit"}], costs)


def test_numbers_are_those_after_each_pass() -> None:
    given = results()
    found = course(given, panels(given)[0])
    assert found is not None and found.passes == (1, 2, 3, 4)
    assert [measure.key for measure in found.measures] == ["efficacy", "specificity", "replaced"]
    for name, values in VALUES.items():
        means = [found.numbers["memit", name, number].mean for number in found.passes]
        assert means == [pytest.approx(100 * value) for value in values]
    assert [axes.get_xlabel() for axes in draw(found).axes] == ["", "Passes", "Passes"]


def test_what_the_passes_cost() -> None:
    given = results()
    section = cycles.section(given, panels(given)[0])
    assert section is not None
    (row,) = table_named(section, "cycles").rows
    assert [cell.mean for cell in row[1:]] == [pytest.approx(each) for each in (-10, -20, -20, -20, 10, 20)]
    rows = table_named(section, "cycles-passes").rows
    told = [(row[0].text, row[1].mean, row[2].text) for row in rows[:2]]
    assert told == [("Efficacy", 1, "new objects"), ("Efficacy", 2, "what was true")]


def test_it_stands_in_place_of_the_course_over_edits() -> None:
    given = results()
    titles = [section.title for section in of_panel(given, panels(given)[0])]
    assert "Again and again" in titles and "Retention" not in titles


def test_a_run_of_one_pass_has_none(complete: Path) -> None:
    found = load_results(complete)
    assert cycles.section(found, panels(found)[0]) is None

"""Scores over edits and by age: from hand-made steps to lines and a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store.results import Results, load_results
from reports.experiments import horizon
from reports.experiments.horizon import RETENTION, course, draw
from reports.numbers.aggregate import panels
from tests.reports.world import hand_made, table_named

STEPS = 4


def results() -> Results:
    """Two facts a step; MEMIT loses a fact's first token with every step after it, until none of four is left."""
    cells = [{"cell": "u", "method": "none"}, {"cell": "a", "method": "memit"}]
    rows, costs = [], []
    for cell in "ua":
        for step in range(1, STEPS + 1):
            costs.append({"cell": cell, "step": step, "quantity": "edits", "value": 2.0})
            for fact in range(2 * step):
                age = step - 1 - fact // 2
                value = 0.1 if cell == "u" else 1 - age / STEPS
                row = {"cell": cell, "step": step, "fact": f"f{fact}", "edit_lang": "en", "probe_lang": "en"}
                rows += [
                    {**row, "metric": metric, "protocol": "teacher_forced", "value": value}
                    for metric in ("efficacy", "generality", "specificity")
                ]
    return hand_made(rows, cells, costs)


def test_lines_stand_over_cumulated_edits_and_ages_over_edits_since() -> None:
    given = results()
    found = course(given, panels(given)[0])
    assert found is not None
    assert found.edits == (2, 4, 6, 8)
    assert found.ages == (0, 2, 4, 6)
    assert found.points("memit", "efficacy", found.edits) == [
        (2, pytest.approx(100)), (4, pytest.approx(87.5)), (6, pytest.approx(75)), (8, pytest.approx(62.5))
    ]  # fmt: skip
    assert found.points("memit", RETENTION, found.ages) == [
        (0, pytest.approx(100)), (2, pytest.approx(75)), (4, pytest.approx(50)), (6, pytest.approx(25))
    ]  # fmt: skip


def test_table_repeats_the_figure_and_the_figure_has_a_panel_each() -> None:
    given = results()
    section = horizon.section(given, panels(given)[0])
    assert section is not None
    rows = table_named(section, "horizon").rows
    assert [row[0].text for row in rows] == [
        *["Efficacy"] * 4, *["Generality"] * 4, *["Specificity"] * 4, *["Retention"] * 4
    ]  # fmt: skip
    assert [row[3].mean for row in rows[-4:]] == [pytest.approx(each) for each in (100, 75, 50, 25)]
    figure = draw(course(given, panels(given)[0]))  # type: ignore[arg-type]
    assert [axes.get_title(loc="left") for axes in figure.axes][-1] == "Efficacy at the end, by age"
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "Edits", "Edits", "Edits since"]


def test_a_run_scored_at_its_end_has_no_course(complete: Path) -> None:
    found = load_results(complete)
    assert horizon.section(found, panels(found)[0]) is None

"""The table of negated facts, and the line where there is none."""

from __future__ import annotations

import pytest

from reports.experiments import truth
from reports.numbers.aggregate import panels
from tests.reports.world import by_key, hand_made, table_named

CELLS = [{"cell": "a", "method": "memit"}]


def test_before_and_after_stand_side_by_side() -> None:
    rows = [
        {"cell": "a", "metric": "truth_repeated", "protocol": "negated", "value": 0.75},
        {"cell": "a", "metric": "truth_repeated", "protocol": "negated_unedited", "value": 0.0},
    ]
    given = hand_made(rows, CELLS)
    section = truth.section(given, panels(given)[0])
    assert section is not None
    found = by_key(table_named(section, "truth"))["MEMIT",]
    assert found["truth_repeated_after"].mean == pytest.approx(75)
    assert found["truth_repeated_before"].mean == pytest.approx(0)


def test_that_nothing_could_be_asked_is_one_line() -> None:
    given = hand_made([{"cell": "a", "metric": "truth_unasked", "protocol": "true_or_false", "value": 1.0}], CELLS)
    section = truth.section(given, panels(given)[0])
    assert section is not None
    assert section.parts == (truth.UNASKED,)


def test_without_scores_there_is_no_section() -> None:
    given = hand_made([{"cell": "a", "value": 1.0}], CELLS)
    assert truth.section(given, panels(given)[0]) is None

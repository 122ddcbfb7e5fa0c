"""The table that sets every sense of specificity side by side."""

from __future__ import annotations

import pytest

from reports.experiments import locality
from reports.numbers.aggregate import panels
from tests.reports.world import by_key, hand_made, table_named

VALUES = {"specificity": 0.9, "specificity_kl": 0.25, "specificity_top1": 0.75, "specificity_top5": 0.5}


def test_kl_stands_in_nats_beside_shares_in_percent() -> None:
    rows = [
        {"cell": "a", "metric": name, "protocol": "teacher_forced", "value": value} for name, value in VALUES.items()
    ]
    rows.append({"cell": "a", "metric": "specificity_kl", "protocol": "edit_prepended", "value": 2.5})
    given = hand_made(rows, [{"cell": "a", "method": "memit"}])
    section = locality.section(given, panels(given)[0])
    assert section is not None
    found = by_key(table_named(section, "locality"), 2)
    bare, hard = found["MEMIT", "bare"], found["MEMIT", "after the edit"]
    assert bare["specificity"].mean == pytest.approx(90)
    assert bare["specificity_kl"].mean == pytest.approx(0.25)
    assert bare["specificity_top5"].mean == pytest.approx(50)
    assert hard["specificity_kl"].mean == pytest.approx(2.5)
    assert hard["specificity"].mean is None


def test_without_distributions_there_is_no_section() -> None:
    given = hand_made([{"cell": "a", "metric": "efficacy", "value": 1.0}], [{"cell": "a", "method": "memit"}])
    assert locality.section(given, panels(given)[0]) is None

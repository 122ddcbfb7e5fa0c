"""The table of fluency: by language, before and after, as it was scored."""

from __future__ import annotations

import pytest

from reports.experiments import fluency
from reports.numbers.aggregate import panels
from tests.reports.world import by_key, hand_made, table_named


def test_before_and_after_stand_side_by_side_by_language() -> None:
    place = {"cell": "a", "probe_lang": "de"}
    rows = [
        {**place, "metric": "fluency_entropy", "protocol": "greedy", "value": 4.5},
        {**place, "metric": "fluency_entropy", "protocol": "greedy_unedited", "value": 6.0},
        {**place, "metric": "fluency_perplexity", "protocol": "fixed_text", "fact": "text", "value": 30.0},
    ]
    given = hand_made(rows, [{"cell": "a", "method": "memit"}])
    section = fluency.section(given, panels(given)[0])
    assert section is not None
    found = by_key(table_named(section, "fluency"), 2)["MEMIT", "Deutsch"]
    assert found["entropy_before"].mean == pytest.approx(6)
    assert found["entropy_after"].mean == pytest.approx(4.5)
    assert found["perplexity_after"].mean == pytest.approx(30)
    assert found["perplexity_before"].mean is None


def test_without_scores_there_is_no_section() -> None:
    given = hand_made([{"cell": "a", "value": 1.0}], [{"cell": "a", "method": "memit"}])
    assert fluency.section(given, panels(given)[0]) is None

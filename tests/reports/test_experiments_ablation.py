"""The parts of the null-space family side by side: from hand-made cells to a table, differences and a picture."""

from __future__ import annotations

from itertools import product

import pytest

from bench.store.results import Results
from reports.experiments import ablation, table5
from reports.experiments.ablation import parts_of
from reports.numbers.aggregate import panels
from tests.reports.world import hand_made, table_named

NAMES = {
    f"null-space[history={str(history).lower()},keys={keys}]": (0.5 + 0.2 * history + bonus)
    for history, (keys, bonus) in product((True, False), (("none", 0.0), ("mean,prior=100", 0.1)))
}


def results() -> Results:
    cells, rows, costs = [], [], []
    for place, (method, order) in enumerate(product(NAMES, ("cycle", "blocked"))):
        cell = f"c{place}"
        cells.append({"cell": cell, "method": method, "order": order})
        costs += [{"cell": cell, "step": s, "quantity": "nullity", "value": 100.0 - 5 * s} for s in (1, 2)]
        costs += [{"cell": cell, "step": s, "quantity": "edits", "value": 4.0} for s in (1, 2)]
        rows += [
            {"cell": cell, "step": 2, "fact": f"f{fact}", "edit_lang": "en", "probe_lang": "en", "metric": metric,
             "protocol": "teacher_forced", "value": NAMES[method]}
            for fact in range(8) for metric in ("efficacy", "generality", "specificity")
        ]  # fmt: skip
    return hand_made(rows, cells, costs)


def test_parts_are_read_from_the_name() -> None:
    found = parts_of("null-space[history=false,keys=mean,prior=100]")
    assert found is not None
    assert (found.history, found.keys) == (False, "running mean, prior 100")
    assert parts_of("null-space[keys=released]").history is True  # type: ignore[union-attr]
    assert parts_of("langedit[prior=100]") is None


def test_table_has_a_row_per_member_and_the_null_space_at_both_ends() -> None:
    given = results()
    (section,) = ablation.sections(given, panels(given))
    rows = table_named(section, "ablation").rows
    assert [(row[0].text, row[1].text) for row in rows] == [
        ("none", "yes"), ("none", "no"), ("running mean, prior 100", "yes"), ("running mean, prior 100", "no"),
    ]  # fmt: skip
    assert [row[2].mean for row in rows] == [pytest.approx(each) for each in (70, 50, 80, 60)]
    assert [(row[4].mean, row[5].mean) for row in rows] == [(95, 90)] * 4


def test_differences_say_what_each_part_adds() -> None:
    given = results()
    (section,) = ablation.sections(given, panels(given))
    rows = table_named(section, "ablation-difference").rows
    found = {tuple(cell.text for cell in row[:4]): row[4].mean for row in rows}
    assert found["cycle", "history", "none", "Efficacy"] == pytest.approx(20)
    assert found["blocked", "running mean, prior 100", "without history", "Generality"] == pytest.approx(10)


def test_the_family_is_no_row_of_variants() -> None:
    given = results()
    assert not list(table5.sections(given, panels(given)))

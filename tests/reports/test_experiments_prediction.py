"""Two models' courses side by side: orders of methods, and how far they agree."""

from __future__ import annotations

import pytest

from bench.store.results import Results
from reports.experiments import prediction
from reports.numbers.aggregate import panels
from reports.parts.sections import Picture
from tests.reports.world import hand_made, table_named

STEPS = 4
LEVELS = {
    "embedded": {"none": 0.1, "memit": 0.5, "alphaedit": 0.7, "langedit": 0.9},
    "real": {"none": 0.2, "memit": 0.8, "alphaedit": 0.6, "langedit": 0.9},
}


def results(models: tuple[str, ...] = ("embedded", "real"), steps: int = STEPS) -> Results:
    cells, rows, costs = [], [], []
    for model in models:
        for method, level in LEVELS[model].items():
            cell = f"{model}-{method}"
            cells.append({"cell": cell, "method": method, "model": model})
            for step in range(1, steps + 1):
                costs.append({"cell": cell, "step": step, "quantity": "edits", "value": 2.0})
                rows += [
                    {"cell": cell, "step": step, "fact": f"f{fact}", "edit_lang": "en", "probe_lang": "en",
                     "metric": metric, "protocol": "teacher_forced", "value": level}
                    for fact in range(2 * step)
                    for metric in ("efficacy", "generality", "specificity")
                ]  # fmt: skip
    return hand_made(rows, cells, costs)


def test_orders_stand_side_by_side_with_their_agreement() -> None:
    given = results()
    (section,) = prediction.sections(given, panels(given))
    rows = table_named(section, "prediction").rows
    assert len(rows) == 3 * STEPS
    assert [cell.text for cell in rows[0][3:5]] == [
        "LangEdit (paper) 90, AlphaEdit 70, MEMIT 50", "LangEdit (paper) 90, MEMIT 80, AlphaEdit 60"
    ]  # fmt: skip
    # of three pairs, two stand the same way round; the unedited model, last in both, does not count
    assert rows[0][5].mean == pytest.approx((2 - 1) / 3)


def test_every_model_has_a_column_of_panels() -> None:
    given = results()
    (section,) = prediction.sections(given, panels(given))
    (picture,) = (part for part in section.parts if isinstance(part, Picture))
    titles = [axes.get_title(loc="left") for axes in picture.figure.axes]
    assert titles == [
        f"{measure}, {model}" for measure in ("Efficacy", "Generality", "Specificity") for model in LEVELS
    ]


def test_one_model_or_no_course_predicts_nothing() -> None:
    for given in (results(("embedded",)), results(steps=2)):
        assert list(prediction.sections(given, panels(given))) == []

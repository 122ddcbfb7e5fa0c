"""XTREME F1 over edits: from hand-made steps to lines and a table."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.store.results import Results, load_results
from reports.experiments import figure2
from reports.experiments.figure2 import curves, draw
from reports.numbers.aggregate import panels
from reports.pictures.style import apart
from tests.reports.world import World, hand_made, table_named


def results(last: float = 0.4, status: str = "done", batch: tuple[int, ...] = (10, 10, 4)) -> Results:
    cells = [{"cell": "u", "method": "none"}, {"cell": "a", "method": "memit", "status": status}]
    row = {"metric": "xtreme_f1", "protocol": "langedit", "edit_lang": "", "probe_lang": "en"}
    rows = [{**row, "cell": "u", "fact": t, "step": s, "value": 0.9} for t in ("xnli", "mlqa") for s in (1, 3)]
    rows += [{**row, "cell": "a", "fact": "xnli", "step": s, "value": v} for s, v in ((1, 0.8), (3, last))]
    rows += [{**row, "cell": "a", "fact": "mlqa", "step": s, "value": v} for s, v in ((1, 0.6), (3, 0.2))]
    # the other protocol must not enter
    rows += [{**row, "cell": "a", "fact": "xnli", "step": 1, "value": 0.0, "protocol": "likelihood"}]
    costs = [
        {"cell": c, "step": s, "quantity": "edits", "value": float(n)}
        for c in "ua"
        for s, n in enumerate(batch, start=1)
    ]
    return hand_made(rows, cells, costs)


def test_lines_stand_over_cumulated_edits() -> None:
    found = curves(results(), panels(results())[0])
    assert found.edits == (10, 24)
    assert found.tasks == ("xnli", "mlqa", "average")
    assert found.line("memit", "xnli") == [pytest.approx(80), pytest.approx(40)]
    assert found.line("memit", "average") == [pytest.approx(70), pytest.approx(30)]
    assert found.line("none", "mlqa") == [pytest.approx(90), pytest.approx(90)]


def test_table_repeats_the_figure() -> None:
    section = figure2.section(results(), panels(results())[0])
    assert section is not None
    assert "Figure 2" in section.title
    rows = table_named(section, "figure2").rows
    assert [(row[0].text, row[1].mean, row[3].mean) for row in rows][:2] == [
        ("XNLI", 10, pytest.approx(80)),
        ("XNLI", 24, pytest.approx(40)),
    ]
    assert len(rows) == 6


def test_one_step_is_no_curve(complete: Path) -> None:
    found = load_results(complete)
    assert figure2.section(found, panels(found)[0]) is None


def test_an_unfinished_method_has_no_line_and_no_number() -> None:
    given = results(status="interrupted")
    panel = panels(given)[0]
    assert all(map(math.isnan, curves(given, panel).line("memit", "xnli")))
    section = figure2.section(given, panel)
    assert section is not None
    table = table_named(section, "figure2")
    assert {row[3].text for row in table.rows} == {"– (0/1)"}
    assert any("missing 1/1" in note for note in table.notes)


def test_a_seed_that_lacks_a_step_leaves_a_gap(tmp_path: Path) -> None:
    world = World(methods=("none", "memit"), seeds=(0, 1), facts=1, xtreme=True, scored=(1, 2, 3))
    given = load_results(world.write(tmp_path / "run"))
    lost = (given.scores["step"] == 2) & given.scores["cell"].isin(
        given.cells.query("method == 'memit' & seed == 1").cell
    )
    given = Results(given.cells, given.scores[~lost], given.costs, given.run)
    line = curves(given, panels(given)[0]).line("memit", "xnli")
    assert math.isnan(line[1])
    assert not math.isnan(line[0] + line[2])


def test_the_unedited_model_is_a_reference_line() -> None:
    given = results()
    figure = draw(curves(given, panels(given)[0]))
    for axes in figure.axes:
        assert axes.get_ylim() == (0, 100)
        assert any(np.ptp(line.get_ydata()) == 0 and line.get_ydata()[0] == pytest.approx(90) for line in axes.lines)
    assert {text.get_text() for text in figure.axes[0].texts} == {"Unedited", "MEMIT"}


def test_names_of_lines_do_not_overlap() -> None:
    places = apart([50, 50, 50, 99, 100], 5)
    assert sorted(places) == places
    assert min(b - a for a, b in pairwise(places)) >= 5 - 1e-9
    assert places[0] >= 0
    assert places[-1] <= 100
    assert sum(places[:3]) / 3 == pytest.approx(50)

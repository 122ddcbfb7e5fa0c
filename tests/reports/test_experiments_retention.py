"""Retention: from hand-made steps to matrices, and what they come to."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.store.results import load_results
from reports.experiments import retention
from reports.experiments.retention import draw, retained
from reports.numbers.aggregate import panels
from reports.pictures.maps import Map, draw_maps
from tests.reports.test_experiments_horizon import results
from tests.reports.world import table_named


def test_a_group_is_followed_from_its_edit_on() -> None:
    given = results()
    found = retained(given, panels(given)[0])
    assert found is not None
    assert found.methods == ("memit",)
    assert found.edits == (2, 4, 6, 8)
    course = [found.numbers["memit", 4, edits].mean for edits in (4, 6, 8)]
    assert course == [pytest.approx(each) for each in (100, 75, 50)]
    assert ("memit", 4, 2) not in found.numbers


def test_right_after_the_edit_and_at_the_end_stand_side_by_side() -> None:
    given = results()
    section = retention.section(given, panels(given)[0])
    assert section is not None
    (row,) = table_named(section, "retention").rows
    assert [cell.mean for cell in row[1:]] == [pytest.approx(each) for each in (100, 62.5, 37.5)]
    assert len(table_named(section, "retention-matrix").rows) == 4 * 5 / 2


def test_the_map_is_upper_triangular() -> None:
    given = results()
    found = retained(given, panels(given)[0])
    assert found is not None
    (axes,) = draw(found).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Asked at", "Edited")
    shown = [text.get_text() for text in axes.texts]
    assert shown[:4] == ["100", "75", "50", "25"]
    assert shown[4] == "–"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2", "4", "6", "8"]


def test_a_run_scored_at_its_end_has_no_matrix(complete: Path) -> None:
    found = load_results(complete)
    assert retention.section(found, panels(found)[0]) is None


def test_numbers_of_edits_under_a_map_do_not_touch() -> None:
    names = [str(edits) for edits in range(400, 2401, 400)]
    figure = draw_maps([[Map(str(i), np.zeros((6, 6))) for i in range(8)]], names, names, ("Edited", "Asked at"))
    figure.draw_without_rendering()
    places = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(right.x0 - left.x1 > 2 for left, right in pairwise(places))

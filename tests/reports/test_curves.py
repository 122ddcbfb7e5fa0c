"""Panels of curves stand beside each other as far as the names of methods leave them room."""

from __future__ import annotations

import pytest

from reports.pictures.curves import NARROWEST, Chart, draw_curves
from reports.pictures.style import WIDTH

LONG = "memit[layers=[1,2,3],clamp=4]"


@pytest.mark.parametrize(
    ("methods", "columns", "rows"), [(("memit", "ft"), 2, 2), (("memit", LONG), 2, 4), (("ft",), 4, 2)]
)
def test_no_panel_is_too_narrow(methods: tuple[str, ...], columns: int, rows: int) -> None:
    lines = {method: [(20.0, 90.0), (100.0, 80.0)] for method in methods}
    figure = draw_curves(methods, [Chart(f"Panel {i}", lines) for i in range(4)], columns)
    boxes = [axes.get_position() for axes in figure.axes]
    assert len({round(box.y0, 6) for box in boxes}) == rows
    assert all(box.width * WIDTH >= NARROWEST for box in boxes)

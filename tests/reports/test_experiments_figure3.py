"""Radar charts of editing and downstream, and XTREME F1 by language."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store.results import load_results
from reports.experiments import figure3
from reports.numbers.aggregate import panels
from reports.parts.sections import Picture
from tests.reports.world import World, by_key, hand_made, table_named

ROW = {"metric": "xtreme_f1", "protocol": "langedit", "edit_lang": ""}


def test_downstream_is_the_mean_over_the_tasks_of_a_language() -> None:
    rows = [
        {**ROW, "cell": "a", "fact": task, "probe_lang": lang, "value": value}
        for task, lang, value in (("xnli", "en", 0.8), ("mlqa", "en", 0.4), ("xnli", "de", 0.5))
    ]
    rows.append({"cell": "a", "value": 1.0})
    given = hand_made(rows, [{"cell": "a", "method": "memit"}])
    section = figure3.section(given, panels(given)[0])
    assert section is not None
    row = by_key(table_named(section, "figure3"))[("MEMIT",)]
    assert (row["en"].mean, row["de"].mean) == (pytest.approx(60), pytest.approx(50))
    assert not any(isinstance(part, Picture) for part in section.parts)  # two axes enclose nothing
    assert "English 2, Deutsch 1" in table_named(section, "figure3").notes[0]


def test_no_downstream_no_section(complete: Path) -> None:
    given = load_results(complete)
    assert figure3.section(given, panels(given)[0]) is None


@pytest.mark.parametrize(
    ("methods", "drawn"),
    [
        (("none", "memit", "rect", "langedit"), ["Unedited", "RECT", "LangEdit (paper)"]),
        (("none", "memit", "ft"), ["Unedited", "FT", "MEMIT"]),
    ],
)
def test_the_methods_of_the_paper_are_drawn_if_there_are_any(
    methods: tuple[str, ...], drawn: list[str], tmp_path: Path
) -> None:
    world = World(methods=methods, seeds=(0,), facts=1, xtreme=True)
    given = load_results(world.write(tmp_path / "run"))
    section = figure3.section(given, panels(given)[0])
    assert section is not None
    picture = next(part for part in section.parts if isinstance(part, Picture))
    assert [axes.get_title() for axes in picture.figure.axes][-1] == "XTREME F1"
    for axes in picture.figure.axes:
        assert [line.get_label() for line in axes.lines] == drawn
        assert axes.get_ylim() == (0, 100)
    assert len(table_named(section, "figure3").rows) == len(methods)

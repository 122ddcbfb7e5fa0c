"""Negative interference: the same facts edited alone and among those of other languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.store.results import Results, load_results
from reports.experiments import figure4, of_run
from reports.numbers.aggregate import panels
from reports.numbers.measures import EFFICACY
from reports.parts.sections import Picture, Section
from reports.parts.tables import Table
from tests.reports.world import World, by_key, hand_made, table_named

ALONE = {"en": {"x": 0.9, "y": 0.7}, "de": {"z": 0.5}}
TOGETHER = {"en": {"x": 0.6, "y": 0.5}, "de": {"z": 0.5}}


def results(status: str = "done") -> Results:
    cells: list[dict[str, Any]] = [{"cell": "all", "method": "alphaedit"}, {"cell": "none", "method": "none"}]
    cells += [{"cell": code, "method": "alphaedit", "edited": code} for code in ALONE]
    cells[-1]["status"] = status
    rows = []
    for code, facts in ALONE.items():
        for fact, value in facts.items():
            base = {"fact": fact, "edit_lang": code}
            for metric in ("efficacy", "generality", "specificity"):
                rows.append({**base, "metric": metric, "cell": code, "value": value})
                rows.append({**base, "metric": metric, "cell": "all", "value": TOGETHER[code][fact]})
                rows.append({**base, "metric": metric, "cell": "none", "value": 0.1})
    return hand_made(rows, cells)


def only(given: Results) -> Section:
    return next(iter(figure4.sections(given, panels(given))))


def test_the_gap_is_paired_by_fact() -> None:
    rows = by_key(table_named(only(results()), "figure4-gap"), 3)
    english = rows["AlphaEdit", "Efficacy", "English"]
    assert (english["gap"].mean, english["facts"].mean) == (pytest.approx(-25), 2)
    # differences -30 and -20: 95 % interval with one degree of freedom
    half = 12.7062047 * (50**0.5) / 2**0.5
    assert english["ci95_low"].mean == pytest.approx(-25 - half)
    assert english["ci95_high"].mean == pytest.approx(-25 + half)
    every = rows["AlphaEdit", "Efficacy", "All"]
    assert (every["gap"].mean, every["facts"].mean) == (pytest.approx(-50 / 3), 3)


def test_a_single_fact_has_no_interval_but_a_reason() -> None:
    table = table_named(only(results()), "figure4-gap")
    row = by_key(table, 3)["AlphaEdit", "Efficacy", "Deutsch"]
    assert (row["gap"].mean, row["ci95_low"].text) == (0, "–")
    assert any("needs two" in note for note in table.notes)


def test_the_table_holds_every_bar() -> None:
    rows = by_key(table_named(only(results()), "figure4"), 3)
    assert rows["Efficacy", "AlphaEdit", "alone"]["en"].mean == pytest.approx(80)
    assert rows["Efficacy", "AlphaEdit", "all"]["en"].mean == pytest.approx(55)
    assert rows["Efficacy", "Unedited", ""]["de"].mean == pytest.approx(10)


def test_facts_of_other_languages_do_not_enter() -> None:
    pairs = figure4.pairs_of(next(figure4.groups(panels(results()), ("model", "data", "order"), "edited")))
    assert pairs is not None
    number = pairs.number("alphaedit", False, EFFICACY, "de")
    assert number is not None
    assert number.mean == pytest.approx(50)


@pytest.mark.parametrize("edited", [(), ("en",)])
def test_one_side_is_no_comparison(edited: tuple[str, ...], tmp_path: Path) -> None:
    world = World(methods=("none", "alphaedit"), seeds=(0,), languages=("en", "de"), facts=1, edited=(edited,))
    given = load_results(world.write(tmp_path / "run"))
    assert not [section for section in of_run(given, panels(given)) if "Figure 4" in section.title]


def test_unfinished_cells_are_dashes_in_picture_and_table() -> None:
    section = only(results("running"))
    assert by_key(table_named(section, "figure4"), 3)["Efficacy", "AlphaEdit", "alone"]["de"].text == "– (0/1)"
    gaps = by_key(table_named(section, "figure4-gap"), 3)
    assert gaps["AlphaEdit", "Efficacy", "Deutsch"]["gap"].text == "–"
    assert gaps["AlphaEdit", "Efficacy", "All"]["facts"].mean == 2
    picture = next(part for part in section.parts if isinstance(part, Picture))
    for axes in picture.figure.axes:
        assert len(axes.patches) == 3
        assert [text.get_text() for text in axes.texts] == ["−25.0", "–"]


def test_nothing_finished_on_one_side_is_no_section(tmp_path: Path) -> None:
    status: Any = {("alphaedit", 0): "failed"}
    world = World(methods=("none", "alphaedit"), seeds=(0,), facts=1, edited=((), ("en",)), status=status)
    given = load_results(world.write(tmp_path / "run"))
    assert of_run(given, panels(given)) == []


def test_langedit_stands_beside_alphaedit_where_it_was_not_edited_alone(tmp_path: Path) -> None:
    world = World(methods=("alphaedit",), seeds=(0, 1), facts=2, languages=("en", "de"), edited=((), ("en",), ("de",)))
    world.write(tmp_path / "run", plan=False)
    World(methods=("none", "langedit"), seeds=(0, 1), facts=2, languages=("en", "de")).write(
        tmp_path / "run", plan=False
    )
    section = only(load_results(tmp_path / "run"))
    picture = next(part for part in section.parts if isinstance(part, Picture))
    names = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert names == [
        "AlphaEdit, language alone",
        "AlphaEdit, all languages",
        "LangEdit (paper), all languages",
        "Unedited",
    ]
    assert all(len(axes.patches) == 6 and axes.get_ylim() == (0, 100) for axes in picture.figure.axes)


def test_other_methods_stand_in_csv_only(tmp_path: Path) -> None:
    edited = ((), ("en",), ("de",))
    world = World(methods=("none", "ft", "alphaedit"), seeds=(0,), languages=("en", "de"), facts=2, edited=edited)
    section = only(load_results(world.write(tmp_path / "run")))
    names = {part.name for part in section.parts if isinstance(part, Table)}
    assert names == {table.name for table in section.tables} == {"figure4", "figure4-gap"}
    assert {row[0].text for row in table_named(section, "figure4-gap").rows} == {"AlphaEdit"}
    assert {row[0].text for row in section.tables[1].rows} == {"FT", "AlphaEdit"}

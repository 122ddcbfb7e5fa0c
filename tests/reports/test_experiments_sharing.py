"""Languages that are asked and never edited: tables 6 and 7, and the transfer matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.store.results import Results, load_results
from reports.experiments import of_run, table6, transfer
from reports.numbers.aggregate import panels
from reports.parts.sections import Picture
from tests.reports.world import World, by_key, hand_made, table_named


def asked(cell: str, fact: str, lang: str, probe: str, value: float) -> dict[str, Any]:
    metric = "efficacy" if lang == probe else "crosslingual"
    return {"cell": cell, "fact": fact, "edit_lang": lang, "probe_lang": probe, "metric": metric, "value": value}


def group() -> Results:
    cells = [{"cell": c, "method": m, "edited": "en+de"} for c, m in (("a", "memit"), ("u", "none"))]
    rows = [asked("a", "x", "en", "en", 1.0), asked("a", "y", "de", "de", 1.0)]
    rows += [asked("a", "x", "en", "fr", 0.8), asked("a", "y", "de", "fr", 0.4), asked("a", "x", "en", "zh", 0.2)]
    rows += [asked("a", "x", "en", "de", 0.0)]  # edited, hence not counted
    rows += [asked("u", "x", "en", "fr", 0.1), asked("u", "y", "de", "fr", 0.1), asked("u", "x", "en", "zh", 0.0)]
    return hand_made(rows, cells)


def test_only_languages_that_were_never_edited_count() -> None:
    given = group()
    section = next(iter(table6.sections(given, panels(given))))
    row = by_key(table_named(section, "table6-7"))[("MEMIT",)]
    assert (row["fr"].mean, row["zh"].mean) == (pytest.approx(60), pytest.approx(20))
    assert "de" not in row
    assert row["efficacy"].mean == 100


def test_the_gain_is_clustered_by_fact() -> None:
    given = group()
    section = next(iter(table6.sections(given, panels(given))))
    rows = by_key(table_named(section, "table6-7-gain"), 2)
    assert (rows["MEMIT", "Français"]["gain"].mean, rows["MEMIT", "Français"]["facts"].mean) == (pytest.approx(50), 2)
    # x gains 70 and 20, one value of 45; y gains 30
    assert (rows["MEMIT", "Average"]["gain"].mean, rows["MEMIT", "Average"]["facts"].mean) == (pytest.approx(37.5), 2)


def test_without_the_unedited_model_there_is_no_gain(tmp_path: Path) -> None:
    world = World(methods=("memit",), seeds=(0,), facts=2, asked=True, edited=(("en", "de"),))
    given = load_results(world.write(tmp_path / "run"))
    section = next(iter(table6.sections(given, panels(given))))
    assert {row[2].text for row in table_named(section, "table6-7-gain").rows} == {"–"}


def test_all_languages_or_one_share_nothing(tmp_path: Path) -> None:
    world = World(methods=("memit",), seeds=(0,), facts=1, asked=True, edited=((), ("en",)))
    given = load_results(world.write(tmp_path / "run"))
    assert list(table6.sections(given, panels(given))) == []


def matrices() -> Results:
    cells = [{"cell": f"{m}-{e}", "method": m, "edited": e} for m in ("memit", "none") for e in ("en", "de")]
    rows = []
    for method, level in (("memit", 0.9), ("none", 0.1)):
        rows += [asked(f"{method}-en", "x", "en", "en", level), asked(f"{method}-en", "x", "en", "de", level - 0.1)]
        rows += [asked(f"{method}-de", "y", "de", "de", level)]
    return hand_made(rows, cells)


def test_the_diagonal_is_efficacy_and_the_rest_is_asked_elsewhere() -> None:
    given = matrices()
    section = next(iter(transfer.sections(given, panels(given))))
    rows = by_key(table_named(section, "transfer-efficacy"), 2)
    assert (rows["MEMIT", "English"]["en"].mean, rows["MEMIT", "English"]["de"].mean) == (90, pytest.approx(80))
    assert rows["MEMIT", "Deutsch"]["en"].text == "–"
    every = by_key(table_named(section, "transfer-efficacy-gain"), 3)
    assert (every["MEMIT", "All", "the same"]["facts"].mean, every["MEMIT", "All", "others"]["facts"].mean) == (2, 1)
    gains = by_key(section.tables[0], 3)
    assert gains["MEMIT", "English", "others"]["difference"].mean == pytest.approx(80)
    assert gains["MEMIT", "Deutsch", "others"]["difference"].text == "–"
    assert not [part for part in section.parts if isinstance(part, Picture) and "specificity" in part.stem]


def test_pictures_show_every_number_on_one_scale(tmp_path: Path) -> None:
    world = World(methods=("none", "memit"), seeds=(0,), facts=2, asked=True, edited=(("en",), ("zh",)))
    given = load_results(world.write(tmp_path / "run"))
    section = next(iter(transfer.sections(given, panels(given))))
    pictures = [part for part in section.parts if isinstance(part, Picture)]
    assert [picture.stem for picture in pictures] == ["transfer-efficacy", "transfer-specificity"]
    for axes in pictures[0].figure.axes:
        assert axes.images[0].get_clim() == (0, 100)
        assert len(axes.texts) == 2 * 6
    assert [axes.get_title(loc="left") for axes in pictures[0].figure.axes] == ["Unedited", "MEMIT"]


def test_the_unedited_model_of_all_languages_stands_in(tmp_path: Path) -> None:
    edited, two = (("en",), ("de",)), {"seeds": (0,), "languages": ("en", "de"), "facts": 2, "asked": True}
    World(methods=("memit",), edited=edited, **two).write(tmp_path / "run", plan=False)  # type: ignore[arg-type]
    World(methods=("none", "memit"), **two).write(tmp_path / "run", plan=False)  # type: ignore[arg-type]
    given = load_results(tmp_path / "run")
    section = next(section for section in of_run(given, panels(given)) if "Transfer" in section.title)
    assert by_key(section.tables[0], 3)["MEMIT", "Deutsch", "the same"]["facts"].mean == 2


def test_a_failed_cell_is_a_dash(tmp_path: Path) -> None:
    status: Any = {("memit", 0): "failed"}
    world = World(methods=("none", "memit"), seeds=(0,), facts=1, asked=True, edited=(("en",), ("de",)), status=status)
    given = load_results(world.write(tmp_path / "run"))
    section = next(iter(transfer.sections(given, panels(given))))
    rows = by_key(table_named(section, "transfer-efficacy"), 2)
    assert rows["MEMIT", "English"]["zh"].text == "– (0/1)"

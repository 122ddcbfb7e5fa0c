"""Reports of several runs, models and settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from reports.documents.document import first_tables, read_report
from reports.documents.markdown import to_report_markdown
from reports.documents.tables import to_csv
from reports.numbers.names import run_names
from reports.parts.arranging import arranged
from reports.parts.sections import Chapter, Picture, Section
from reports.parts.tables import Cell, Column, Table
from reports.render import build_report, default_folder, write_report
from tests.reports.world import World


def tables(report: Chapter) -> dict[str, Table]:
    """What is written as csv, by the names of the files."""
    every = (part for section in report.sections() for part in (*section.parts, *section.tables))
    return {part.name: part for part in every if isinstance(part, Table)}


def test_two_models_get_a_table_each(tmp_path: Path) -> None:
    for model in ("m/one", "m/two"):
        world = World(methods=("none", "memit"), seeds=(0,), languages=("en", "zh"), facts=2)
        world.write(tmp_path / "run", model=model, plan=False)
    report = read_report([tmp_path / "run"])
    assert {"settings", "table1-m-one", "table1-m-two"} <= set(tables(report))
    assert {"radar-m-one", "radar-m-two"} <= {
        part.stem for section in report.sections() for part in section.parts if isinstance(part, Picture)
    }
    text = to_report_markdown(report)
    assert "\n## m/two on cldr" in text
    assert text.count("How to read the numbers") == 1


def test_many_groups_of_languages_are_one_table_not_many_chapters(tmp_path: Path) -> None:
    edited = ((), ("en",), ("de",), ("en", "de"))
    world = World(methods=("none", "memit"), seeds=(0,), languages=("en", "de", "zh"), facts=2, edited=edited)
    report = read_report([world.write(tmp_path / "run")])
    chapters = [item for _, item in report.walk() if isinstance(item, Chapter)]
    assert [chapter.title for chapter in chapters] == ["polyglot-tiny on cldr, order cycle"]
    overview = first_tables(report)[0]
    assert [row[0].text for row in overview.rows] == ["all", "de", "en", "en+de"]
    assert all(row[2].mean is not None for row in overview.rows)
    rows = to_csv(tables(report)["settings"]).splitlines()
    assert rows[0].startswith("edited,method,efficacy,efficacy_std")
    assert len(rows) == 1 + 4 * 2


def test_several_runs_are_chapters_of_one_report(small: Path, tmp_path: Path) -> None:
    world = World(
        methods=("none", "rome"), seeds=(0, 1), languages=("en", "zh"), facts=2, status={("rome", 1): "failed"}
    )
    report = read_report([small, world.write(tmp_path / "gappy")])
    assert [item.title for item in report.items] == [
        "small", "gappy", "How to read the numbers", "How differences are tested",
    ]  # fmt: skip
    out = write_report(report, tmp_path / "out", ("csv", "md", "pdf"))
    names = {path.name for path in out.iterdir()}
    assert {"small-table1.csv", "gappy-table1.csv", "small-radar.png", "gappy-radar.png", "numbers.csv"} <= names
    assert "report.pdf" in names
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "\n## small\n" in text
    assert "\n## gappy\n" in text
    assert len(re.findall(r"^Table \d+\.", text, re.MULTILINE)) == len(set(re.findall(r"^Table \d+\.", text, re.M)))


def test_a_setting_that_was_reported_is_named_and_not_repeated(tmp_path: Path) -> None:
    small: dict[str, Any] = {"methods": ("none", "memit"), "seeds": (0,), "languages": ("en", "zh"), "facts": 2}
    first = World(**small).write(tmp_path / "first")
    second = World(**small, edited=((), ("en",))).write(tmp_path / "second")
    report = read_report([first, second])
    *_, chapter = (item for _, item in report.walk() if isinstance(item, Chapter))
    assert chapter.title == "polyglot-tiny on cldr, order cycle, edited: en"
    said = "polyglot-tiny on cldr, order cycle: all of its cells stand in an earlier chapter."
    assert said in to_report_markdown(report)
    assert len([name for name in tables(report) if name.endswith("table1")]) == 2


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for machine, level in (("here", 80), ("there", 81)):
        levels = {"memit": (level, level, level)}
        world = World(methods=("memit",), seeds=(0,), languages=("en",), facts=1, levels=levels)
        world.write(tmp_path / machine / "run")
    folders = [tmp_path / "here" / "run", tmp_path / "there" / "run"]
    assert run_names(folders) == ["here/run", "there/run"]
    assert {"here-run-table1", "there-run-table1"} <= set(tables(read_report(folders)))


def test_names_and_numbers_are_given_once() -> None:
    table = Table("same", (Column("a", "A", "text"),), ((Cell("x"),),), "Caption.")
    section = Section("One", (table, table), (table, Table("long", table.columns, table.rows)))
    first, second = arranged(Chapter("t", "", (section, section))).sections()
    shown = [part for each in (first, second) for part in each.parts if isinstance(part, Table)]
    assert [part.name for part in shown] == ["same", "same-2", "same-3", "same-4"]
    assert [part.label for part in shown] == ["Table 1", "Table 2", "Table 3", "Table 4"]
    assert [part.name for part in (*first.tables, *second.tables)] == ["same-2", "long", "same-4", "long-2"]


@pytest.mark.parametrize(
    "world",
    [
        World(methods=("memit",), seeds=(0,), languages=("en",), facts=1),
        World(methods=("none",), seeds=(0, 1), languages=("en", "zh"), facts=1, extra=False),
        World(methods=("memit",), seeds=(0,), languages=("en",), facts=1, status={("memit", 0): "failed"}),
    ],
    ids=["one of everything", "nothing but the unedited model", "all failed"],
)
def test_small_and_empty_runs_have_reports(world: World, tmp_path: Path) -> None:
    out = build_report(world.write(tmp_path / "run"), tmp_path / "out")
    assert len(PdfReader(out / "report.pdf").pages) >= 1
    assert "nan" not in (out / "report.md").read_text(encoding="utf-8").lower()


def test_the_default_folder_lies_beside_the_run(tmp_path: Path) -> None:
    """In the working folder a folder `reports` would be found in place of the package."""
    run = tmp_path / "results" / "mine"
    assert default_folder([run]) == tmp_path / "results" / "report-mine"
    assert default_folder([run, tmp_path / "other" / "theirs"]) == tmp_path / "results" / "report-mine+theirs"

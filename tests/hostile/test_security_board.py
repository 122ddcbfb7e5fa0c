"""A board of runs that nobody wishes for: no text becomes markup, and what is spoilt is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from bench.cli.display import NoDisplay, PlainDisplay
from bench.ground.atomic import read_json
from bench.ground.errors import BenchError
from bench.ground.progress import Unheard
from reports.board.columns import Column
from reports.board.site import write_site
from reports.board.standing import EVERY, standing
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz
from tests.hostile.test_fuzz_results import exchanged, table, values
from tests.hostile.test_security_reports import EVIL
from tests.reports.board_world import Changed, columns_in
from tests.reports.test_html import Page


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of runs whose names, methods, model, data, versions, devices and evaluators' options are hostile."""
    folder = tmp_path_factory.mktemp("hostile-board")
    levels = dict.fromkeys(("memit", *EVIL), (50, 40, 30))
    world = Changed(methods=("memit", *EVIL), seeds=(0, 1), facts=2, levels=levels, data=EVIL[2])
    run = world.write(folder / "runs" / "a<img src=x onerror=y>&'\"#%2e", model=EVIL[0])
    text = " ".join(EVIL)
    for path in run.glob("*/cell.json"):
        record = read_json(path)
        record["environment"] |= {"device": text, "commit": text, "packages": {text: text}, "threads": text}
        record["environment"]["evaluators"] = {"edits": {text: text, "../../x": [text]}}
        path.write_text(json.dumps(record))
    write_site(folder / "runs", folder / "site", NoDisplay())
    return folder / "site"


def test_what_is_told_of_a_run_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Changed(methods=("memit",), seeds=(0,), facts=1, data="a\x1b[2J\nb").write(
        tmp_path / "runs" / "a", model="\x1b]0;c\x07"
    )
    write_site(tmp_path / "runs", tmp_path / "site", PlainDisplay())
    told = capsys.readouterr().out
    assert "column 1: " in told
    assert all(line.isprintable() for line in told.splitlines())


def test_no_text_becomes_markup(hostile_site: Path) -> None:
    assert sorted(path.name for path in hostile_site.parent.iterdir()) == ["runs", "site"]
    index = (hostile_site / "index.html").read_text(encoding="utf-8")
    assert len(Page(index).all("script")) == 3
    assert not Page(index).all("img")
    pages = list((hostile_site / "cells").iterdir())
    assert len(pages) == 1 + len(EVIL)
    for path in pages:
        text = path.read_text(encoding="utf-8")
        parsed = Page(text)
        assert len(parsed.all("script")) == 1 and not parsed.all("img", "iframe")
        assert not [values for _, values in parsed.tags if any(name.startswith("on") for name in values)]
        assert all(str(link["href"]).startswith(("#", "../index.html")) for link in parsed.all("a"))
    for path in hostile_site.rglob("*.html"):
        assert not set(path.read_text(encoding="utf-8")) & {"\x00", "\x08", "\x1b", "\u202e", "\u2066"}, path


def test_runs_that_are_spoilt_are_refused(tmp_path: Path, record_property: Any) -> None:
    """By name; else all numbers that are stored are there, and where a table is gone there is none."""
    world = Changed(methods=("none", "memit"), seeds=(0,), facts=2)
    sound = world.write(tmp_path / "sound-run")

    def write(root: Path) -> list[Path]:
        shutil.copytree(sound, root / "runs" / "run")
        return [sorted((root / "runs").glob(pattern))[0] for pattern in ("*/run.json", "*/*/cell.json", "*/*/edits/*")]

    def read(root: Path) -> list[Column]:
        return columns_in(root / "runs")[0]

    def whole(root: Path, columns: list[Column]) -> None:
        for column in columns:
            bare = {row.label for row in column.rows if not any(cell.scores for cell in row.cells)}
            shown = {label for asked in standing(column, Unheard()) for label in asked.views[EVERY].numbers}
            assert shown == {row.label for row in column.rows} - bare

    def spoil(draw: spoiling.Draw, path: Path) -> spoiling.Spoilt:
        if path.suffix == ".json":
            return values(draw, path)
        return (table if draw(st.booleans()) else exchanged)(draw, path)

    reader = Reader("bench board", write, [spoil, spoil, spoil, spoiling.content, spoiling.place], read, whole)
    fuzz(reader, tmp_path, record_property, 15)


def test_a_pack_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.tar.zst").mkdir()
    with pytest.raises(BenchError, match=r"x\.tar\.zst"):
        write_site(tmp_path, tmp_path / "site", NoDisplay())

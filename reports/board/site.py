"""The pages of a board, written into a folder: the board, a page per row, the answers that runs have kept."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from bench.ground.atomic import filling, write_text
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError, one_line
from bench.ground.progress import Display
from bench.store.looking import keeps_answers, placed_answers
from bench.store.results import load_results
from reports.board.columns import Column, Row, columns_of, counted
from reports.board.data import Board, board_data, language_names
from reports.board.entries import Entry, entry_of, names_of, opened, runs_in, with_answers
from reports.board.rows import row_page
from reports.board.standing import Asked, standing
from reports.documents.answers import DATA, embedded, to_answers_html
from reports.numbers.names import slug
from reports.parts.fonts import visible

INDEX, CELLS, ANSWERS = "index.html", "cells", "answers"
MARK = '<meta name="generator" content="bench board">'
"""Tells a board's page from any other."""


def write_site(folder: Path, out: Path, display: Display) -> Board:
    """Write the board of all runs in a folder.

    Args:
        folder: that holds packed runs and folders of runs.
        out: where the pages go; what an earlier board left there is replaced.
        display: shows how far it is.

    Raises:
        BenchError: there are no runs, one cannot be read, or `out` holds something else.
    """
    paths = runs_in(folder)
    _check(out)
    with filling(out, stale=(CELLS, ANSWERS)) as new:
        named = zip(paths, names_of(paths), strict=True)
        display.note(f"reading {counted(len(paths), 'run')}")
        entries = [_entry(path, name, new, number) for number, (path, name) in enumerate(named)]
        columns, apart = columns_of(entries)
        pages = {(each.key, row.label): _address(each, row) for each in columns for row in each.rows}
        board = Board(entries, columns, _standings(columns, display), apart, pages)
        _write(board, new)
    return board


def _standings(columns: Sequence[Column], display: Display) -> list[list[Asked]]:
    found = []
    with display.board(len(columns)) as shown:
        for number, column in enumerate(columns, 1):
            label = one_line(f"column {number}: {column.about['Model']} on {column.about['Data']}")
            found.append(standing(column, shown.cell(label)))
            shown.finished(label, "done", "")
    return found


def _check(out: Path) -> None:
    """Refuse a folder of something else, of which files might be lost."""
    if not out.exists():
        return
    if not out.is_dir():
        raise BenchError("not a folder", file=out)
    index = out / INDEX
    ours = index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")[:2000]
    if not ours and any(out.iterdir()):
        raise BenchError("holds something else than a board; name another folder with --out", file=out)


def _entry(path: Path, name: str, new: Path, number: int) -> Entry:
    """Read a run, and write the page of its answers where it has kept any."""
    with opened(path) as run:
        results = load_results(run)
        entry = entry_of(run, path, name, results)
        rows = placed_answers(run, results) if keeps_answers(run) else pd.DataFrame()
    if rows.empty:
        return entry
    address = f"{ANSWERS}/{number}-{slug(name)}.html"
    write_text(new / address, to_answers_html(rows.assign(run=name)))
    return with_answers(entry, address, frozenset(rows["cell"]))


def _address(column: Column, row: Row) -> str:
    return f"{CELLS}/{text_digest(column.key, row.label)}.html"


def _write(board: Board, new: Path) -> None:
    write_text(new / INDEX, index_page(board))
    for column, measures in zip(board.columns, board.standings, strict=True):
        for row in column.rows:
            path = new / board.pages[column.key, row.label]
            write_text(path, row_page(column, row, measures, path.parent))


def index_page(board: Board) -> str:
    """The page of the board itself."""
    template = files("reports").joinpath("documents/templates/board.html").read_text(encoding="utf-8")
    data = {**board_data(board), "languages": language_names(board)}
    return template.replace(DATA, embedded(_visible(data)), 1)


def _visible(value: Any) -> Any:
    """All texts without what turns or hides letters."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(key)): _visible(each) for key, each in value.items()}
    return [_visible(each) for each in value] if isinstance(value, list | tuple) else value


def told(board: Board) -> Sequence[str]:
    """What a board holds, a line each, for a terminal."""
    lines = [
        f"{each.name}: {each.finished} of {len(each.cells) + len(each.missing)} cells finished"
        f"{', with answers' if each.answers else ''}"
        for each in board.entries
    ]
    lines += [
        f"{each.first} and {each.second} disagree about {each.label} (cell {each.cell}): by up to {each.points:.2f} "
        f"points, of {each.measure}; each has a row of its own"
        for each in board.apart
    ]
    rows = sum(len(each.rows) for each in board.columns)
    return [*lines, f"{counted(len(board.columns), 'column')}, {counted(rows, 'row')}"]

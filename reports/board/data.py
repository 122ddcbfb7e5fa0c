"""What the page of a board is made of, as JSON: its script only chooses and draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any
from urllib.parse import quote, urlencode

from reports.board.columns import Column, Disagreement, Row
from reports.board.entries import Computed, Entry
from reports.board.standing import EVERY, Asked, Number, View
from reports.numbers.upper import competes
from reports.parts.contents import display_name, language_name

HASHES = ("Hash of weights", "Hash of the chat template", "Hash of the data", "Hash of the text", "Version of cells")
"""Tell columns apart where nothing that has a name does."""


@dataclass(frozen=True, slots=True)
class Board:
    """All that a board shows.

    Attributes:
        standings: of every column the measures.
        pages: addresses of the pages of rows, by key of the column and label of the row.
    """

    entries: Sequence[Entry]
    columns: Sequence[Column]
    standings: Sequence[Sequence[Asked]]
    apart: Sequence[Disagreement]
    pages: Mapping[tuple[str, str], str]


def board_data(board: Board) -> dict[str, Any]:
    """The board for its page's script."""
    return {
        "runs": [
            {"name": each.name, "file": each.file, "finished": each.finished,
             "cells": len(each.cells) + len(each.missing), "answers": each.answers}
            for each in board.entries
        ],
        "shared": _shared(board.entries),
        "apart": [
            {"cell": each.cell, "label": each.label, "runs": [each.first, each.second],
             "points": _short(each.points), "measure": each.measure}
            for each in board.apart
        ],
        "columns": [
            _column(board, column, measures) for column, measures in zip(board.columns, board.standings, strict=True)
        ],
    }  # fmt: skip


def _shared(entries: Sequence[Entry]) -> int:
    """How many cells several runs hold."""
    runs = Counter(cell for entry in entries for cell in {each.id for each in entry.cells})
    return sum(count > 1 for count in runs.values())


def differences(column: Column, columns: Sequence[Column]) -> str:
    """What tells a column from others of the same model and data; "" where there is no other."""
    others = [
        each.about
        for each in columns
        if each is not column and all(each.about[name] == column.about[name] for name in ("Model", "Data"))
    ]
    names = [name for name in column.about if any(other.get(name) != column.about[name] for other in others)]
    named = [name for name in names if name not in HASHES]
    return ", ".join(f"{name}: {column.about[name]}" for name in named or names)


def told_text(told: Mapping[str, object]) -> str:
    """What an evaluator was told to ask, in one line."""
    return ", ".join(f"{name} {value}" for name, value in told.items() if value not in (None, "", [], {}))


# ---------------------------------------------------------------------------- columns
def _column(board: Board, column: Column, measures: Sequence[Asked]) -> dict[str, Any]:
    labels = [row.label for row in column.rows]
    return {
        "key": column.key,
        "model": column.about["Model"],
        "data": column.about["Data"],
        "length": column.about["Edits"],
        "differs": differences(column, board.columns),
        "about": list(column.about.items()),
        "rows": [_row(board, column, row) for row in column.rows],
        "measures": [_measure(each, measures, labels) for each in measures],
    }


def _row(board: Board, column: Column, row: Row) -> dict[str, Any]:
    return {
        "label": row.label,
        "competes": competes(row.method),
        "runs": row.runs,
        "page": board.pages[column.key, row.label],
        "note": _note(row),
        "answers": next((said_by(cell, row) for cell in row.cells if cell.answers), ""),
        "costs": _costs(row),
    }


def said_by(cell: Computed, row: Row) -> str:
    """The address of the page of a cell's answers that opens on its method."""
    return f"{quote(cell.answers)}#{urlencode({'method': display_name(row.method)})}"


def _note(row: Row) -> str:
    """What a reader must know of a row beside its numbers."""
    broken = {cell.seed for cell in row.cells if cell.place["status"] == "diverged"}
    seeds = {cell.seed for cell in row.cells} | row.missing
    return f"diverged {len(broken)}/{len(seeds)}" if broken else ""


def _costs(row: Row) -> list[dict[str, Any]]:
    """Mean seconds per edit and the peak of memory on every device that cells of a row were computed on."""
    by_device: dict[str, list[tuple[float | None, float | None]]] = {}
    for cell in row.cells:
        if cell.is_finished:
            by_device.setdefault(cell.device, []).append(cell.cost)
    found = []
    for device, costs in sorted(by_device.items()):
        seconds = [second for second, _ in costs if second is not None]
        memory = [peak for _, peak in costs if peak is not None]
        if seconds or memory:
            mean = sum(seconds) / len(seconds) if seconds else None
            found.append({"device": device, "seconds": mean, "memory": max(memory) if memory else None})
    return found


def _measure(asked: Asked, all_of_them: Sequence[Asked], labels: Sequence[str]) -> dict[str, Any]:
    same = [each.told for each in all_of_them if each.measure == asked.measure]
    apart = {name: value for name, value in asked.told.items() if any(other.get(name) != value for other in same)}
    return {
        "key": asked.measure.key,
        "title": asked.measure.title,
        "protocol": asked.protocol,
        "told": told_text(asked.told),
        "apart": told_text(apart),
        "views": {code: _view(view, labels) for code, view in asked.views.items()},
    }


def _view(view: View, labels: Sequence[str]) -> dict[str, Any]:
    place = {label: i for i, label in enumerate(labels)}
    return {
        "numbers": [_number(view.numbers[label]) if label in view.numbers else None for label in labels],
        "groups": [[place[name] for name in group] for group in view.ranking.groups],
        "pairs": len(view.ranking.outcomes),
    }


def _number(number: Number) -> list[Any]:
    """Mean, interval, n, deviation, seeds there and planned, best and worst rank, why there is no interval."""
    summary, between = number.summary, number.interval
    numbers = (summary.mean, between.low, between.high, between.n, summary.std, summary.have, summary.planned)
    return [*(_short(each) for each in numbers), *(number.places or (None, None)), between.note]


def _short(value: float | int | None) -> float | int | None:
    """Four decimals; what is no finite number, as of shards that hold nonsense, is none."""
    if isinstance(value, float):
        return round(value, 4) if isfinite(value) else None
    return value


def language_names(board: Board) -> dict[str, str]:
    """Names of all languages of the board, by code."""
    codes = {code for measures in board.standings for each in measures for code in each.views if code != EVERY}
    return {code: language_name(code) for code in sorted(codes)}

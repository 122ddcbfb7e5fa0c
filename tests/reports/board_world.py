"""Folders of runs for the board: made up, and changed where a test wants them to differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.config.cell import Cell, Order
from bench.ground.atomic import read_json, write_json
from bench.store.results import load_results
from reports.board.columns import Column, Disagreement, columns_of
from reports.board.entries import Entry, entry_of, names_of, runs_in
from tests.reports.world import World

LANGUAGES = ("en", "de")


@dataclass
class Changed(World):
    """A world whose cells differ from those of others.

    Attributes:
        change: fields of every cell.
        options: of methods, by name.
        bare: methods that read no text.
    """

    languages: tuple[str, ...] = LANGUAGES
    facts: int = 4
    change: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bare: tuple[str, ...] = ("none", "ft")

    def cell(self, method: str, seed: int, model: str, order: Order = "cycle", edited: tuple[str, ...] = ()) -> Cell:
        cell = super().cell(method, seed, model, order, edited)
        own = {
            "statistics": method not in self.bare,
            "options": {**cell.method.options, **self.options.get(method, {})},
        }
        return cell.model_copy(update={"method": cell.method.model_copy(update=own), **self.change})


def told(root: Path, evaluator: str, **options: Any) -> Path:
    """A run whose evaluator was told something."""
    for path in root.glob("*/cell.json"):
        record = read_json(path)
        record["environment"].setdefault("evaluators", {"edits": {}})[evaluator] = options
        write_json(path, record)
    return root


def entries_of(folder: Path) -> list[Entry]:
    paths = runs_in(folder)
    return [entry_of(path, path, name, load_results(path)) for path, name in zip(paths, names_of(paths), strict=True)]


def columns_in(folder: Path) -> tuple[list[Column], list[Disagreement]]:
    return columns_of(entries_of(folder))

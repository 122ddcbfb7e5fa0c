"""Two runs joined by what tables tell cells apart by, and how far their cells are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.ground.errors import BenchError
from bench.store.records import read_cell
from bench.store.results import PLACE, Results, load_results
from bench.store.shards import SCORE_SCHEMA
from reports.numbers.names import run_names
from reports.parts.tables import DASH

KEYS = [name for name in SCORE_SCHEMA.names if name not in ("cell", "value", "weight")]
IDENTICAL = "identical"
OTHER_QUESTIONS = "other questions"


@dataclass(frozen=True, slots=True)
class Runs:
    """Two runs and what they share.

    Attributes:
        names: of the runs.
        cells: one row per place that both have; `cell_a`, `status_a` and so on.
        only: places that only the first has, and only the second.
    """

    folders: tuple[Path, Path]
    names: tuple[str, str]
    results: tuple[Results, Results]
    cells: pd.DataFrame
    only: tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Sameness:
    """How a cell's scores in two runs agree.

    Attributes:
        same: whether cell id and every row are bit for bit the same.
        settings: what the cells' settings differ in, "" for nothing.
        scores: in words.
    """

    same: bool
    settings: str
    scores: str


def join(first: Path, second: Path) -> Runs:
    """Read two runs and find the places that both have.

    Raises:
        BenchError: a run cannot be read, or they have no cell in common.
    """
    results = (load_results(first), load_results(second))
    names = run_names([first, second])
    place = list(PLACE)
    joined = results[0].cells.merge(results[1].cells, on=place, how="outer", suffixes=("_a", "_b"), indicator="where")
    joined = joined.sort_values(place)
    both, left, right = (joined[joined["where"] == where] for where in ("both", "left_only", "right_only"))
    if both.empty:
        raise BenchError(f"no cell in common: {names[0]} has {_held(left)}; {names[1]} has {_held(right)}", file=second)
    return Runs((first, second), (names[0], names[1]), results, both, (left, right))


def _held(cells: pd.DataFrame) -> str:
    fields = ("method", "model", "data", "order", "edited")
    return ", ".join(f"{name} {'/'.join(sorted(cells[name].unique()))}" for name in fields)


def sameness(runs: Runs, row: Mapping[Any, Any]) -> Sameness:
    """Whether the two cells of a row of `Runs.cells` are the same, and in what they differ."""
    settings = "" if row["cell_a"] == row["cell_b"] else _other_settings(runs, row)
    scores = (
        results.scores[results.scores["cell"] == row[cell]]
        for results, cell in zip(runs.results, ("cell_a", "cell_b"), strict=True)
    )
    words = _compared(*scores)
    return Sameness(words == IDENTICAL and not settings, settings, words)


def _compared(first: pd.DataFrame, second: pd.DataFrame) -> str:
    """In words, how two cells' rows of scores agree."""
    if first.empty or second.empty:
        return "no scores" if first.empty and second.empty else "in one run only"
    a, b = (rows.drop(columns="cell").sort_values(KEYS, kind="stable", ignore_index=True) for rows in (first, second))
    if not a[KEYS].equals(b[KEYS]):
        return f"{OTHER_QUESTIONS}: {len(a)} and {len(b)} rows"
    if a.equals(b):
        return IDENTICAL
    apart = (a["value"] - b["value"]).abs().fillna(float("inf"))
    different = int((apart != 0).sum())
    if not different:
        return "the same values, other weights"
    return f"{different} of {len(apart)} rows differ, by {100 * apart.max():.3g} points at most"


def _other_settings(runs: Runs, row: Mapping[Any, Any]) -> str:
    paths = [folder / row[cell] / "cell.json" for folder, cell in zip(runs.folders, ("cell_a", "cell_b"), strict=True)]
    if not all(path.exists() for path in paths):
        return "other settings"
    first, second = (_flat(read_cell(path)["cell"]) for path in paths)
    changed = [name for name in dict.fromkeys((*first, *second)) if first.get(name) != second.get(name)]
    texts = (f"{name} {first.get(name, DASH)} → {second.get(name, DASH)}" for name in changed)
    return "; ".join(texts) or "another version of the code"


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if not isinstance(value, dict):
        return {name: str(value)}
    return {
        inner: text
        for key, each in value.items()
        for inner, text in _flat(each, f"{name}.{key}" if name else str(key)).items()
    }

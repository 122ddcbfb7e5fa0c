"""What the models of a run said, to be looked at: the last answers of every cell with its place in the grid.

No torch here: reports import this.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.store.results import PLACE, Results, last_answers
from bench.store.shards import ANSWER_TABLE

PROBE = ["fact", "edit_lang", "probe_lang", "kind", "protocol", "prompt", "target"]
"""What tells one question of a fact from another."""

ORDER = ["model", "data", "order", "edited", "seed", *PROBE, "method"]
"""Rows of all methods that were asked the same stand together."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are asked for; what is None or False does not matter.

    Attributes:
        method: by name.
        lang: of the question or of the edit.
        fact: its id.
        failed: only those that are not wholly right.
    """

    method: str | None = None
    lang: str | None = None
    fact: str | None = None
    failed: bool = False


def percent(value: float) -> int:
    """A score for people; 100 only where all is right."""
    return 100 if value == 1 else min(99, round(100 * value))


def keeps_answers(root: Path) -> bool:
    """Whether a run has any."""
    return any(root.glob(f"*/{ANSWER_TABLE}/*.parquet"))


def placed_answers(root: Path, results: Results) -> pd.DataFrame:
    """What was said last in every finished cell: rows of the table, and the cell's `PLACE`.

    Raises:
        BenchError: a shard is torn or altered.
    """
    rows = last_answers(root, results).merge(results.cells[["cell", *PLACE]], on="cell")
    return rows.sort_values(ORDER, ignore_index=True)


def answers_of(root: Path, results: Results, wanted: Wanted) -> pd.DataFrame:
    """The answers of a run that are asked for.

    Raises:
        BenchError: the run has kept none, or knows no such method, language or fact.
    """
    rows = placed_answers(root, results)
    if rows.empty:
        raise BenchError("the run has kept no answers; compute it with --answers failed or all", file=root)
    if wanted.method is not None:
        rows = rows[_known("method", wanted.method, rows["method"])]
    if wanted.lang is not None:
        rows = rows[_known("language", wanted.lang, rows["probe_lang"], rows["edit_lang"])]
    if wanted.fact is not None:
        rows = rows[_known("fact", wanted.fact, rows["fact"])]
    return rows[rows["value"] < 1] if wanted.failed else rows


def _known(kind: str, name: str, *columns: pd.Series[str]) -> pd.Series[bool]:
    """Which rows have a name in one of some columns.

    Raises:
        BenchError: none has.
    """
    found = columns[0] == name
    for column in columns[1:]:
        found |= column == name
    if not found.any():
        raise unknown(kind, name, sorted({each for column in columns for each in column}))
    return found

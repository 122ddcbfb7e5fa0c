"""How long a run will take, in the whole, from what is known of its methods: measured here, elsewhere, or published.

`bench.store.estimate` knows what finished cells of this machine's results have cost. Where there is none, cells of the
embedded model are counted by ``paces.csv``: seconds of the reference run of table1 (results/reference/table1/cost.csv,
two cells side by side on two cores of a server CPU) for a fact's edit, for asking a fact that was edited, and for an
XTREME item per task and language.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.cell import Cell
from bench.config.variants import base_of
from bench.model.embedded import MODEL_NAME
from bench.store.estimate import Key, Pace

HERE, REFERENCE, PUBLISHED = "here", "reference", "published"
"""Where seconds were measured."""

KNOWN_EVALUATORS = ("edits", "xtreme")
"""Those that the reference run was scored with."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Seconds of some cells, one after the other, without loading and statistics.

    Attributes:
        seconds: as far as they are known.
        sources: where they were measured.
        unknown: methods that nothing is known of.
    """

    seconds: float
    sources: tuple[str, ...]
    unknown: tuple[str, ...]


def reference() -> Mapping[str, tuple[float, float, float]]:
    """Seconds of an edit, of a fact that is asked, and of an item, by method."""
    with Path(__file__).with_name("paces.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {row["method"]: (float(row["edit"]), float(row["asked"]), float(row["item"])) for row in rows}


def expected(
    cells: Iterable[Cell],
    evaluators: Iterable[tuple[str, Mapping[str, Any]]],
    paces: Mapping[Key, Pace],
    published: Mapping[Key, float],
) -> Expected:
    """How long cells will take.

    Args:
        cells: of a run.
        evaluators: what scores them, with options.
        paces: what finished cells have cost here.
        published: seconds of an edit, editing alone.
    """
    scored, known = dict(evaluators), reference()
    total, sources, unknown = 0.0, dict[str, None](), dict[str, None]()
    for cell in cells:
        method, model = cell.method.name, cell.model.name
        pace, edits = paces.get((method, model)), cell.schedule.edits()
        if pace:
            seconds, source = pace.edit * edits + pace.scoring, HERE
        elif model == MODEL_NAME and base_of(method) in known and set(scored) <= set(KNOWN_EVALUATORS):
            seconds, source = _by_reference(cell, scored, known[base_of(method)]), REFERENCE
        elif (base_of(method), model) in published:
            seconds, source = published[base_of(method), model] * edits, PUBLISHED
        else:
            unknown[base_of(method)] = None
            continue
        total += seconds
        sources[source] = None
    return Expected(total, tuple(sources), tuple(unknown))


def _by_reference(cell: Cell, scored: Mapping[str, Mapping[str, Any]], known: tuple[float, float, float]) -> float:
    edit, asked, item = known
    schedule = cell.schedule
    due = [step for step in range(1, schedule.length() + 1) if schedule.due(step)]
    facts = sum(min(step * schedule.batch_size, schedule.edits()) for step in due) if "edits" in scored else 0
    items = int(scored["xtreme"]["limit"]) * len(due) if "xtreme" in scored else 0
    return edit * schedule.edits() + asked * facts + item * items

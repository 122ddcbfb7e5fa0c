"""What is left of an edit after later ones: efficacy of the facts edited at one number of edits, asked at another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench.store.results import Results
from reports.experiments.common import finer, seeds_of, summaries_by, with_reasons
from reports.experiments.figure2 import edits_until
from reports.experiments.horizon import EFFICACY, FEWEST
from reports.numbers.aggregate import UNEDITED, Panel, Summary
from reports.parts.contents import METHOD, display_name, short_name, summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import Cell, Column, Table
from reports.pictures.maps import Map, draw_maps

FRESH, LAST = "fresh", "last"


@dataclass(frozen=True, slots=True)
class Retained:
    """Efficacy by when facts were edited and when they were asked.

    Attributes:
        methods: that edit, in the order of tables.
        edits: at which the model was scored, ascending; facts edited between two of them are one group.
        numbers: (method, edits at the group's first scoring, edits when it was asked) -> efficacy.
        whole: (method, "fresh") -> all facts, each at its first scoring; (method, "last") -> at the last scoring.
    """

    methods: tuple[str, ...]
    edits: tuple[int, ...]
    numbers: Mapping[tuple[Any, ...], Summary]
    whole: Mapping[tuple[Any, ...], Summary]


def section(results: Results, panel: Panel) -> Section | None:
    """The matrices and what they come to, or None where there are fewer than `FEWEST` scorings or no edits."""
    found = retained(results, panel)
    if found is None or len(found.edits) < FEWEST or not found.methods:
        return None
    text = (
        "Facts that were edited between two scorings are a group, and each group is asked again at every later "
        f"scoring, {seeds_of(panel)}. Right after the edit: every fact at the first scoring after it; at the end: the "
        "same facts after all edits. Where the two differ, it matters which of them a score is."
    )
    alt = f"Efficacy by when facts were edited and when they were asked, a matrix for each of {len(found.methods)}"
    caption = "Efficacy by the number of edits when facts were edited (rows) and asked (columns), percent."
    picture = Picture("retention", caption, alt, draw(found))
    return Section("Retention", (text, picture, summary(panel, found), table(panel, found)))


def retained(results: Results, panel: Panel) -> Retained | None:
    """Efficacy of every group at every scoring; None where no edits were scored."""
    records = finer(results, panel, [EFFICACY], ("fact", "edit_lang"), every_step=True)
    records = records.merge(edits_until(results.costs), on=["cell", "step"])
    if records.empty:
        return None
    facts = records.groupby(["cell", "fact", "edit_lang"])["edits"]
    records = records.assign(since=facts.transform("min"))
    fresh = records[records["edits"] == records["since"]].assign(asked=FRESH)
    last = records[records["edits"] == records.groupby("cell")["edits"].transform("max")].assign(asked=LAST)
    return Retained(
        tuple(standing.method for standing in panel.standings if standing.method != UNEDITED),
        tuple(sorted({int(edits) for edits in records["edits"]})),
        summaries_by(panel, records, ("since", "edits")),
        {**summaries_by(panel, fresh, ("asked",)), **summaries_by(panel, last, ("asked",))},
    )


def draw(found: Retained) -> Figure:
    """A matrix per method."""
    names = [str(edits) for edits in found.edits]
    return draw_maps([[_map(found, method) for method in found.methods]], names, names, ("Edited", "Asked at"))


def _map(found: Retained, method: str) -> Map:
    def percent(since: int, edits: int) -> float:
        number = found.numbers.get((method, since, edits))
        return float("nan") if number is None or number.mean is None else number.mean

    return Map(short_name(method), np.array([[percent(one, two) for two in found.edits] for one in found.edits]))


def summary(panel: Panel, found: Retained) -> Table:
    """A row per method: right after the edit, at the end, and what was lost between the two."""
    header = (METHOD, Column("fresh", "Right after the edit"), Column("last", "At the end"), Column("lost", "Lost"))
    rows = []
    for method in found.methods:
        fresh, last = (found.whole[method, each] for each in (FRESH, LAST))
        known = fresh.mean is not None and last.mean is not None
        lost = Cell(mean=fresh.mean - last.mean) if known else Cell()  # type: ignore[operator]
        rows.append((Cell(display_name(method)), summary_cell(fresh), summary_cell(last), lost))
    caption = "Efficacy of the same facts right after they were edited and at the end, percent."
    return with_reasons(Table("retention", header, tuple(rows), caption), [panel])


def table(panel: Panel, found: Retained) -> Table:
    """The matrices as rows: when edited, when asked, a column per method."""
    header = (
        Column("edited_at", "Edited", "number", 0),
        Column("asked_at", "Asked at", "number", 0),
        *(Column(method, display_name(method), digits=1) for method in found.methods),
    )
    pairs: Sequence[tuple[int, int]] = [(one, two) for one in found.edits for two in found.edits if two >= one]
    rows = tuple(
        (
            Cell(mean=float(one)),
            Cell(mean=float(two)),
            *(summary_cell(found.numbers[method, one, two]) for method in found.methods),
        )
        for one, two in pairs
        if (found.methods[0], one, two) in found.numbers
    )
    caption = "Efficacy by the number of edits when facts were edited and when they were asked, percent."
    return with_reasons(Table("retention-matrix", header, rows, caption), [panel])

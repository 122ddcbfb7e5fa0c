"""Facts that two runs answer otherwise: right in one and wrong in the other, and where to look at their answers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pandas as pd

from bench.store.looking import keeps_answers
from bench.store.results import PLACE, Results
from reports.parts.contents import METHOD, display_name
from reports.parts.joining import Runs
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

ASKED = {
    ("efficacy_exact", "greedy_exact"): "token by token",
    ("efficacy_match", "generation"): "freely",
    ("efficacy_match", "generation_wild"): "freely (WILD)",
}
"""Metrics that say of a fact whether its edited prompt is answered rightly, and how it was asked."""

PROTOCOLS = {"token by token": "teacher_forced", "freely": "generation", "freely (WILD)": "generation_wild"}
"""Under which answers are kept that were asked so."""

FACT = ["asked", "fact", "edit_lang", "probe_lang"]

EACH = "flipped-facts"
"""The table that has them one by one."""

SHOWN = 200
"""Its rows in a document; the csv file has all."""


def flipped(runs: Runs) -> pd.DataFrame:
    """One row per cell that both runs have and fact that is right in just one of them, as of the last step.

    Columns: `PLACE`, `FACT`, and `now`, whether the second run has it right.
    """
    found = []
    for row in runs.cells.to_dict("records"):
        first, second = (
            _right(results, row[cell]) for results, cell in zip(runs.results, ("cell_a", "cell_b"), strict=True)
        )
        both = first.merge(second, on=FACT, suffixes=("_a", "_b"))
        both = both[both["right_a"] != both["right_b"]]
        found.append(both[FACT].assign(now=both["right_b"], **{name: row[name] for name in PLACE}))
    frame = pd.concat(found, ignore_index=True)
    return frame[[*PLACE, *FACT, "now"]]


def flip_section(runs: Runs, rows: pd.DataFrame, fields: Sequence[str], page: str) -> Section | None:
    """How many facts of each method flipped, with one to look at, and then one by one; None where none did.

    Args:
        runs: to compare.
        rows: as `flipped` gives them.
        fields: of a cell's place that tell the settings of the runs apart.
        page: of answers, that facts lead to.
    """
    if rows.empty:
        return None
    every = _each(runs, rows, page if any(map(keeps_answers, runs.folders)) else "")
    cut = (f"The first {SHOWN} of {len(every.rows)}; {EACH}.csv has all.",) if len(every.rows) > SHOWN else ()
    some = replace(every, rows=every.rows[:SHOWN], notes=(*every.notes, *cut))
    return Section("Facts that flipped", (_counts(runs, rows, fields), some), (every,))


def _counts(runs: Runs, rows: pd.DataFrame, fields: Sequence[str]) -> Table:
    counts = []
    for _, group in rows.groupby([*(name for name in PLACE if name != "seed"), "asked"], sort=False):
        one = group.iloc[0]
        numbers = (str(int((~group["now"]).sum())), str(int(group["now"].sum())))
        texts = (*(str(one[name]) for name in fields), display_name(one["method"]), one["asked"], *numbers)
        counts.append(tuple(map(Cell, (*texts, _command(runs, one["method"], one["fact"])))))
    header = (
        *(Column(name, name.title(), "text") for name in fields), METHOD, Column("asked", "Asked", "text"),
        Column("lost", "Now wrong", "number"), Column("gained", "Now right", "number"), Column("show", "Look", "text"),
    )  # fmt: skip
    caption = (
        f"Edited facts that {runs.names[0]} has right and {runs.names[1]} wrong, or the other way round, over all "
        "seeds; and the command that shows the answers to one of them. With --out they are written one by one."
    )
    return Table("flipped", header, tuple(counts), caption)


def _each(runs: Runs, rows: pd.DataFrame, page: str) -> Table:
    columns = [*PLACE, *FACT]
    header = tuple(Column(name, name, "text") for name in (*columns, "now", "show"))
    cells = [
        (
            *(Cell(str(row[name]), link=_link(page, row) if name == "fact" else "") for name in columns),
            Cell("right" if row["now"] else "wrong"),
            Cell(_command(runs, row["method"], row["fact"])),
        )
        for row in rows.to_dict("records")
    ]
    leads = " Each leads to what both runs have kept of its answers." if page else ""
    return Table(EACH, header, tuple(cells), f"Facts that flipped, and what they are in {runs.names[1]}.{leads}")


def _link(page: str, row: Mapping[Any, Any]) -> str:
    """Where a fact's answers stand on the page of answers; "" where there is no page."""
    asked = {"fact": row["fact"], "seed": row["seed"], "kind": "efficacy", "asked": PROTOCOLS[row["asked"]]}
    return f"{page}#{urlencode(asked)}" if page else ""


def _command(runs: Runs, method: str, fact: str) -> str:
    return f"bench show {shlex.quote(str(runs.folders[1]))} --method {shlex.quote(method)} --fact {shlex.quote(fact)}"


def _right(results: Results, cell: str) -> pd.DataFrame:
    """Whether a cell has each fact right, as of the last step; where edits are independent, as of its own."""
    rows = results.scores[results.scores["cell"] == cell]
    asked = [ASKED.get(key, "") for key in zip(rows["metric"], rows["protocol"], strict=True)]
    rows = rows.assign(asked=asked, right=rows["value"] == 1)
    rows = rows[rows["asked"] != ""]
    if not results.independent:
        rows = rows[rows["step"] == rows["step"].max()]
    return rows.drop_duplicates(FACT)[[*FACT, "right"]]

"""Facts that two runs answer otherwise: right in one and wrong in the other, with the command that shows them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import pandas as pd

from bench.store.results import PLACE, Results
from reports.parts.contents import METHOD, display_name
from reports.parts.joining import Runs
from reports.parts.tables import Cell, Column, Table

ASKED = {("efficacy_exact", "greedy_exact"): "token by token", ("efficacy_match", "generation"): "freely"}
"""Metrics that say of a fact whether its edited prompt is answered rightly, and how it was asked."""

FACT = ["asked", "fact", "edit_lang", "probe_lang"]


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


def flip_tables(runs: Runs, fields: Sequence[str]) -> tuple[Table, Table] | None:
    """How many facts of each method flipped, with one to look at, and all of them; None where none did.

    Args:
        runs: to compare.
        fields: of a cell's place that tell the settings of the runs apart.
    """
    rows = flipped(runs)
    if rows.empty:
        return None
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
        "seeds; and the command that shows the answers to one of them. All stand in flipped-facts.csv (--out)."
    )
    return Table("flipped", header, tuple(counts), caption), _all(runs, rows)


def _all(runs: Runs, rows: pd.DataFrame) -> Table:
    columns = [*PLACE, *FACT]
    header = tuple(Column(name, name, "text") for name in (*columns, "now", "show"))
    cells = [
        [
            *(str(row[name]) for name in columns),
            "right" if row["now"] else "wrong",
            _command(runs, row["method"], row["fact"]),
        ]
        for row in rows.to_dict("records")
    ]
    return Table("flipped-facts", header, tuple(tuple(map(Cell, row)) for row in cells), "Facts that flipped.")


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

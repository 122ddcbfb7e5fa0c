"""The tables of a run, read from its folder; cells by their place in the grid. No torch here: reports import this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from bench.config.cell import Cell
from bench.config.run import ALL
from bench.ground.errors import BenchError
from bench.store.records import read_cell, read_run, read_shard
from bench.store.shards import (
    ANSWER_SCHEMA,
    ANSWER_TABLE,
    COST_SCHEMA,
    COST_TABLE,
    FINISHED,
    SCHEMAS,
    SCORE_SCHEMA,
    ResultStore,
    part_of,
)


@dataclass(frozen=True, slots=True)
class Results:
    """All tables of a run, less the cells that later settings have superseded.

    Attributes:
        cells: one row per cell, `CELL_COLUMNS`; `edited` is "all" or languages as "en+de". A cell that is planned in
            run.json and was never begun has the status "missing".
        scores: rows of `SCORE_SCHEMA`.
        costs: rows of `COST_SCHEMA`.
        run: the run's specification as written in run.json ({} if absent).
    """

    cells: pd.DataFrame
    scores: pd.DataFrame
    costs: pd.DataFrame
    run: dict[str, Any]

    @property
    def independent(self) -> bool:
        """Whether every edit of the run was made alone, as run.json says."""
        return self.run.get("independent") is True


CELL_COLUMNS = ("cell", "method", "model", "data", "order", "edited", "seed", "status", "reason")
PLACE = CELL_COLUMNS[1:7]
"""What a table tells cells apart by: two cells in one place differ in settings, and the later one counts."""


def place(cell: Cell) -> dict[str, Any]:
    """The `PLACE` of a cell and its id."""
    values = (
        cell.id(), cell.method.name, cell.model.name, cell.data.name, cell.schedule.order,
        group_name(cell.schedule.edited), cell.seed
    )  # fmt: skip
    return dict(zip(("cell", *PLACE), values, strict=True))


def listed(cell: Cell) -> dict[str, Any]:
    """A cell as run.json lists it: its `place`, and the text behind its statistics, "" where it reads none."""
    return {**place(cell), "corpus": cell.corpus if cell.method.statistics else ""}


def texts(run: Mapping[str, Any]) -> dict[str, str]:
    """Texts behind the statistics of every model of a run.json, by the model's name."""
    found: dict[str, dict[str, None]] = {}
    for cell in run.get("cells") or ():
        if cell["corpus"]:
            found.setdefault(str(cell["model"]), {})[str(cell["corpus"])] = None
    return {model: ", ".join(names) for model, names in found.items()}


def planned_cells(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells that run.json lists, as `place` gives them."""
    return [{name: cell[name] for name in ("cell", *PLACE)} for cell in run.get("cells") or ()]


def group_name(edited: Iterable[str]) -> str:
    """Edited languages as tables have them."""
    return "+".join(edited) or ALL


def load_results(root: Path | str) -> Results:
    """Read every table of a run folder.

    Raises:
        BenchError: no such run, or it was written by another schema version.
    """
    root = Path(root)
    if not root.is_dir():
        raise BenchError("no such run folder", file=root)
    files = sorted(root.glob("*/cell.json"))
    if not files:
        raise BenchError("the run holds no cells", file=root)
    path = root / "run.json"
    run: dict[str, Any] = read_run(path) if path.exists() or path.is_symlink() else {}
    rows = {row["cell"]: row for row in map(cell_row, files)}
    if run.get("cells") is not None:
        rows = {cell["cell"]: _as_planned(rows.get(cell["cell"]), cell, path) for cell in planned_cells(run)}
    scores: list[pd.DataFrame] = []
    costs: list[pd.DataFrame] = []
    for shard in sorted(path for cell in rows for path in root.glob(f"{cell}/*/*.parquet")):
        if (table := shard.parent.name) != ANSWER_TABLE:
            (costs if table == COST_TABLE else scores).append(read_shard(shard, SCHEMAS.get(table, SCORE_SCHEMA)))
    return Results(
        cells=pd.DataFrame(list(rows.values()), columns=list(CELL_COLUMNS)),
        scores=_concat(scores, SCORE_SCHEMA),
        costs=_concat(costs, COST_SCHEMA),
        run=run,
    )


def last_answers(root: Path, results: Results) -> pd.DataFrame:
    """What the models of all finished cells said when each fact was asked last: rows of `ANSWER_SCHEMA`.

    Raises:
        BenchError: a shard is torn or altered.
    """
    finished = results.cells.loc[results.cells["status"].isin(FINISHED), "cell"]
    shards = sorted(path for cell in finished for path in root.glob(f"{cell}/{ANSWER_TABLE}/*.parquet"))
    if not results.independent:
        # of each evaluator the last step, where all facts are asked; what is right by now may have left the table
        shards = list({(shard.parent, part_of(shard)): shard for shard in shards}.values())
    return _concat([read_shard(shard, ANSWER_SCHEMA) for shard in shards], ANSWER_SCHEMA)


def cell_row(path: Path) -> dict[str, Any]:
    """The `CELL_COLUMNS` of a cell.

    Args:
        path: its cell.json.

    Raises:
        BenchError: it is not a cell's record, or was written by another schema version.
    """
    record = read_cell(path)
    status, reason = ResultStore(path.parent.parent).status(path.parent.name)
    cell = record["cell"]
    return {
        "cell": record["id"],
        "method": cell["method"]["name"],
        "model": cell["model"]["name"],
        "data": cell["data"]["name"],
        "order": cell["schedule"]["order"],
        "edited": group_name(cell["schedule"]["edited"]),
        "seed": cell["seed"],
        "status": status,
        "reason": reason,
    }


def _as_planned(row: Mapping[str, Any] | None, planned: dict[str, Any], path: Path) -> dict[str, Any]:
    """The row of a cell that run.json lists.

    Raises:
        BenchError: they disagree in what a cell's id stands for.
    """
    if row is None:
        return {**planned, "status": "missing", "reason": "never run"}
    for name in ("method", "order", "edited", "seed"):
        if row[name] != planned[name]:
            raise BenchError(f"{name} {planned[name]!r}, the cell has {row[name]!r}", file=path, record=row["cell"])
    # names are those of the run: a cell may have been computed under others
    return {**row, **planned}


def _concat(frames: list[pd.DataFrame], schema: pa.Schema) -> pd.DataFrame:
    if not frames:
        empty: pd.DataFrame = schema.empty_table().to_pandas()
        return empty
    return pd.concat(frames, ignore_index=True)

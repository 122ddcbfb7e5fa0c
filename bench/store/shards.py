"""Results on disk: tidy parquet shards per cell and step, written atomically, never averaged.

Layout::

    results/<run>/run.json                          the run's specification and the cells that count
    results/<run>/<cell id>/cell.json               the cell, versions, device
    results/<run>/<cell id>/status.json             done | diverged | failed | interrupted | running: why, where
    results/<run>/<cell id>/<table>/<step>.parquet  one shard per table and step

What lies there is read by `bench.store.results`. No torch here, for reports import it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from bench.config.cell import IDENTITY_VERSION, SCHEMA_VERSION, Cell, Schedule
from bench.ground.atomic import read_json, replacing, write_json
from bench.ground.errors import BenchError
from bench.ground.home import without_home
from bench.store.records import read_cell

Status = Literal["running", "done", "diverged", "failed", "interrupted"]

FINISHED: tuple[Status, ...] = ("done", "diverged")
"""A cell with these has been taken to the end of its stream."""

COST_TABLE, ANSWER_TABLE, JUDGE_TABLE = "cost", "answers", "judge"
BESIDES = frozenset({COST_TABLE, ANSWER_TABLE, JUDGE_TABLE})
"""Tables that are no evaluator's."""

JUDGED = "judge:"
"""How protocols begin that are a judge's."""

SCORE_SCHEMA = pa.schema(
    [
        ("cell", pa.string()),
        ("step", pa.int32()),
        ("metric", pa.string()),
        ("protocol", pa.string()),
        ("fact", pa.string()),
        ("edit_lang", pa.string()),
        ("probe_lang", pa.string()),
        ("value", pa.float64()),
        ("weight", pa.float64()),
    ]
)
"""One row per probe and metric; `step` counts the steps edited before scoring, 0 = unedited."""

COST_SCHEMA = pa.schema(
    [
        ("cell", pa.string()),
        ("step", pa.int32()),
        ("quantity", pa.string()),
        ("layer", pa.int32()),
        ("value", pa.float64()),
    ]
)
"""One row per step and quantity: seconds.total, seconds.values, seconds.keys, seconds.solve,
seconds.projection, seconds.training, seconds.score.<evaluator>, memory.peak_bytes, loss.<term>,
update_norm and nullity (per layer; -1 elsewhere), edits (facts in the step), diverged (0 or 1),
unchanged (1; only of steps that changed nothing). Step 0 has seconds.preparing."""


ANSWER_SCHEMA = pa.schema(
    [
        ("cell", pa.string()),
        ("step", pa.int32()),
        ("probe", pa.string()),
        ("fact", pa.string()),
        ("kind", pa.string()),
        ("protocol", pa.string()),
        ("edit_lang", pa.string()),
        ("probe_lang", pa.string()),
        ("prompt", pa.string()),
        ("target", pa.string()),
        ("aliases", pa.list_(pa.string())),
        ("before", pa.string()),
        ("answer", pa.string()),
        ("tokens", pa.int32()),
        ("ended", pa.string()),
        ("value", pa.float64()),
    ]
)
"""One row per probe and protocol: what the unedited model said (`before`), what the model says now, how many tokens of
it, why it is over, and what the protocol scores it with. `probe` is a hash of prompt, target and language: the same in
all cells, steps and protocols."""

SCHEMAS = {COST_TABLE: COST_SCHEMA, ANSWER_TABLE: ANSWER_SCHEMA}
"""Of tables that hold no scores."""


@dataclass(frozen=True, slots=True)
class ResultStore:
    """The folder of one run.

    Args:
        root: ``results/<run>``.
    """

    root: Path

    def folder(self, cell_id: str) -> Path:
        """The folder of one cell."""
        return self.root / cell_id

    def start(self, cell: Cell, environment: Mapping[str, Any]) -> None:
        """Write what the cell is and what it runs on."""
        record = {
            "schema_version": SCHEMA_VERSION,
            "identity_version": IDENTITY_VERSION,
            "id": cell.id(),
            "cell": cell.model_dump(mode="json"),
            "environment": dict(environment),
        }
        write_json(self.folder(cell.id()) / "cell.json", record)

    def record(self, cell_id: str, step: int, table: str, rows: Iterable[Mapping[str, Any]], part: str = "") -> None:
        """Write one shard; writing it again replaces it.

        Args:
            cell_id: the cell.
            step: number of steps edited when the rows were made.
            table: "cost", "answers", "judge", or the evaluator's name.
            rows: mappings with the schema's columns, less `cell` and `step`.
            part: tells shards of one table and step apart that are written one after the other.
        """
        schema = SCHEMAS.get(table, SCORE_SCHEMA)
        full = [{"cell": cell_id, "step": step, **row} for row in rows]
        data = pa.Table.from_pylist(full, schema=schema)
        data = data.replace_schema_metadata({"schema_version": str(SCHEMA_VERSION), "rows": str(len(full))})
        with replacing(self._shard(cell_id, step, table, part)) as temporary:
            pq.write_table(data, temporary, write_page_checksum=True)

    def holds(self, cell_id: str, step: int, table: str) -> bool:
        """Whether the shard of a table and step is written."""
        return self._shard(cell_id, step, table).exists()

    def _shard(self, cell_id: str, step: int, table: str, part: str = "") -> Path:
        return self.folder(cell_id) / table / f"{step:05d}{part and f'-{part}'}.parquet"

    def forget(self, cell_id: str, after: int) -> None:
        """Remove the shards of steps that come after step `after`: they are to be computed again."""
        for shard in self.folder(cell_id).glob("*/*.parquet"):
            if step_of(shard) > after:
                shard.unlink()

    def running(self, cell_id: str, **where: Any) -> None:
        """Say where a cell is computed and how far it is: host, pid, since, stage, step, steps, first, begun.

        The process has edited since `begun`, and found `first` steps edited.
        """
        record = {"status": "running", "reason": "", "when": time.time(), **where}
        # said often, and worth nothing after a power cut
        write_json(self._status(cell_id), record, durable=False)

    def finish(self, cell_id: str, status: Status, reason: str = "") -> None:
        """Set the cell's status."""
        write_json(self._status(cell_id), {"status": status, "reason": without_home(reason), "when": time.time()})

    def standing(self, cell_id: str) -> dict[str, Any]:
        """What stands in the cell's status file; {} where it never ran.

        One that was killed before it could write it, or while it did, is interrupted.
        """
        if not self.folder(cell_id).exists():
            return {}
        found: Any = None
        with contextlib.suppress(BenchError):
            found = read_json(self._status(cell_id))
        return {"status": "interrupted", "reason": "", "when": 0.0, **(found if isinstance(found, dict) else {})}

    def outcome(self, cell_id: str) -> tuple[Status | None, str, float]:
        """Status and reason of a cell and since when, (None, "", 0.0) where it never ran.

        A status that is none, and one of a cell that has lost some of its tables, is "interrupted".
        """
        found = self.standing(cell_id)
        if not found:
            return None, "", 0.0
        if not _is_standing(found):
            return "interrupted", "", 0.0
        problem = self._lost(cell_id) if found["status"] in FINISHED else ""
        return ("interrupted", problem, 0.0) if problem else (found["status"], found["reason"], float(found["when"]))

    def status(self, cell_id: str) -> tuple[Status | None, str]:
        """Status and reason of a cell, as `outcome` gives them."""
        status, reason, _ = self.outcome(cell_id)
        return status, reason

    def _lost(self, cell_id: str) -> str:
        """What a finished cell has lost; "" for nothing."""
        try:
            record = read_cell(self.folder(cell_id) / "cell.json")
        except BenchError as error:
            return str(error)
        tables = record["environment"]["evaluators"] or self.tables(cell_id) - BESIDES
        if not tables:  # and so no number either
            return ""
        gap = self.gap(cell_id, Schedule.model_validate(record["cell"]["schedule"]), tables)
        return f"the shard of step {gap[0]} is missing in its table '{gap[1]}'; run it again" if gap else ""

    def gap(self, cell_id: str, schedule: Schedule, tables: Iterable[str]) -> tuple[int, str] | None:
        """The first step and table that a cell, were it finished, would have a shard of and has not."""
        scored = tuple(tables)
        for step in range(1, schedule.length() + 1):
            for table in (COST_TABLE, *(scored if schedule.due(step) else ())):
                if not self.holds(cell_id, step, table):
                    return step, table
        return None

    def _status(self, cell_id: str) -> Path:
        return self.folder(cell_id) / "status.json"

    def environment(self, cell_id: str) -> dict[str, Any]:
        """Versions, device and evaluators' options that a cell was begun with; {} where that is not known."""
        try:
            found: dict[str, Any] = read_cell(self.folder(cell_id) / "cell.json")["environment"]
        except BenchError:
            return {}
        return found

    def tables(self, cell_id: str) -> set[str]:
        """Names of the tables a cell has at least one shard of."""
        return {path.parent.name for path in self.folder(cell_id).glob("*/*.parquet")}


def step_of(shard: Path) -> int:
    """The step that a shard is named by, 0 where it is named by none."""
    step = shard.stem[:5]
    return int(step) if step.isdigit() else 0


def part_of(shard: Path) -> str:
    """What tells a shard from others of its table and step."""
    return shard.stem[6:]


def _is_standing(found: Mapping[str, Any]) -> bool:
    """Whether a status file's contents are what is written there."""
    known = isinstance(found["status"], str) and found["status"] in get_args(Status)
    return known and isinstance(found["reason"], str) and type(found["when"]) in (int, float) and found["when"] >= 0

"""What a run's folder holds, checked as it is read: run.json, cell.json, and the tables.

A file that was torn, altered, or put where another belongs is one error that names it, never a number in a report. No
torch here: reports import this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.config.cell import IDENTITY_VERSION, SCHEMA_VERSION, Cell, Schedule
from bench.config.run import ALL, MOST
from bench.ground.atomic import read_json
from bench.ground.errors import BenchError

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Lenient(BaseModel):
    """Fields that are read, of exactly their types; others, of other versions, stay as they are."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")


class Planned(Lenient):
    """A cell as run.json lists it; earlier versions knew no groups of languages, and did not name the corpus.

    Attributes:
        corpus: text behind its statistics; "" where its method reads none.
    """

    cell: Id
    method: str
    model: str
    data: str
    order: str
    edited: str = ALL
    seed: int = Field(ge=-MOST, le=MOST)
    corpus: str = ""


class Which(Lenient):
    """Which of several runs it is, see `bench.plan.planning.Grid`."""

    of: str
    name: str
    number: int


class Run(Lenient):
    """run.json."""

    cells: list[Planned] | None = None
    grid: Which | None = None


class Named(Lenient):
    """Data, by name."""

    name: str


class Model(Named):
    """A model."""

    dtype: str
    fingerprint: str = ""


class Method(Named):
    """A method; earlier versions did not tell whether it reads statistics."""

    statistics: bool = True
    options: dict[str, Any] = Field(default_factory=dict)


class Recorded(Lenient):
    """The cell in cell.json; of earlier versions some fields are missing, but none that is read."""

    method: Method
    model: Model
    data: Named
    schedule: Schedule
    corpus: str
    token_budget: int
    seed: int = Field(ge=-MOST, le=MOST)


class Alignment(Lenient):
    """What became of the records of a language."""

    lang: str
    dropped: dict[str, int] = Field(default_factory=dict)
    unasked: dict[str, int] = Field(default_factory=dict)


class Statistics(Lenient):
    """What stands behind the statistics of keys; see `bench.model.stats.Account`."""

    tokens: int
    documents: int | None = None
    jitter: dict[str, float] = Field(default_factory=dict)


class Environment(Lenient):
    """Where a cell was computed; empty where it never came so far."""

    python: str = ""
    packages: dict[str, str | None] = Field(default_factory=dict)
    commit: str | None = None
    device: str = ""
    alignment: list[Alignment] = Field(default_factory=list)
    statistics: Statistics | None = None
    evaluators: dict[str, dict[str, Any]] = Field(default_factory=dict)


class CellRecord(Lenient):
    """cell.json."""

    cell: Recorded
    id: Id
    environment: Environment
    identity_version: int = 0


# ---------------------------------------------------------------------------- JSON
def read_run(path: Path) -> dict[str, Any]:
    """Contents of run.json; its cells, None where it lists none, have all fields of `Planned`.

    Raises:
        BenchError: it is not what `bench run` has written, or it is of another schema version.
    """
    found = _read(path, Run, "a run's record")
    for name, keys in (("cell", ("cell",)), ("place", ("method", "model", "data", "order", "edited", "seed"))):
        seen: set[tuple[Any, ...]] = set()
        for planned in found["cells"] or ():
            if (key := tuple(planned[each] for each in keys)) in seen:
                raise BenchError(f"the {name} is given twice", file=path, record=planned["cell"], field="cells")
            seen.add(key)
    return found


def read_cell(path: Path) -> dict[str, Any]:
    """Contents of cell.json, with all fields that are read of it.

    Raises:
        BenchError: it is not what `bench run` has written, of another schema version, or another cell's.
    """
    found = _read(path, CellRecord, "a cell's record")
    if found["id"] != path.parent.name:
        raise BenchError(f"the record of another cell, {found['id']}", file=path, field="id")
    if found["identity_version"] == IDENTITY_VERSION and _id_of(found["cell"]) != found["id"]:
        raise BenchError("altered: the cell is not the one that its id names", file=path, field="cell")
    return found


def check_version(path: Path) -> None:
    """Refuse a record of another schema version.

    Raises:
        BenchError: it is, or it is no record.
    """
    _of_this_version(path)


def _read(path: Path, kind: type[Lenient], name: str) -> dict[str, Any]:
    value = _of_this_version(path)
    try:
        # of a run the specification too, that nothing reads
        return kind.model_validate(value).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise BenchError(f"not {name}: {first['msg']}", file=path, field=field or None) from error


def _of_this_version(path: Path) -> dict[str, Any]:
    value = read_json(path)
    if not isinstance(value, dict):
        raise BenchError("not an object with fields", file=path)
    if (found := value.get("schema_version")) != SCHEMA_VERSION:
        raise BenchError(
            f"results of schema version {found!r}, this version has {SCHEMA_VERSION}; give the run another name",
            file=path,
            field="schema_version",
        )
    return value


def _id_of(cell: Mapping[str, Any]) -> str:
    try:
        return Cell.model_validate(cell).id()
    except ValidationError:
        return ""


# ---------------------------------------------------------------------------- tables
def read_shard(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """One shard of a table, which lies in the folder of its cell and is named by its step.

    Raises:
        BenchError: it is torn or altered, of another schema, or holds rows of another cell or step.
    """
    if not path.is_file():
        raise BenchError("not a file", file=path)
    try:
        # not read_table, which makes columns of the names of folders
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        version = (table.schema.metadata or {}).get(b"schema_version", b"?").decode()
        rows = (table.schema.metadata or {}).get(b"rows", b"").decode()
        if version == str(SCHEMA_VERSION) and table.schema.equals(schema, check_metadata=False):
            table.validate(full=True)
    except Exception as error:  # what is torn ends in many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BenchError(f"unreadable result shard ({reason})", file=path) from error
    if version != str(SCHEMA_VERSION):
        raise BenchError(f"schema version {version}, this version reads {SCHEMA_VERSION}", file=path)
    if problem := next(_unlike(table, schema, rows, path), ""):
        raise BenchError(problem, file=path)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _unlike(table: pa.Table, schema: pa.Schema, rows: str, path: Path) -> Iterator[str]:
    """In what a shard is not what its place says."""
    if not table.schema.equals(schema, check_metadata=False):
        names = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        yield f"a table of another layout: {names}"
        return
    if rows and rows != str(table.num_rows):
        yield f"{table.num_rows} rows, but {rows} were written"
    for name in table.schema.names:
        if name != "value" and table[name].null_count:
            yield f"the column {name} has gaps"
    for name, expected in (("cell", path.parents[1].name), ("step", path.stem[:5].lstrip("0") or "0")):
        strange = [str(each) for each in table[name].unique().to_pylist() if str(each) != expected]
        if strange:
            yield f"rows of another {name}, {strange[0]}"

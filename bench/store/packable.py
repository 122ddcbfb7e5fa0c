"""What a pack of a run may hold: by name, by size, and by what stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.ground.atomic import read_json
from bench.ground.errors import BenchError, told_in_short
from bench.ground.parsing import read_text
from bench.store.judging import FOLDER as JUDGES
from bench.store.judging import verdicts
from bench.store.records import read_cell, read_run, read_shard
from bench.store.shards import SCHEMAS, SCORE_SCHEMA

REPORT = "report"
"""Folder of what is for people."""

MOST_FILES = 100_000
MOST_BYTES = 2**31
"""Of all files together."""

MOST_ROWS = 10_000_000
MOST_EXPANDED = 2**31
"""Bytes of all tables in memory: a small file may say the same long text in every row."""

ID, WORD = "[0-9a-f]{16}", "[A-Za-z0-9][A-Za-z0-9._+-]{0,99}"
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind.

    Attributes:
        names: pattern of their names below the run's folder.
        most: bytes that one may have.
        check: raises what is wrong with one.
    """

    names: re.Pattern[str]
    most: int
    check: Callable[[Path], object]


def _check_text(path: Path) -> None:
    if "\0" in read_text(path):
        raise BenchError("not a text", file=path)


def _check_picture(path: Path) -> None:
    if not path.read_bytes().startswith(PNG):
        raise BenchError("not a PNG picture", file=path)


def _check_table(path: Path) -> None:
    read_shard(path, SCHEMAS.get(path.parent.name, SCORE_SCHEMA))


JSON, TABLE, PAGE = 2**25, 2**28, 2**26
TABLES = re.compile(rf"{ID}/{WORD}/[0-9]{{5,9}}(-{WORD})?\.parquet")
KINDS = (
    Kind(re.compile(r"run\.json"), JSON, read_run),
    Kind(re.compile(rf"{ID}/cell\.json"), JSON, read_cell),
    Kind(re.compile(rf"{ID}/status\.json"), JSON, read_json),
    Kind(TABLES, TABLE, _check_table),
    Kind(re.compile(rf"{JUDGES}/{WORD}\.jsonl"), PAGE, read_text),
    Kind(re.compile(rf"{REPORT}/{WORD}\.(md|html|csv|svg)"), PAGE, _check_text),
    Kind(re.compile(rf"{REPORT}/{WORD}\.png"), PAGE, _check_picture),
)


def check_names(sizes: Mapping[str, int]) -> None:
    """Refuse what is not of a pack.

    Args:
        sizes: of all files, by their names below the run's folder.

    Raises:
        BenchError: a name that is no table, record or page of a report, or too much; without the pack's name.
    """
    if len(sizes) > MOST_FILES:
        raise BenchError(f"too large: {len(sizes):,} files, and not at most {MOST_FILES:,}")
    for name, size in sizes.items():
        if size > _kind(name).most:
            raise BenchError(f"too large: {size:,} bytes, and not at most {_kind(name).most:,}", record=name)
    if (total := sum(sizes.values())) > MOST_BYTES:
        raise BenchError(f"too large: expands to {total:,} bytes, and not to at most {MOST_BYTES:,}")


def _kind(name: str) -> Kind:
    for kind in KINDS:
        if kind.names.fullmatch(name):
            return kind
    raise BenchError("no table, record or page of a report, as a pack may hold", record=name)


def check_contents(folder: Path, names: Iterable[str]) -> None:
    """Refuse a run that could not be read.

    Args:
        folder: the run's.
        names: of its files, which `check_names` has passed.

    Raises:
        BenchError: a file is not what its name says, or too large when it is read; names it.
    """
    expanded, cells = 0, 0
    for name in names:
        cells += name.endswith("/cell.json")
        if TABLES.fullmatch(name):
            expanded += expanded_size(folder / name)
        if expanded > MOST_EXPANDED:
            raise BenchError(f"too large: tables of more than {MOST_EXPANDED:,} bytes in memory", file=folder / name)
        _kind(name).check(folder / name)
    if not cells:
        raise BenchError("the run holds no cells", file=folder)
    verdicts(folder)


def expanded_size(path: Path) -> int:
    """Bytes of a table in memory, found without having it there.

    Raises:
        BenchError: it is no table, or one of more than `MOST_ROWS` rows.
    """
    try:
        held = pq.read_metadata(path)
        columns = [held.schema.column(number) for number in range(held.num_columns)]
        texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
        if held.num_rows <= MOST_ROWS:
            # a text that stands in many rows is there once
            with pq.ParquetFile(path, metadata=held, read_dictionary=texts, page_checksum_verification=True) as file:
                return sum(_size(chunk) for column in file.read().columns for chunk in column.chunks)
    except Exception as error:  # what is torn ends in many kinds
        raise BenchError(f"unreadable result shard ({told_in_short(error)})", file=path) from error
    raise BenchError(f"too large: {held.num_rows:,} rows, and not at most {MOST_ROWS:,}", file=path)


def _size(values: pa.Array) -> int:
    """Bytes of values, texts written out."""
    if pa.types.is_list(values.type):
        return int(values.nbytes) + _size(values.flatten())
    if not pa.types.is_dictionary(values.type):
        return int(values.nbytes)
    lengths = pc.cast(pc.binary_length(values.dictionary), pa.int64())
    return len(values) * 4 + int(pc.sum(lengths.take(values.indices)).as_py() or 0)

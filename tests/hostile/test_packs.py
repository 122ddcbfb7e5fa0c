"""Packs that somebody has made to do harm: each is refused in one line, and nothing is written or read outside."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.ground.errors import BenchError
from bench.store import packable
from bench.store.packing import MANIFEST, unpack, unpacked
from bench.store.results import Results, load_results
from bench.store.shards import SCORE_SCHEMA
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz
from tests.store import packs
from tests.store.packs import compressed, consistent, entries, files_of, listed, plain, write_entries

EXAMPLES = 60
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packs.WORLD.write(tmp_path_factory.mktemp("results") / "run")


@pytest.fixture(scope="module")
def sound(run: Path) -> Path:
    return packs.packed(run, run.parent / "run.tar.zst")


@pytest.fixture
def files(sound: Path) -> Files:
    return files_of(sound)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a pack is put; what is unpacked for a while goes beside it."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "packs").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "packs" / "evil.tar.zst"


def refused(file: Path, *parts: str) -> None:
    """In one line that names the pack; nothing is left, here or anywhere."""
    root = file.parents[1]
    for read in (lambda: unpacked(file).__enter__(), lambda: unpack(file, root / "out", root)):
        with pytest.raises(BenchError) as caught:
            read()
        text = str(caught.value)
        assert text.startswith(str(file)) and text.isprintable()
        for part in parts:
            assert part in text, text
        assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == [
            "packs",
            f"packs/{file.name}",
            "temporary",
        ]


def shard_of(files: Mapping[str, bytes], table: str = "edits") -> str:
    return next(name for name in files if f"/{table}/" in name)


# ---------------------------------------------------------------------------- what is altered
def test_what_is_made_up_here_is_read_where_it_is_sound(files: Files, file: Path, sound: Path) -> None:
    """Else the tests below refuse it for what they have made of it themselves."""
    with unpacked(consistent(files, file)) as folder, unpacked(sound) as other:
        pd.testing.assert_frame_equal(load_results(folder).scores, load_results(other).scores)


@pytest.mark.parametrize("name", ["run.json", "status.json", "cell.json", "edits", "cost", "report.md"])
def test_every_hash_counts(sound: Path, file: Path, name: str) -> None:
    held = entries(sound)
    chosen = next(each for each in held if name in each)
    held[chosen] = held[chosen][:-1] + bytes([held[chosen][-1] ^ 1])
    refused(write_entries(held.items(), file), chosen, "altered: its hash")
    held[chosen] += b"\n"
    refused(write_entries(held.items(), file), chosen, "were packed")


def test_a_pack_of_no_cells(files: Files, file: Path) -> None:
    refused(consistent({name: files[name] for name in files if "/" not in name}, file), "holds no cells")


def test_hashes_that_agree_do_not_make_a_cell_another(files: Files, file: Path) -> None:
    name = next(name for name in files if name.endswith("cell.json") and b'"memit"' in files[name])
    record = json.loads(files[name])
    record["cell"]["seed"] += 1
    refused(consistent({**files, name: json.dumps(record).encode()}, file), name, "altered: the cell is not the one")


def test_a_table_of_another_cell(files: Files, file: Path) -> None:
    first, second = (name for name in files if "/edits/" in name)
    refused(consistent({**files, first: files[second]}, file), first, "rows of another cell")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", b"[]"),
        ("run.json", b'{"schema_version": 1, "schema_version": 1}'),
        ("run.json", b'{"schema_version": 1, "cells": 1}'),
        ("run.json", b"[" * 100_000),
        ("0123456789abcdef/cell.json", b"{}"),
        ("0123456789abcdef/status.json", b"{"),
        ("0123456789abcdef/edits/00001.parquet", b"PAR1"),
        ("judges/gpt.jsonl", b'{"id": 1}'),
        ("report/radar.png", b"<svg>"),
        ("report/report.md", b"\0"),
        ("report/table1.csv", b"\xff"),
    ],
)
def test_contents_are_what_the_name_says(files: Files, file: Path, name: str, content: bytes) -> None:
    refused(consistent({**files, name: content}, file), name)


# ---------------------------------------------------------------------------- names
PLACES = ("/etc/cron.d/evil", "../evil", "run/../../evil", "run/./run.json", "run//run.json", "C:\\evil", "run\\evil")


@pytest.mark.parametrize("name", PLACES)
def test_entries_that_climb_out_are_refused_listed_or_not(files: Files, file: Path, name: str) -> None:
    held = [(f"run/{key}", each) for key, each in files.items()]
    refused(write_entries([listed(files), *held, (name, b"{}")], file), "not listed")
    own = name.removeprefix("run/")
    refused(write_entries([listed({**files, own: b"{}"}), *held, (name, b"{}")], file), "as a pack may hold")


@pytest.mark.parametrize("name", ["../run", "/run", "..", ".run", "a/b", "", "r\nn", "x" * 101])
def test_a_run_has_no_name_that_leaves_the_folder(files: Files, file: Path, name: str) -> None:
    refused(consistent(files, file, name))
    held = [(f"run/{key}", each) for key, each in files.items()]
    inside = (f"run/{MANIFEST}", listed(files, name)[1])  # type: ignore[index]
    refused(write_entries([inside, *held], file), MANIFEST)


@pytest.mark.parametrize(
    "name",
    [
        "evil.py", "run.pkl", "0123456789abcdef/checkpoint/00001.safetensors", "0123456789abcdef/evil.json",
        ".locks/run.lock", "report/report.exe", "report/.htaccess", "report/a/b.md", "0123456789abcdef/edits/1.parquet",
        "0123456789abcdef/edits/../00001.parquet", "0123456789ABCDEF/edits/00001.parquet", "judges/-.jsonl", "a\nb",
        "0123456789abcdef/.edits/00001.parquet", "report/report.md ", "report/report.md\n", "RUN.JSON", "pack.json",
    ],
)  # fmt: skip
def test_what_is_no_table_or_record_is_refused(files: Files, file: Path, name: str) -> None:
    refused(consistent({**files, name: b"{}"}, file))


KINDS = {
    "symlink": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "folder": tarfile.DIRTYPE, "fifo": tarfile.FIFOTYPE,
    "character device": tarfile.CHRTYPE, "block device": tarfile.BLKTYPE, "contiguous": tarfile.CONTTYPE,
    "sparse": tarfile.GNUTYPE_SPARSE, "old": tarfile.AREGTYPE, "unknown": b"Z",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_plain_files(files: Files, file: Path, kind: str) -> None:
    info = tarfile.TarInfo("run/run.json")
    info.type, info.linkname = KINDS[kind], "/etc/passwd"
    others = [(f"run/{key}", each) for key, each in files.items() if key != "run.json"]
    refused(write_entries([listed(files), info, *others], file), "not a plain file", "run/run.json")
    # a link to a folder, and then a file through it
    info.name = "run/report"
    refused(write_entries([info, listed(files)], file), "not a plain file")


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_no_header_says_what_the_next_one_means(files: Files, file: Path, kind: int) -> None:
    """By these a name or a size becomes another after it was looked at."""
    long = "x" * 300
    refused(write_entries([(long, b"{}"), listed(files)], file, kind), "not a plain file")
    if kind == tarfile.PAX_FORMAT:
        info = tarfile.TarInfo("run/run.json")
        info.pax_headers = {"path": "/etc/evil", "size": "99999999999"}
        refused(write_entries([listed(files), info], file, kind), "not a plain file")


def test_nothing_twice_nothing_missing_nothing_more(files: Files, file: Path) -> None:
    held: list[packs.Entry] = [(f"run/{key}", each) for key, each in files.items()]
    refused(write_entries([listed(files), *held, held[0]], file), "there twice")
    refused(write_entries([listed(files), *held[1:]], file), str(held[0][0]), "is not there")  # type: ignore[index]
    refused(write_entries([listed(files), *held, ("run/report/more.md", b"")], file), "not listed")
    refused(write_entries([listed(files), *held, ("other/run.json", b"{}")], file), "not listed")
    refused(write_entries([*held, listed(files)], file), f"does not begin with {MANIFEST}")
    refused(write_entries([listed(files), listed(files), *held], file), "there twice")
    refused(write_entries([], file), "it is empty")


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"pack_version": 2}, "a pack of version 2, this version reads 1"),
        ({"pack_version": "1"}, "version '1'"),
        ({"files": []}, "files"),
        ({"files": {"run.json": {"size": -1, "sha256": "0" * 64}}}, "run.json.size"),
        ({"files": {"run.json": {"size": 1, "sha256": "../evil"}}}, "run.json.sha256"),
        ({"more": 1}, "more"),
        ({"name": "other"}, "the list of another run"),
        ({"versions": {"python": 3}}, "versions"),
    ],
)
def test_a_list_that_is_none(files: Files, file: Path, changed: Mapping[str, Any], part: str) -> None:
    inside = f"run/{MANIFEST}", json.dumps(json.loads(listed(files)[1]) | changed).encode()  # type: ignore[index]
    refused(write_entries([inside], file), MANIFEST, part)


# ---------------------------------------------------------------------------- sizes
def test_what_says_that_it_is_large_is_not_read(files: Files, file: Path) -> None:
    kept = {"size": 2**40, "sha256": "0" * 64}
    large = {f"report/{i}.md": kept for i in range(3)}
    content = json.dumps({"pack_version": 1, "name": "run", "files": large}).encode()
    refused(write_entries([(f"run/{MANIFEST}", content)], file), "report/0.md", "too large")


def test_no_more_than_can_be_had_together(files: Files, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    consistent(files, file)
    monkeypatch.setattr(packable, "MOST_FILES", len(files) - 1)
    refused(file, "too large", "files")
    monkeypatch.setattr(packable, "MOST_FILES", len(files))
    monkeypatch.setattr(packable, "MOST_BYTES", sum(map(len, files.values())) - 1)
    refused(file, "too large: expands to")
    monkeypatch.setattr(packable, "MOST_BYTES", sum(map(len, files.values())))
    with unpacked(file) as folder:
        assert folder.is_dir()


def test_zeros_without_end(files: Files, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some kilobytes that expand to gigabytes are given up at the first wrong one, or at the limit."""
    frame = pa.Codec("zstd", compression_level=3).compress(bytes(2**24), asbytes=True)
    sound = consistent(files, file).read_bytes()
    file.write_bytes(sound + frame * 100)
    refused(file, "comes after its end")
    monkeypatch.setattr("bench.store.packing.MOST_ARCHIVE", 2**14)
    refused(file, "too large: expands to more than 16,384 bytes")


def test_a_text_that_is_said_in_every_row(files: Files, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some kilobytes of a table that would be terabytes in memory are never had there."""
    name, rows = shard_of(files), 1_000_000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 1_000_000]))
    values = {"step": 3, "value": 1.0, "weight": 1.0, "cell": name[:16]}
    columns = {each: pa.repeat(pa.scalar(values[each], SCORE_SCHEMA.field(each).type), rows) for each in values}
    columns = {field.name: columns.get(field.name, text) for field in SCORE_SCHEMA}
    buffer = pa.BufferOutputStream()
    table = pa.table(columns).replace_schema_metadata({"schema_version": "1"})
    pq.write_table(table, buffer, store_schema=False, write_page_checksum=True)
    large = buffer.getvalue().to_pybytes()
    assert len(large) < 2_000_000
    refused(consistent({**files, name: large}, file), name, "too large", "in memory")
    monkeypatch.setattr(packable, "MOST_ROWS", rows - 1)
    refused(file, name, "too large: 1,000,000 rows")


# ---------------------------------------------------------------------------- places and bytes
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_no_pack(file: Path, make: Callable[[Path], object]) -> None:
    make(file)
    with pytest.raises(BenchError, match=file.name):
        unpacked(file).__enter__()


def test_what_is_no_archive(sound: Path, file: Path) -> None:
    for content in (b"", b"PK\3\4", b"\x1f\x8b", plain(sound)):
        file.write_bytes(content)
        refused(file)
    for content in (b"", b"x" * 512, b"\0" * 511, plain(sound).rstrip(b"\0")):
        refused(compressed(content, file))


def test_malformed_packs(sound: Path, tmp_path: Path, record_property: Any) -> None:
    """Torn, cut, with bits flipped: refused, or all that was packed."""
    expected = load_results(sound.parent / "run").scores

    def write(root: Path) -> list[Path]:
        return [Path(shutil.copy(sound, root))]

    def read(root: Path) -> Results:
        with unpacked(root / "run.tar.zst") as folder:
            return load_results(folder)

    def whole(root: Path, results: Results) -> None:
        pd.testing.assert_frame_equal(results.scores, expected)

    spoil = [spoiling.content, spoiling.content, spoiling.place]
    fuzz(Reader("packed run", write, spoil, read, whole), tmp_path, record_property, EXAMPLES)

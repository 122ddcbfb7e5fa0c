"""A run in one file that others can check: its tables, records and report, with a hash of each.

Layout, a tar archive compressed with zstd; `bench.store.shards` tells more of what lies below the run's name::

    <run>/pack.json                        first: what else the pack holds, with sizes and hashes
    <run>/run.json
    <run>/<cell id>/cell.json
    <run>/<cell id>/status.json
    <run>/<cell id>/<table>/<step>.parquet
    <run>/judges/<judge>.jsonl
    <run>/report/...                       as `bench report` writes it, for people

A pack comes from others. Before anything is read as a run there is looked whether it holds nothing but the above, all
of it, as it was written, and no more than can be had in memory. Whether its numbers are true only who computes them
again can tell; pages of its report are never read, as they are made of its tables anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.ground.archives import read_archive, write_archive
from bench.ground.atomic import filling
from bench.ground.errors import BenchError, StorageError
from bench.ground.parsing import check_plain, parse_json
from bench.store.nameless import copy_nameless
from bench.store.packable import JSON, MOST_BYTES, MOST_FILES, REPORT, WORD, check_contents, check_names
from bench.store.records import read_cell

SUFFIX = ".tar.zst"
MANIFEST = "pack.json"
VERSION: Literal[1] = 1
"""Of the layout."""

MOST_ARCHIVE = MOST_BYTES + 1024 * MOST_FILES + JSON
"""Bytes of an archive with its headers."""


class Kept(BaseModel):
    """What a file is."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    size: int = Field(ge=0)
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """pack.json.

    Attributes:
        name: of the run, and of the folder in the archive.
        versions: see `versions`.
        files: by their names below the folder.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    pack_version: Literal[1] = VERSION
    name: Annotated[str, Field(pattern=f"^{WORD}$")]
    versions: dict[str, list[str]] = Field(default_factory=dict)
    files: dict[str, Kept]


# ---------------------------------------------------------------------------- reading
@contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """A run out of a pack, as a folder that `bench.store.results` reads, for as long as it is needed.

    Errors about it, while it is read too, name the pack and not that folder.

    Raises:
        BenchError: it is no pack, torn, altered, too large, or holds what a run does not.
        StorageError: there is no room for it.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        # what stands above the run's folder tells two packs of one run apart, where a report names them
        place = Path(os.path.abspath(file)).relative_to(file.absolute().anchor)  # noqa: PTH100 - follows no links
        above = Path(temporary).resolve() / place.with_name(place.name.removesuffix(SUFFIX) or SUFFIX)
        try:
            manifest = _extract(file, above)
            folder = above / manifest.name
            check_contents(folder, manifest.files)
            yield folder
        except BenchError as error:
            raise _of_pack(error, file, above) from error


def _of_pack(error: BenchError, file: Path, above: Path) -> BenchError:
    """The error as one of the pack."""
    place = Path(str(error.file or file))
    if not place.is_relative_to(above):
        return error
    inside = "/".join(place.relative_to(above).parts[1:])
    record = ", record ".join(str(each) for each in (inside, error.record) if each not in ("", None))
    return type(error)(error.message, file=file, record=record or None, field=error.field)


def _extract(file: Path, above: Path) -> Manifest:
    """Write the files of a pack into a folder, each after it was found to be the one that is listed."""
    held = _Held(file)
    for name, content in read_archive(file, held.admit, MOST_ARCHIVE):
        held.check(name, content)
        try:
            (above / name).parent.mkdir(parents=True, exist_ok=True)
            (above / name).write_bytes(content)
        except OSError as error:
            raise StorageError(f"cannot be unpacked: {error.strerror or error}", file=above / name) from error
    return held.whole()


class _Held:
    """What a pack says that it holds, and what of it has not come yet.

    Args:
        file: the pack.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._manifest: Manifest | None = None
        self._missing: dict[str, Kept] = {}

    def admit(self, name: str, size: int) -> None:
        """Refuse a file before it is read: one that is not listed, comes twice, or has another size."""
        if self._manifest is None:
            if not re.fullmatch(f"{WORD}/{re.escape(MANIFEST)}", name) or size > JSON:
                raise BenchError(f"not a pack: it does not begin with {MANIFEST}", file=self._file, record=name)
        elif (kept := self._missing.get(name)) is None:
            raise BenchError(f"not listed in {MANIFEST}, or there twice", file=self._file, record=name)
        elif kept.size != size:
            raise BenchError(f"{size:,} bytes, but {kept.size:,} were packed", file=self._file, record=name)

    def check(self, name: str, content: bytes) -> None:
        """Refuse contents that are not what was packed."""
        if self._manifest is None:
            self._manifest = _manifest(content, name.partition("/")[0], self._file)
            self._missing = {f"{self._manifest.name}/{each}": kept for each, kept in self._manifest.files.items()}
        elif hashlib.sha256(content).hexdigest() != self._missing.pop(name).sha256:
            raise BenchError("altered: its hash is not that of what was packed", file=self._file, record=name)

    def whole(self) -> Manifest:
        """What the pack holds, when all of it has come."""
        if self._manifest is None:
            raise BenchError("not a pack: it is empty", file=self._file)
        if self._missing:
            raise BenchError("was packed, and is not there", file=self._file, record=next(iter(self._missing)))
        return self._manifest


def _manifest(content: bytes, name: str, file: Path) -> Manifest:
    try:
        value = parse_json(content.decode(), file, MANIFEST)
    except UnicodeDecodeError as error:
        raise BenchError(f"not UTF-8 ({error})", file=file, record=MANIFEST) from error
    check_plain(value, file)
    version = value.get("pack_version") if isinstance(value, dict) else None
    if version != VERSION:
        raise BenchError(f"a pack of version {version!r}, this version reads {VERSION}", file=file, record=MANIFEST)
    try:
        found = Manifest.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BenchError(f"not a pack's list: {first['msg']}", file=file, record=MANIFEST, field=place) from error
    if found.name != name:
        raise BenchError(f"the list of another run, {found.name}", file=file, record=MANIFEST, field="name")
    try:
        check_names({each: kept.size for each, kept in found.files.items()})
    except BenchError as error:
        raise error.at(file=file, record=error.record or MANIFEST) from error
    return found


# ---------------------------------------------------------------------------- writing
def pack(root: Path, out: Path, write_report: Callable[[Path, Path], object]) -> int:
    """Write a run into one file; the same bytes for the same run.

    Args:
        root: the run's folder, whose name is the run's in the pack.
        out: the file.
        write_report: writes the report of a run's folder into a folder; it is given a copy without places and people.

    Returns:
        How many files the pack holds.

    Raises:
        BenchError: the run cannot be read, is being computed, or holds what a pack does not.
        StorageError: the file cannot be written.
    """
    if out.is_dir():  # told before the report is written, which takes long
        raise StorageError("cannot write: it is a folder", file=out)
    root = root.resolve()
    if not re.fullmatch(WORD, root.name):
        raise BenchError("a run that is packed has a name of letters, digits, '.', '_', '+' and '-' only", file=root)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        copy = Path(temporary).resolve() / root.name
        try:
            copy_nameless(root, copy)
            write_report(copy, copy / REPORT)
            return _write(copy, out)
        except BenchError as error:
            place = Path(str(error.file or root))
            if not place.is_relative_to(copy):
                raise
            # not the copy, which is gone by now
            place = root / place.relative_to(copy)
            raise type(error)(error.message, file=place, record=error.record, field=error.field) from error


def _write(folder: Path, out: Path) -> int:
    """Write a folder that holds nothing but what a pack does."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    try:
        check_names({name: (folder / name).stat().st_size for name in names})
    except BenchError as error:
        raise error.at(file=folder, record=error.record) from error
    check_contents(folder, names)
    files = {name: _kept((folder / name).read_bytes()) for name in names}
    listed = Manifest(name=folder.name, versions=versions(folder), files=files).model_dump(mode="json")
    first = (f"{folder.name}/{MANIFEST}", (json.dumps(listed, indent=1, ensure_ascii=False) + "\n").encode())
    write_archive(out, chain([first], ((f"{folder.name}/{name}", (folder / name).read_bytes()) for name in names)))
    return len(names)


def _kept(content: bytes) -> Kept:
    return Kept(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def versions(folder: Path) -> dict[str, list[str]]:
    """With what a run's cells were computed, and on what: every value of all cells, by name."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*/cell.json")):
        around = read_cell(path)["environment"]
        about = {name: around[name] for name in ("python", "device", "commit")}
        for name, value in {**about, **around["packages"]}.items():
            if value:
                found.setdefault(name, set()).add(str(value))
    return {name: sorted(values) for name, values in sorted(found.items())}


# ---------------------------------------------------------------------------- unpacking
def unpack(file: Path, out: Path | None, results_dir: Path) -> Path:
    """Write the folder of a packed run.

    Args:
        file: the pack.
        out: the folder; None: below `results_dir`, by the run's name.
        results_dir: folder of all runs.

    Returns:
        The folder.

    Raises:
        BenchError: as `unpacked`, or something is there already.
        StorageError: the folder cannot be written.
    """
    with unpacked(file) as folder:
        target = out or results_dir / folder.name
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise BenchError("is there already; give --out another folder", file=target)
        with filling(target) as temporary:
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
    return target

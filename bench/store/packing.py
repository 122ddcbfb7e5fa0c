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
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.ground.archives import read_archive, write_archive
from bench.ground.errors import BenchError, StorageError
from bench.ground.parsing import check_plain, parse_json
from bench.store.packable import JSON, MOST_BYTES, MOST_FILES, WORD, check_contents, check_names

SUFFIX = ".tar.zst"
MANIFEST = "pack.json"
VERSION = 1
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
        files: by their names below it.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    pack_version: Literal[1] = VERSION
    name: Annotated[str, Field(pattern=f"^{WORD}$")]
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
        # the pack's name above the run's tells two packs of one run apart
        above = Path(temporary).resolve() / (file.name.removesuffix(SUFFIX).strip(".") or "pack")
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
def pack(folder: Path, out: Path) -> int:
    """Write the pack of a run's folder that holds nothing else; the same bytes for the same files.

    Args:
        folder: named as the run; see `bench.store.nameless`.
        out: the file.

    Returns:
        How many files it holds.

    Raises:
        BenchError: a file is of no kind that a pack holds, is not sound, or there is too much.
        StorageError: the file cannot be written.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    try:
        check_names({name: (folder / name).stat().st_size for name in names})
    except BenchError as error:
        raise error.at(file=folder, record=error.record) from error
    check_contents(folder, names)
    files = {name: _kept((folder / name).read_bytes()) for name in names}
    manifest = Manifest(name=folder.name, files=files).model_dump(mode="json")
    first = (f"{folder.name}/{MANIFEST}", (json.dumps(manifest, indent=1) + "\n").encode())
    write_archive(out, chain([first], ((f"{folder.name}/{name}", (folder / name).read_bytes()) for name in names)))
    return len(names)


def _kept(content: bytes) -> Kept:
    return Kept(size=len(content), sha256=hashlib.sha256(content).hexdigest())

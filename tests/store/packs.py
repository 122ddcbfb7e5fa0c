"""Packs for the tests: of a small run, and made up entry by entry."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.ground.atomic import write_text
from bench.store.packing import MANIFEST, pack
from tests.reports.world import World

WORLD = World(methods=("none", "memit"), seeds=(0,), languages=("en",), facts=2)

Entry = tuple[str, bytes] | tarfile.TarInfo
"""A file by name and content, or a header that is none of a file."""


def write_report(folder: Path, out: Path) -> None:
    """Stands for a report."""
    assert (folder / "run.json").is_file()
    write_text(out / "report.md", "# A report\n")


def packed(root: Path, out: Path) -> Path:
    pack(root, out, write_report)
    return out


def plain(file: Path) -> bytes:
    """The archive of a pack, no longer compressed."""
    stream = pa.CompressedInputStream(pa.OSFile(str(file)), "zstd")
    content: bytes = stream.read()
    return content


def entries(file: Path) -> dict[str, bytes]:
    """What any tar program finds in a pack."""
    with tarfile.open(fileobj=io.BytesIO(plain(file))) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def compressed(content: bytes, file: Path) -> Path:
    file.write_bytes(pa.Codec("zstd", compression_level=3).compress(content, asbytes=True))
    return file


def write_entries(held: Iterable[Entry], file: Path, kind: int = tarfile.USTAR_FORMAT) -> Path:
    """A pack with these entries, whatever they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for each in held:
            if isinstance(each, tarfile.TarInfo):
                archive.addfile(each)
            else:
                info = tarfile.TarInfo(each[0])
                info.size = len(each[1])
                archive.addfile(info, io.BytesIO(each[1]))
    return compressed(buffer.getvalue(), file)


def listed(files: Mapping[str, bytes], name: str = "run", **changed: Any) -> Entry:
    """pack.json for these files, with hashes that agree."""
    kept = {key: {"size": len(each), "sha256": hashlib.sha256(each).hexdigest()} for key, each in files.items()}
    manifest = {"pack_version": 1, "name": name, "files": kept, **changed}
    return f"{name}/{MANIFEST}", json.dumps(manifest).encode()


def consistent(files: Mapping[str, bytes], file: Path, name: str = "run", **changed: Any) -> Path:
    """A pack of these files whose hashes agree."""
    held = [(f"{name}/{key}", each) for key, each in files.items()]
    return write_entries([listed(files, name, **changed), *held], file)


def files_of(file: Path) -> dict[str, bytes]:
    """The files of a pack by their names below the run's folder, less the list."""
    found = {name.partition("/")[2]: content for name, content in entries(file).items()}
    del found[MANIFEST]
    return found

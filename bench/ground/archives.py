"""Many files in one that anybody can open, `tar --zstd -xf`, and that is the same bytes for the same files.

An archive has names and contents, and no times, owners or rights. What is read is as plain: there is no link, device or
folder in it, and no header beside that of a file, which could make a name or a size another one. Nothing here puts a
file anywhere.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from bench.ground.atomic import replacing
from bench.ground.errors import BenchError

LEVEL = 12
"""Of zstd's compression, in one thread; more takes long and gains little."""

FRAME = 2**25
"""Bytes that are compressed at once; a reader takes frames for one stream."""


def write_archive(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write names and contents, in this order, whole or not at all.

    The bytes depend on the version of zstd in pyarrow, and on nothing else of the machine.

    Raises:
        BenchError: a name is too long for an archive.
        StorageError: the file cannot be written.
    """
    codec = pa.Codec("zstd", compression_level=LEVEL)
    with replacing(path) as temporary, temporary.open("wb") as out:
        waiting = bytearray()
        for block in _blocks(files, path):
            waiting += block
            while len(waiting) >= FRAME:
                out.write(codec.compress(bytes(waiting[:FRAME]), asbytes=True))
                del waiting[:FRAME]
        out.write(codec.compress(bytes(waiting), asbytes=True))


def _blocks(files: Iterable[tuple[str, bytes]], path: Path) -> Iterator[bytes]:
    """The archive before it is compressed."""
    total = 2 * tarfile.BLOCKSIZE
    for name, content in files:
        block = _header(name, len(content), path) + content + bytes(-len(content) % tarfile.BLOCKSIZE)
        total += len(block)
        yield block
    yield bytes(2 * tarfile.BLOCKSIZE + -total % tarfile.RECORDSIZE)


def _header(name: str, size: int, path: Path) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise BenchError(f"cannot be put into an archive ({error})", file=path, record=name) from error


def read_archive(path: Path, admit: Callable[[str, int], None], most: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents, in the order of the archive.

    Args:
        path: the archive.
        admit: is given name and size of each file before it is read, and raises what is wrong with them.
        most: bytes that it may have when it is no longer compressed.

    Raises:
        BenchError: it is none, torn, larger, or holds what is no plain file.
    """
    with closing(_Plain(path, most)) as plain:
        while any(header := plain.take(tarfile.BLOCKSIZE)):
            name, size = _read_header(header, path)
            admit(name, size)
            yield name, plain.take(size)
            plain.take(-size % tarfile.BLOCKSIZE)
        plain.finish()


def _read_header(header: bytes, path: Path) -> tuple[str, int]:
    # not by a TarFile: it follows what further headers say before anybody is asked
    try:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
    except (tarfile.TarError, ValueError) as error:
        raise BenchError(f"not a sound archive ({error})", file=path) from error
    if info.type != tarfile.REGTYPE or info.size < 0:
        raise BenchError("not a plain file: a pack holds no links, folders or devices", file=path, record=info.name)
    return info.name, info.size


class _Plain:
    """An archive that is no longer compressed, from its beginning to its end."""

    def __init__(self, path: Path, most: int) -> None:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise BenchError("not a file", file=path)
        self._path, self._most, self._left = path, most, most
        try:
            self._stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        except OSError as error:
            raise BenchError(f"cannot be read ({error.strerror or error})", file=path) from error

    def take(self, size: int) -> bytes:
        """The next bytes, so many."""
        self._left -= size
        if self._left < 0:
            raise BenchError(f"too large: expands to more than {self._most:,} bytes", file=self._path)
        content = self._read(size)
        if len(content) != size:
            raise BenchError("not a whole archive: it is cut off", file=self._path)
        return content

    def finish(self) -> None:
        """Refuse anything that comes after the archive's end, but for what fills its last record."""
        # one empty block has been read; the second may begin a record of its own
        rest = self._read(tarfile.RECORDSIZE + 1)
        if any(rest) or len(rest) > tarfile.RECORDSIZE:
            raise BenchError("not a sound archive: something comes after its end", file=self._path)

    def _read(self, size: int) -> bytes:
        try:
            content: bytes = self._stream.read(size)
        except (OSError, pa.ArrowException) as error:
            raise BenchError(f"not compressed with zstd, or torn ({error})", file=self._path) from error
        return content

    def close(self) -> None:
        self._stream.close()

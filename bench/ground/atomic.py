"""Write a file, or all files of a folder, whole or not at all, and one process at a time."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from bench.ground.errors import StorageError
from bench.ground.parsing import check_plain, parse_json, read_text
from bench.ground.signals import unbroken

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


@contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it takes the place of `path`.

    Ctrl-C and SIGTERM wait until the file is there.

    Args:
        path: the file to be written.
        durable: fsync file and folder: they outlive a power cut.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with unbroken():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # not tempfile: its files are for the owner's eyes only
            temporary.touch(exist_ok=False)
            yield temporary
            if durable:
                _sync(temporary)
            temporary.replace(path)
            if durable:
                _sync(path.parent)
        except (OSError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StorageError(f"cannot write: {reason}; nothing that was written before is lost", file=path) from error
        finally:
            with suppress(OSError):  # of a folder that cannot be written there is nothing to remove
                temporary.unlink(missing_ok=True)


@contextmanager
def filling(folder: Path, stale: Iterable[str] = ()) -> Iterator[Path]:
    """Yield a temporary folder in `folder`; on success what it holds takes the place of what goes by these names there.

    What goes by other names stays. Ctrl-C and SIGTERM wait only while things change places.

    Args:
        folder: made if it is not there, and removed again if nothing comes of it.
        stale: names of what is to go, if nothing takes its place.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    temporary = folder / f".new.{secrets.token_hex(4)}.tmp"
    is_new = not folder.exists()
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                _sync(path)
        _change_places(temporary, folder, stale)
    except StorageError as error:  # it names a file that nobody has heard of
        raise StorageError(error.message, file=folder) from error
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"cannot write: {reason}; nothing that was written before is lost", file=folder) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if is_new:
            with suppress(OSError):  # it holds what was written, or was never made
                folder.rmdir()


def _change_places(temporary: Path, folder: Path, stale: Iterable[str]) -> None:
    """Move what is in a temporary folder into `folder`, and what stood in its place away."""
    new = [path.name for path in temporary.iterdir()]
    with unbroken():
        old = temporary / ".old"
        old.mkdir()
        for name in new:
            if (folder / name).exists():
                (folder / name).rename(old / name)
            try:
                (temporary / name).rename(folder / name)
            except OSError:
                if (old / name).exists():
                    (old / name).rename(folder / name)
                raise
        for name in stale:
            if name not in new and (folder / name).exists():
                (folder / name).rename(old / name)
        _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a lock, which the system lets go when the process dies.

    Args:
        path: the lock's file.
        wait: until others let go of it; else yield False where they hold it.

    Raises:
        StorageError: the folder cannot be written.
    """
    lock = FileLock(path, blocking=wait)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StorageError(f"cannot write: {error.strerror or error}", file=path) from error
    try:
        yield True
    finally:
        lock.release()


def sweep(folder: Path, below: bool = True) -> None:
    """Remove what `replacing` left in a folder, and in those below it, when its process was killed."""
    for path in folder.glob("**/.*.tmp" if below else ".*.tmp"):
        if TEMPORARY.fullmatch(path.name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, durable: bool = True) -> None:
    """Write `value` as readable JSON, atomically."""
    with replacing(path, durable) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file of our own.

    Raises:
        BenchError: the file is missing, is not JSON, or holds what we never write.
    """
    value = parse_json(read_text(path), path)
    check_plain(value, path)
    return value

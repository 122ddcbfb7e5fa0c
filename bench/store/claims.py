"""Who computes what: locks in the run's folder, for processes that share it.

The operating system lets go of a lock when its process dies, however it dies, so nothing stale is left; where a
file system has no such locks, filelock keeps files that name their process instead.

Layout::

    results/<run>/.locks/run.lock        held by the process that computes the run
    results/<run>/.locks/holder.json     who that is
    results/<run>/.locks/<cell id>.lock  held by the process that computes the cell
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.ground.atomic import locked, read_json, sweep, write_json
from bench.ground.errors import BenchError

LOCKS = ".locks"


def here() -> dict[str, Any]:
    """This process, as status files name it."""
    return {"host": platform.node(), "pid": os.getpid()}


@contextmanager
def sole(root: Path, join: bool = False) -> Iterator[None]:
    """Hold a run while its cells are computed.

    Args:
        root: the run's folder.
        join: go on beside another process that holds it.

    Raises:
        BenchError: another process holds it; says who.
        StorageError: the folder cannot be written.
    """
    with locked(_place(root, "run"), wait=False) as mine:
        if mine:
            sweep(root / LOCKS)
            write_json(root / LOCKS / "holder.json", {**here(), "since": time.time()})
        elif not join:
            raise BenchError(f"{_holder(root)} is computing this run; wait, or add --join to share the work", file=root)
        yield


@contextmanager
def claimed(root: Path, cell_id: str) -> Iterator[bool]:
    """Hold a cell; False where another process holds it.

    Raises:
        StorageError: the folder cannot be written.
    """
    with locked(_place(root, cell_id), wait=False) as mine:
        yield mine


def is_claimed(root: Path, cell_id: str) -> bool:
    """Whether a process computes the cell now."""
    if not _place(root, cell_id).exists():
        return False
    with locked(_place(root, cell_id), wait=False) as free:
        return not free


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Be the only one for a moment that changes which cells a run has; waits for others.

    Raises:
        StorageError: the folder cannot be written.
    """
    with locked(_place(root, "cells")):
        yield


def _place(root: Path, name: str) -> Path:
    return root / LOCKS / f"{name}.lock"


def _holder(root: Path) -> str:
    with suppress(BenchError, KeyError, TypeError, ValueError):
        found = read_json(root / LOCKS / "holder.json")
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(found["since"]))
        return f"process {found['pid']} on {found['host']} (since {since})"
    return "another process"

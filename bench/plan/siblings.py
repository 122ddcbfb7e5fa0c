"""Runs beside a run that have already computed some of its cells: a cell's numbers do not depend on its run."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bench.config.cell import Cell
from bench.ground.errors import StorageError
from bench.store.claims import is_claimed
from bench.store.outcomes import EvaluatorOptions, existing
from bench.store.shards import FINISHED, ResultStore


def elsewhere(
    cells: Iterable[Cell], store: ResultStore, evaluators: EvaluatorOptions, begun: bool = False
) -> dict[str, Path]:
    """Cell id -> folder of the same cell, finished, in another run of the results folder.

    Only cells scored with the same evaluators and options count, and only those that this run has not begun.

    Args:
        cells: of the run.
        store: its folder.
        evaluators: names and options.
        begun: also those that it has begun and that no process is at.
    """
    evaluators = tuple(evaluators)
    found: dict[str, Path] = {}
    for cell in cells:
        if store.folder(cell.id()).exists() and not (begun and _is_left(cell, store)):
            continue
        for folder in sorted(store.root.parent.glob(f"*/{cell.id()}")):
            if existing(cell, ResultStore(folder.parent), evaluators).status in FINISHED:
                found[cell.id()] = folder
                break
    return found


def _is_left(cell: Cell, store: ResultStore) -> bool:
    """Whether it was begun, and neither finished nor is a process at it."""
    return store.status(cell.id())[0] not in FINISHED and not is_claimed(store.root, cell.id())


def take_over(
    cells: Iterable[Cell], store: ResultStore, evaluators: EvaluatorOptions, begun: bool = False
) -> Counter[str]:
    """Copy what `elsewhere` finds.

    Returns:
        Cells taken over by name of the run they come from.

    Raises:
        StorageError: the run's folder cannot be written.
    """
    found = elsewhere(cells, store, evaluators, begun)
    for cell, folder in found.items():
        copy_cell(folder, store.folder(cell))
    return Counter(folder.parent.name for folder in found.values())


def copy_cell(source: Path, target: Path) -> None:
    """Copy a cell's folder; it is there whole or not at all.

    Raises:
        StorageError: the run's folder cannot be written.
    """
    # a level deeper than cells lie, so that what a kill leaves is never taken for one
    arriving = target.parent / ".arriving" / target.name
    try:
        shutil.copytree(source, arriving, dirs_exist_ok=True, ignore=shutil.ignore_patterns("checkpoint", ".*"))
        if target.exists():
            shutil.rmtree(target)
        arriving.rename(target)
    except OSError as error:
        raise StorageError(f"cannot write: {error.strerror or error}", file=target) from error
    finally:
        shutil.rmtree(arriving.parent, ignore_errors=True)

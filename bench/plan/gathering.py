"""Shards that were computed into results folders of their own, put together in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ground.atomic import read_json, write_json
from bench.ground.errors import BenchError
from bench.plan.siblings import copy_cell
from bench.store import claims
from bench.store.records import read_run
from bench.store.shards import FINISHED, ResultStore

SAME = ("eval_limit", "set")
"""What runs must agree in besides the evaluators for one to take over the other's cells."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A run after gathering.

    Attributes:
        copied: cells that came now.
        finished: cells that are there, with those of before.
        whole: all cells of the run.
    """

    copied: int
    finished: int
    whole: int


def gather(sources: Iterable[Path], results_dir: Path) -> dict[str, Gathered]:
    """Copy finished cells of the runs in other results folders; what is there already stays.

    Args:
        sources: results folders.
        results_dir: where they are gathered.

    Returns:
        How the runs stand, by name.

    Raises:
        BenchError: a folder has no runs, or a run of the same name has other cells or is scored in another way.
        StorageError: the results folder cannot be written.
    """
    copied: Counter[str] = Counter()
    for path in [path for source in sources for path in _runs(source)]:
        copied[path.parent.name] += _gather_run(path, ResultStore(results_dir / path.parent.name))
    for name in sorted(copied):
        copied[name] += _shared(ResultStore(results_dir / name))
    return {name: _standing(ResultStore(results_dir / name), copied[name]) for name in sorted(copied)}


def _runs(source: Path) -> list[Path]:
    """Records of the runs of a results folder.

    Raises:
        BenchError: it has none, or is not there.
    """
    if not source.is_dir():
        raise BenchError("no such folder", file=source)
    if found := sorted(source.glob("*/run.json")):
        return found
    raise BenchError("no runs in this folder; give the results folder that they lie in", file=source)


def _standing(store: ResultStore, copied: int) -> Gathered:
    names = _ids(read_run(store.root / "run.json"))
    return Gathered(copied, sum(store.outcome(name)[0] in FINISHED for name in names), len(names))


def _gather_run(path: Path, store: ResultStore) -> int:
    """Copy the cells of one run.

    Raises:
        BenchError: it is not the run that is there.
    """
    run = read_run(path)
    with claims.writing(store.root):
        own = store.root / "run.json"
        if not own.exists():
            write_json(own, read_json(path))
        else:
            _check_same(run, read_run(own), path)
        return sum(_copied(name, path.parent, store) for name in _ids(run))


def _check_same(theirs: Mapping[str, Any], mine: Mapping[str, Any], path: Path) -> None:
    """Refuse cells of another run of the same name.

    Raises:
        BenchError: cells differ, or what they are scored with.
    """
    if strange := sorted(set(_ids(theirs)) ^ set(_ids(mine))):
        raise BenchError(
            f"not the run that is gathered here: {len(strange)} cells differ; settings, model or data are others there",
            file=path,
            record=strange[0],
        )
    if other := [key for key in ("evaluators", *SAME) if theirs.get(key) != mine.get(key)]:
        raise BenchError(f"not the run that is gathered here: '{other[0]}' is another there", file=path)


def _copied(name: str, source: Path, store: ResultStore) -> bool:
    """Copy a cell if it is finished there and not here."""
    is_done = ResultStore(source).outcome(name)[0] in FINISHED
    if not is_done or store.outcome(name)[0] in FINISHED or claims.is_claimed(store.root, name):
        return False
    copy_cell(source / name, store.folder(name))
    return True


def _shared(store: ResultStore) -> int:
    """Take over cells from runs of the same grid: a shard may have computed them for another run than asks for them."""
    run = read_run(store.root / "run.json")
    with claims.writing(store.root):
        return sum(any(_copied(name, source, store) for source in _alike(run, store.root)) for name in _ids(run))


def _alike(run: Mapping[str, Any], root: Path) -> Iterator[Path]:
    """Runs of the same grid that score at least what this one does, in the same way."""
    for path in sorted(root.parent.glob("*/run.json")):
        other = read_run(path)
        if path.parent == root or not run.get("grid") or (other.get("grid") or {}).get("of") != run["grid"]["of"]:
            continue
        if set(run["evaluators"]) <= set(other["evaluators"]) and all(run.get(key) == other.get(key) for key in SAME):
            yield path.parent


def _ids(run: Mapping[str, Any]) -> list[str]:
    return [str(cell["cell"]) for cell in run.get("cells") or ()]

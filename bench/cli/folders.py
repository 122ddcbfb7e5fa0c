"""Folders that commands are told by name."""

from __future__ import annotations

import glob
from pathlib import Path

from bench.ground.errors import BenchError
from bench.ground.names import hint


def run_folder(run: str, results_dir: Path) -> Path:
    """A run's folder by its path, its name, or its preset.

    Raises:
        BenchError: there is none, or the name is that of several.
    """
    found = run_folders(run, results_dir)
    if len(found) > 1:
        raise BenchError(f"'{run}' is several runs; name one: {', '.join(path.name for path in found)}")
    return found[0]


def run_folders(run: str, results_dir: Path) -> list[Path]:
    """As `run_folder`; of a name that several runs share, see `bench.config.several`, all folders in order of work.

    Raises:
        BenchError: there is none.
    """
    for folder in (results_dir / run, Path(run)):
        if folder.is_dir():
            return [folder]
    if found := [*_grids(run, results_dir), *_traces(run, results_dir)]:
        return found
    there = sorted(path.name for path in results_dir.glob("*") if path.is_dir())
    raise BenchError(f"no run '{run}' in {results_dir}{hint(run, there)}")


def _grids(run: str, results_dir: Path) -> list[Path]:
    from bench.store.records import read_run

    numbered = []
    for path in sorted(results_dir.glob(f"{glob.escape(run)}.*/run.json")):
        grid = read_run(path).get("grid")
        if grid and grid["of"] == run:
            numbered.append((grid["number"], path.parent))
    return [folder for _, folder in sorted(numbered)]


def _traces(run: str, results_dir: Path) -> list[Path]:
    """What belongs to them and is no grid, as figure 5 of the paper."""
    return [path.parent for path in sorted(results_dir.glob(f"{glob.escape(run)}.*/trace.json"))]

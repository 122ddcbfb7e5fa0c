"""Runs that commands are told by name: their folders, and packs."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.ground.errors import BenchError
from bench.ground.names import hint


def run_folder(run: str, results_dir: Path) -> Path:
    """A run's folder by its path, its name, or its preset.

    Raises:
        BenchError: there is none, or the name is that of several.
    """
    place = run_place(run, results_dir)
    if not place.is_dir():
        raise BenchError("not a run's folder; if it is a packed run, write its folder with: bench unpack", file=place)
    return place


def run_place(run: str, results_dir: Path) -> Path:
    """As `run_folder`, or the file of a packed run.

    Raises:
        BenchError: there is none, or the name is that of several.
    """
    found = run_places(run, results_dir)
    if len(found) > 1:
        raise BenchError(f"'{run}' is several runs; name one: {', '.join(path.name for path in found)}")
    return found[0]


def run_places(run: str, results_dir: Path) -> list[Path]:
    """As `run_place`; of a name that several runs share, see `bench.config.several`, all folders in order of work.

    Raises:
        BenchError: there is none.
    """
    for folder in (results_dir / run, Path(run)):
        if folder.is_dir():
            return [folder]
    if Path(run).is_file():
        return [Path(run)]
    if Path(run).name == run and (found := [*_grids(run, results_dir), *_traces(run, results_dir)]):
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


@contextmanager
def readable(places: Sequence[Path]) -> Iterator[list[Path]]:
    """Folders of runs that are only read; those of packed runs are there for as long as that takes.

    Raises:
        BenchError: a file is no sound pack.
    """
    from bench.store.packing import unpacked

    with ExitStack() as stack:
        yield [place if place.is_dir() else stack.enter_context(unpacked(place)) for place in places]

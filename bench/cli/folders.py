"""Runs that commands are told by name: their folders, and packs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.ground.errors import BenchError
from bench.ground.names import hint


def run_folder(run: str, results_dir: Path) -> Path:
    """A run's folder by its path, its name, or its preset.

    Raises:
        BenchError: there is none.
    """
    place = run_place(run, results_dir)
    if not place.is_dir():
        raise BenchError("not a run's folder; if it is a packed run, write its folder with: bench unpack", file=place)
    return place


def run_place(run: str, results_dir: Path) -> Path:
    """As `run_folder`, or the file of a packed run.

    Raises:
        BenchError: there is none.
    """
    for folder in (results_dir / run, Path(run)):
        if folder.is_dir():
            return folder
    if Path(run).is_file():
        return Path(run)
    there = sorted(path.name for path in results_dir.glob("*") if path.is_dir())
    raise BenchError(f"no run '{run}' in {results_dir}{hint(run, there)}")


@contextmanager
def readable(places: Sequence[Path]) -> Iterator[list[Path]]:
    """Folders of runs that are only read; those of packed runs are there for as long as that takes.

    Raises:
        BenchError: a file is no sound pack.
    """
    from bench.store.packing import unpacked

    with ExitStack() as stack:
        yield [place if place.is_dir() else stack.enter_context(unpacked(place)) for place in places]

"""Which folder a run is in."""

from __future__ import annotations

from pathlib import Path

from bench.ground.errors import BenchError
from bench.ground.names import hint


def run_folder(run: str, results_dir: Path) -> Path:
    """A run's folder by its path, its name, or its preset.

    Raises:
        BenchError: there is none.
    """
    for folder in (results_dir / run, Path(run)):
        if folder.is_dir():
            return folder
    there = sorted(path.name for path in results_dir.glob("*") if path.is_dir())
    raise BenchError(f"no run '{run}' in {results_dir}{hint(run, there)}")

"""Benchmark of knowledge-editing methods on multilingual, sequential edits of language models.

>>> from bench import run, load_results
>>> results = run(preset="smoke", methods="none,memit")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.cli.python import run
    from bench.export.loading import load_edited
    from bench.store.results import load_results

__all__ = ["load_edited", "load_results", "run"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that ``import bench`` is quick."""
    if name == "run":
        from bench.cli.python import run

        return run
    if name == "load_edited":
        from bench.export.loading import load_edited

        return load_edited
    if name == "load_results":
        from bench.store.results import load_results

        return load_results
    raise AttributeError(f"module 'bench' has no attribute '{name}'")

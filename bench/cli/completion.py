"""What the shell completes: names of methods, models, presets and runs. It waits for each, so no torch here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from typer import Context


def methods(incomplete: str) -> list[str]:
    """Names of methods after the last comma, "all" and "modern" among them."""
    from bench.config.registry import methods as registry
    from bench.config.run import GROUPS

    return _listed(incomplete, [*registry().names(), *GROUPS])


def method(incomplete: str) -> list[str]:
    """The name of one method."""
    from bench.config.registry import methods as registry

    return _begun(incomplete, registry().names())


def models(incomplete: str) -> list[str]:
    """Short names of models after the last comma; folders are left to the shell."""
    return _listed(incomplete, _known_models())


def model(incomplete: str) -> list[str]:
    """The short name of one model."""
    return _begun(incomplete, _known_models())


def preset(incomplete: str) -> list[str]:
    """The name of a preset."""
    from bench.config.settings import preset_names

    return _begun(incomplete, preset_names())


def run(context: Context, incomplete: str) -> list[str]:
    """The name of a run in the results folder."""
    folder = Path(context.params.get("results_dir") or "results")
    # the report's folder lies beside the runs, and holds no run.json
    return _begun(incomplete, sorted(path.parent.name for path in folder.glob("*/run.json")))


def _known_models() -> Iterable[str]:
    from bench.model.catalog import known_models

    return known_models()


def _begun(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _listed(incomplete: str, names: Iterable[str]) -> list[str]:
    """Whole lists "a,b" whose last name is completed; one that stands there is not offered again."""
    before, comma, last = incomplete.rpartition(",")
    given = before.split(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(last) and name not in given]

"""Seconds of a fact on machines that `bench cost` has measured, from what it left below a results folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.ground.atomic import read_json
from bench.ground.errors import BenchError

WARM = 2
"""The first step that counts; the one before it warms up."""

Key = tuple[str, str]
"""Model and method."""


def machines_of(results_dir: Path) -> dict[str, dict[Key, float]]:
    """Seconds of a fact by machine; the later folder's where two have measured the same.

    Raises:
        BenchError: a file is not what `bench cost` has written.
    """
    found: dict[str, dict[Key, float]] = {}
    for path in sorted(results_dir.glob("*/cost.json")):
        about = read_json(path)
        try:
            edits = int(about["edits"])
            name = f"{about['machine']}, measured, {edits} fact{'s' * (edits != 1)} a step"
            seconds = _seconds(path.with_name("cost.csv"), edits)
            found.setdefault(name, {}).update({(str(about["model"]), method): each for method, each in seconds.items()})
        except (KeyError, TypeError, ValueError) as error:
            raise BenchError(f"not what `bench cost` has written ({error!r})", file=path) from error
    return found


def _seconds(path: Path, edits: int) -> dict[str, float]:
    """Seconds of a fact by method: extrapolated to the whole model where it was cut, else the mean of its steps."""
    try:
        rows = pd.read_csv(path, dtype={"method": str, "phase": str, "extrapolated": bool})
    except (OSError, ValueError) as error:
        raise BenchError(f"not what `bench cost` has written ({error})", file=path) from error
    rows = rows[rows["phase"] == "total"]
    usual = rows[~rows["extrapolated"] & (rows["edits"] == edits) & (rows["step"] >= WARM)]
    whole = rows[rows["extrapolated"]]
    cut = set(whole["method"])
    chosen = pd.concat([whole, usual[~usual["method"].isin(cut)]])
    each = (chosen["seconds"] / chosen["edits"]).groupby(chosen["method"]).mean()
    return {str(method): float(value) for method, value in each.items()}

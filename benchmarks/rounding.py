"""How far rounding moves the numbers: keys perturbed by a relative 1e-6, the same cells computed again.

Two processors of one kind round differently, and thresholds (an eigenvalue above or below, an entry kept or not, an
argmax) amplify that. What this prints is to stay below `reports.numbers.rounding`::

    python -m benchmarks.rounding --steps 6 --repeats 3
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import torch
from torch import Tensor

from bench.compute.task import Task
from bench.compute.world import make_world
from bench.config.settings import resolve
from bench.ground.errors import BenchError
from bench.ground.progress import Unheard
from bench.plan.planning import plan
from bench.store.results import load_results
from methods._locate.keys import Walk
from reports.numbers.aggregate import panels, summaries
from reports.numbers.measures import CORE, XTREME

METHODS = "memit,rect,alphaedit,langedit,langedit-released"
MEASURES = (*CORE, XTREME)


@contextmanager
def perturbed(noise: float, seed: int) -> Iterator[None]:
    """Keys times (1 + noise x a standard normal draw); as they are where `noise` is 0."""
    draw, walk = torch.Generator().manual_seed(seed), Walk.keys_and_outputs

    def noisy(self: Walk, layer: int, last: int) -> tuple[Tensor, Tensor]:
        keys, outputs = walk(self, layer, last)
        return keys * (1 + noise * torch.randn(keys.shape, generator=draw)), outputs

    with patch.object(Walk, "keys_and_outputs", noisy if noise else walk):
        yield


def numbers(steps: int, noise: float, seed: int, folder: Path) -> pd.Series[float]:
    """(method, measure) -> percent, one seed of the first steps of the preset table1.

    Raises:
        BenchError: a cell failed.
    """
    spec = resolve("table1", None, {"methods": METHODS, "seeds": 1, "steps": steps, "name": f"{noise:g}-{seed}"})
    planned = plan(spec, folder)
    task = Task(planned.store, make_world(planned, "cpu"))
    with perturbed(noise, seed):
        for cell in planned.cells:
            outcome = task(cell, Unheard())
            if outcome is None or outcome.status != "done":
                raise BenchError(f"{cell.label()}: {outcome.reason if outcome else 'computed elsewhere'}")
    panel = panels(load_results(planned.store.root))[0]
    found = {(m, e.title): s.mean for e in MEASURES for m, s in summaries(panel, e).items()}
    return pd.Series(found, dtype=float)


def main() -> None:
    """Print the largest difference of every method and measure, in points."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--noise", type=float, default=1e-6)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        exact = numbers(given.steps, 0.0, 0, Path(folder))
        moved = [numbers(given.steps, given.noise, seed + 1, Path(folder)) - exact for seed in range(given.repeats)]
    sys.stdout.write(pd.DataFrame(moved).abs().max().unstack().round(2).to_markdown() + "\n")


if __name__ == "__main__":
    main()

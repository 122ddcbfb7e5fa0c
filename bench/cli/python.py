"""`bench.run`: the command ``bench run``, called from Python."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.display import DisplayKind, make_display
from bench.compute.session import execute
from bench.compute.where import Where
from bench.config.settings import resolve
from bench.ground.rows import Kept
from bench.plan.planning import RESULTS_DIR, plan
from bench.plan.texts import unsuited
from bench.store.results import Results, load_results

if TYPE_CHECKING:
    from bench.model.placement import DeviceMap


def run(
    *,
    preset: str | None = None,
    config: Path | str | None = None,
    results_dir: Path | str = RESULTS_DIR,
    data_dir: Path | str | None = None,
    cache_dir: Path | str | None = None,
    device: str = "auto",
    device_map: str | DeviceMap | None = None,
    retry_failed: bool = False,
    workers: int | None = None,
    join: bool = False,
    display: DisplayKind = "none",
    trust_remote_code: Iterable[str] = (),
    engine: str = "local",
    address: str | None = None,
    cell_resources: str | None = None,
    answers: Kept = "failed",
    **settings: Any,
) -> Results:
    """Run a grid, or what is missing of it, and return its tables; the same as the command ``bench run``.

    Args:
        preset: where settings start from; ``table1`` by default.
        config: YAML file laid over the preset.
        results_dir: results lie in a folder of it named like the run.
        data_dir: folder of downloaded data.
        cache_dir: statistics and converted models.
        device: "auto", "cpu" or "cuda".
        device_map: spreads models that do not fit one device; "auto", a file, or a `bench.model.placement.DeviceMap`.
        retry_failed: compute failed cells again.
        workers: cells computed at the same time; None: one a core where models are small, or what a cluster holds.
        join: share the work with another process that computes the same run.
        display: how progress is shown.
        trust_remote_code: models of the run whose own code is run.
        engine: "local", or "ray": tasks of a Ray cluster.
        address: of its head; None starts one on this machine, or takes $RAY_ADDRESS.
        cell_resources: what every cell asks it for, such as "num_gpus=0.5,memory=40e9".
        answers: which are kept: "all", "failed" (and a sample of the right ones) or "none".
        **settings: fields of `bench.config.run.RunSpec`: methods, models, seeds, set={"method.memit.layers": [4]}...

    Raises:
        BenchError: bad input. A cell that fails does not raise; its status says so.
    """
    spec = resolve(preset, Path(config) if config else None, settings)
    data_folder, cache = (Path(folder) if folder else None for folder in (data_dir, cache_dir))
    planned = plan(spec, Path(results_dir), data_folder, cache, trust_remote_code)
    for line in unsuited(planned.cells):
        warnings.warn(line, stacklevel=2)
    where = Where(engine, workers, address, cell_resources)
    execute(planned, make_display(display), device, retry_failed, where, join, device_map, answers)
    return load_results(planned.store.root)

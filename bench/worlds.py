"""What the cells of a run share: devices, folders, and libraries that keep quiet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.model.devices import choose_device
from bench.plan import grid
from bench.plan.needs import kept_cells
from bench.spec.registry import methods

if TYPE_CHECKING:
    from bench.driver import World
    from bench.model.placement import DeviceMap
    from bench.plan.planning import Plan


def make_world(planned: Plan, device: str, device_map: DeviceMap | None = None) -> World:
    """What all cells of a run share."""
    from bench.driver import World

    return World(
        methods=planned.methods,
        evaluators=planned.evaluators,
        data_dir=planned.data_dir,
        cache_dir=planned.cache_dir,
        device=device,
        kept=kept_cells(planned.cells),
        trusted=planned.trusted,
        device_map=device_map,
    )


def verifying_world(
    models: Iterable[str], data_dir: Path | None, cache_dir: Path, device: str, trust_remote_code: Iterable[str]
) -> World:
    """Where cells of a run with these models are computed again; every cell names its own evaluators.

    Raises:
        BenchError: no such device, or no such model to trust.
    """
    from bench.driver import World

    return World(
        methods=methods(),
        evaluators=(),
        data_dir=data_dir,
        cache_dir=cache_dir,
        device=choose_device(device),
        trusted=grid.trusted_models(trust_remote_code, models),
    )

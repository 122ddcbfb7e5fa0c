"""What the cells of a run share: devices, folders, and libraries that keep quiet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import grid
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.spec.cell import Cell
from bench.spec.registry import methods
from bench.store.results import PLACE, place

if TYPE_CHECKING:
    from bench.driver import World
    from bench.placement import DeviceMap
    from bench.session import Plan

DEVICES = ("auto", "cpu", "cuda")


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


def kept_cells(cells: Iterable[Cell]) -> frozenset[str]:
    """Cells whose last checkpoints stay, for `bench verify`: of each place in the grid that of the first seed."""
    first: dict[tuple[Any, ...], str] = {}
    for cell in cells:
        where = place(cell)
        first.setdefault(tuple(where[name] for name in PLACE if name != "seed"), cell.id())
    return frozenset(first.values())


def check_device(device: str) -> str:
    """The name of a device, or "auto", as it was given.

    Raises:
        BenchError: it is none.
    """
    if device not in DEVICES:
        raise unknown("device", device, DEVICES)
    return device


def choose_device(device: str) -> str:
    """Turn "auto" into "cuda" where there is one, else "cpu".

    Raises:
        BenchError: no such device.
    """
    import torch

    has_cuda = torch.cuda.is_available()
    if check_device(device) == "cuda" and not has_cuda:
        raise BenchError("device 'cuda' was asked for, but there is none")
    return "cuda" if has_cuda and device != "cpu" else "cpu"


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the bars and notices that transformers and accelerate show when they load a model out of the display."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    spreading = getLogger("accelerate.big_modeling")
    before = spreading.level
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    spreading.setLevel(ERROR)
    try:
        yield
    finally:
        spreading.setLevel(before)
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()

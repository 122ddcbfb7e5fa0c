"""``bench doctor``: what is installed and found here, which presets can run, and what is wrong, with its cure."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bench.cli import options
from bench.cli.echo import duration, echo, echo_table
from bench.config.registry import evaluators, methods
from bench.config.rooms import room
from bench.config.settings import DEFAULT_PRESET, preset_names
from bench.ground import installation
from bench.ground.errors import BenchError, told_in_short

if TYPE_CHECKING:
    from bench.plan.expected import Expected
    from bench.plan.feasible import Feasible, Machine
    from bench.plan.planning import Plan

DRIVER = Path("/proc/driver/nvidia/version")
"""Is there where the driver of an NVIDIA GPU is loaded."""

STEP = 100
"""Facts of a step, in the published seconds."""

SHOWN = 3
"""Names of methods or presets in a line of the page."""

SOURCES = {
    "here": "as finished cells took here",
    "reference": "as on two cores of a server CPU",
    "published": "editing alone, as published for an A100",
}


def doctor_command(
    results_dir: options.ResultsDir = Path("results"),
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
) -> None:
    """Say what is installed and found here, which presets can run and how long, and what is wrong, with its cure.

    Leaves with 1 where something is wrong, or the default preset cannot run.
    """
    # to look at it, nothing is downloaded or asked for
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    problems = [*installation.unmet(), *_broken()] or _unloadable()
    echo_table(("langedit-bench", installation.version_of(installation.DISTRIBUTION) or "?"), _versions())
    if problems:
        echo("devices, data and presets are looked at when that is mended")
        _end(problems)
    folder, wrong = _data_folder(data_dir)
    problems += wrong
    machine, unusable = _machine(results_dir, folder, cache_dir)
    echo_table(("", ""), [*_devices(machine), *_folders(machine)])
    problems += [*unusable, *_device_problems(), *_unwritable(machine)]
    problems += _presets(machine)
    _end(problems)


def _end(problems: Sequence[str]) -> None:
    """What is wrong, and the exit code that says whether anything is."""
    echo()
    echo("\n".join(f"wrong: {line}" for line in problems) or "nothing is wrong")
    raise typer.Exit(1 if problems else 0)


# ---------------------------------------------------------------------------- what is installed
def _versions() -> list[tuple[str, str]]:
    packages = [name for name in installation.PACKAGES if name != installation.DISTRIBUTION]
    found = ", ".join(f"{name} {installation.version_of(name) or 'missing'}" for name in packages)
    extras = installation.extras()
    have, lack = ([name for name, there in extras.items() if there is wanted] for wanted in (True, False))
    told = ", ".join(have) or "none"
    more = f"; not installed: {', '.join(lack)} (pip install 'langedit-bench[{lack[0]}]')" if lack else ""
    return [("Python", platform.python_version()), ("packages", found), ("extras", f"{told}{more}")]


def _broken() -> Iterator[str]:
    """Plug-ins from outside that cannot be used."""
    for registry in (methods(), evaluators()):
        for described in map(registry.describe, registry.names()):
            if described.broken:
                yield f"{described.broken}: mend it, or pip uninstall {described.origin}"


def _unloadable() -> list[str]:
    """That torch is there and cannot be loaded, as where libraries of the system are missing."""
    try:
        import torch  # noqa: F401
    except Exception as error:  # of libraries, any kind
        return [f"torch cannot be loaded ({told_in_short(error)}): pip install --force-reinstall torch"]
    return []


# ---------------------------------------------------------------------------- the machine
def _machine(results_dir: Path, data_dir: Path | None, cache_dir: Path | None) -> tuple[Machine, list[str]]:
    """What presets are held against; and that a GPU is there and cannot be used."""
    from bench.model.devices import choose_device
    from bench.model.sizes import free_bytes
    from bench.plan.feasible import Machine
    from bench.plan.planning import default_cache_dir

    device, wrong = choose_device("auto"), []
    try:
        free = free_bytes(device)
    except RuntimeError as error:
        wrong = [f"the GPU cannot be used ({told_in_short(error)}): see nvidia-smi, or give CUDA_VISIBLE_DEVICES"]
        device, free = "cpu", free_bytes("cpu")
    published = _published() if device == "cuda" else {}
    return Machine(device, free, results_dir, data_dir, cache_dir or default_cache_dir(), published), wrong


def _published() -> dict[tuple[str, str], float]:
    """Seconds of an edit by method and model, as the paper has them."""
    from bench.config.settings import hparams_names

    room("reports")
    from reports.numbers import paper

    tables = {model: paper.costs(model) for model in hparams_names()}
    found = {(method, model): each[0] / STEP for model, rows in tables.items() for method, each in rows.items()}
    return {**found, **{("none", model): 0.0 for _, model in found}}


def _devices(machine: Machine) -> Iterator[tuple[str, str]]:
    import torch

    from bench.model.sizes import free_bytes

    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = f"{_size(free_bytes('cpu'))} of {_size(memory)} of memory free"
    yield "processor", f"{os.cpu_count()} cores, {platform.machine()}, {free}"
    for number in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(number)
        try:
            left, whole = torch.cuda.mem_get_info(number)
        except RuntimeError as error:
            yield f"GPU {number}", f"{name}, cannot be used: {told_in_short(error)}"
        else:
            yield f"GPU {number}", f"{name}, {_size(left)} of {_size(whole)} free"
    if machine.device == "cpu":
        yield "GPU", "none that can be used"


def _device_problems() -> Iterator[str]:
    import torch

    if not DRIVER.exists() or torch.cuda.is_available():
        return
    if torch.version.cuda is None:
        yield f"an NVIDIA GPU is here, and torch {torch.__version__} has no CUDA: install one of https://pytorch.org"
    else:
        yield (
            f"an NVIDIA GPU is here, and torch with CUDA {torch.version.cuda} cannot use it: update the driver, or "
            "install the torch for it from https://pytorch.org"
        )


# ---------------------------------------------------------------------------- folders
def _data_folder(given: Path | None) -> tuple[Path | None, list[str]]:
    from bench.data.datasets import DATA_DIR_VARIABLE, data_folder

    try:
        return data_folder(given), []
    except BenchError as error:
        return None, [f"{error}: make it, or give another with --data-dir or {DATA_DIR_VARIABLE}"]


def _folders(machine: Machine) -> Iterator[tuple[str, str]]:
    from bench.plan.feasible import free_disk

    runs = len(list(machine.results_dir.glob("*/run.json")))
    held = _held(machine.cache_dir)
    yield "results", f"{machine.results_dir}: {runs} runs, {_size(free_disk(machine.results_dir))} free"
    yield "cache", f"{machine.cache_dir}: {_size(held)} in it, {_size(free_disk(machine.cache_dir))} free"
    yield "data", _data(machine.data_dir)


def _held(folder: Path) -> int:
    """Bytes of the files below a folder, as far as they can be seen."""
    held = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # another process may clear up meanwhile
                held += (Path(place) / name).lstat().st_size
    return held


def _data(folder: Path | None) -> str:
    """The data sets that are there, whole or in part."""
    from bench.data.datasets import datasets

    if folder is None:
        return "no folder (--data-dir, BENCH_DATA_DIR): what comes with the package"
    there = []
    for each in datasets().values():
        found = sum((folder / file).is_file() for file in each.files)
        if found:
            there.append(each.name if found == len(each.files) else f"{each.name} ({found} of {len(each.files)} files)")
    there += [name for name in ("xtreme", "xtreme_langedit") if (folder / name).is_dir()]
    return f"{folder}: {', '.join(there) or 'none of the known data sets'}"


def _unwritable(machine: Machine) -> Iterator[str]:
    places = ((machine.results_dir, "--results-dir"), (machine.cache_dir, "--cache-dir or BENCH_CACHE_DIR"))
    for folder, cure in places:
        whole = folder.absolute()
        nearest = next(each for each in (whole, *whole.parents) if os.path.lexists(each))
        if not nearest.is_dir():
            yield f"{folder} cannot be made, for {nearest} is no folder: move that away, or give another with {cure}"
        elif not os.access(nearest, os.W_OK | os.X_OK):
            yield f"{folder} cannot be written: give another with {cure}"


# ---------------------------------------------------------------------------- presets
def _presets(machine: Machine) -> list[str]:
    """Show what can run; what keeps the default preset from it, and what stopped the look at all of them."""
    from bench.plan.feasible import feasible

    try:
        found = feasible(preset_names(), machine)
    except Exception as error:  # whatever is wrong with one, the rest of the page is worth having
        return [f"presets cannot be looked at: {told_in_short(error)}"]
    able = [each for each in found if not each.obstacles]
    echo()
    rows = [_row(each.preset, each.plan, each.memory, each.expected, machine) for each in able if each.plan]
    echo_table(("can run here", "cells", "memory", "time, about"), rows)
    if obstacles := dict.fromkeys(line for each in found for line in each.obstacles):
        stopped = [_some([each.preset for each in found if line in each.obstacles]) for line in obstacles]
        echo()
        echo_table(("cannot run here", "why, and what helps"), list(zip(stopped, obstacles, strict=True)))
    return [f"{each.preset} cannot run: {each.obstacles[0]}" for each in found if _is_wrong(each)]


def _is_wrong(each: Feasible) -> bool:
    return each.preset == DEFAULT_PRESET and bool(each.obstacles)


def _row(preset: str, plan: Plan, memory: int | None, known: Expected | None, machine: Machine) -> tuple[object, ...]:
    """What a preset takes; its cells as many side by side as would run here."""
    from bench.compute.where import default_workers

    count = len(plan.cells)
    time = _time(known, min(default_workers(plan, machine.device), count))
    return preset, count, "unknown" if memory is None else _size(memory), time


def _time(known: Expected | None, side_by_side: int) -> str:
    if known is None or not known.sources:
        return "unknown before one cell of every method is done"
    how = " and ".join(SOURCES[source] for source in known.sources)
    time = f"{duration(known.seconds / side_by_side)}, {how}"
    return f"more than {time}, without {_some(known.unknown)}" if known.unknown else time


def _some(names: Sequence[str]) -> str:
    """The first names, and how many there are besides."""
    rest = len(names) - SHOWN
    return f"{', '.join(names[:SHOWN])} and {rest} more" if rest > 0 else ", ".join(names)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB"

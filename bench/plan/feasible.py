"""Which presets can run on this machine: what each lacks, and what it takes of memory, disk and time.

Nothing is downloaded, hashed or loaded: models and data are looked for where a run would find them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.api import DataReading
from bench.config.cell import Cell
from bench.config.registry import evaluators
from bench.config.run import RunSpec
from bench.config.several import resolve_all
from bench.data import corpora, datasets
from bench.ground.errors import BenchError
from bench.model import catalog, gguf
from bench.plan.expected import Expected, expected
from bench.plan.needs import Needs
from bench.plan.planning import Plan
from bench.plan.texts import is_embedded, text_for
from bench.plan.together import Scored, merged, sketch_all
from bench.store.estimate import Key, Pace, paces


@dataclass(frozen=True, slots=True)
class Feasible:
    """What a preset takes here.

    Attributes:
        preset: its name.
        obstacles: why it cannot run here, each with its cure; none where it can.
        plan: its cells, known by names alone; None of a preset that is not sound.
        memory: bytes of its largest cell at the predicted peak; None where a model's size is not known.
        expected: how long its cells take, one after the other; None as of `plan`.
    """

    preset: str
    obstacles: tuple[str, ...]
    plan: Plan | None = None
    memory: int | None = None
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What presets are held against.

    Attributes:
        device: "cpu" or "cuda".
        free: bytes of memory that can be had there.
        results_dir: folder of all runs, which need not be there.
        data_dir: folder of downloaded data, if any.
        cache_dir: statistics and converted models.
        published: seconds of an edit by method and model that were published for a machine of this kind.
    """

    device: str
    free: int
    results_dir: Path
    data_dir: Path | None
    cache_dir: Path
    published: Mapping[Key, float] = field(default_factory=dict)


def feasible(presets: Sequence[str], machine: Machine) -> list[Feasible]:
    """Look at presets; each model, data set and text is looked for once."""
    finding, known, found = _Finding(machine), paces(machine.results_dir), []
    for preset in presets:
        try:
            found.append(_feasible(preset, machine, finding, known))
        except BenchError as error:
            found.append(Feasible(preset, (str(error),)))
    return found


def _feasible(preset: str, machine: Machine, finding: _Finding, known: Mapping[Key, Pace]) -> Feasible:
    several = resolve_all(preset, None, {})
    plans = sketch_all(several, machine.results_dir, machine.cache_dir)
    plan = plans[0] if several.is_one else merged(plans)
    needs = Needs(plan, machine.device)
    found = [needs.memory(cell) for cell in plan.cells]
    sizes = [each for each in found if each is not None]
    memory = max(sizes) if len(sizes) == len(found) else None
    missing = (line for each in plans for line in finding.missing(each.spec, each.evaluators))
    obstacles = [*_room(memory, needs, plan.cells, machine), *missing]
    time = expected(plan.cells, plan.evaluators, known, machine.published)
    return Feasible(preset, tuple(dict.fromkeys(obstacles)), plan, memory, time)


def _room(memory: int | None, needs: Needs, cells: Sequence[Cell], machine: Machine) -> Iterator[str]:
    """Too little memory or disk."""
    free = machine.free
    where = "on the GPU" if machine.device == "cuda" else "in main memory"
    if memory is not None and memory > free:
        spread = "spread it by --device-map auto, or " if machine.device == "cuda" else ""
        yield f"needs {_gigabytes(memory)} {where}, {_gigabytes(free)} are free: {spread}take a larger machine"
    # the largest cell while it is computed, and what stays of the others
    kept, most = needs.kept(), [needs.disk(cell) or 0 for cell in cells]
    disk, room = (kept or 0) + max(most), free_disk(machine.results_dir)
    if disk > room:
        lacks = f"{_gigabytes(room)} are free in {machine.results_dir}"
        yield f"needs {_gigabytes(disk)} of disk for checkpoints, {lacks}: make room, or give --results-dir"


def free_disk(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    whole = folder.absolute()
    for each in (whole, *whole.parents):
        with suppress(OSError):  # it is not there, or nobody may look
            return shutil.disk_usage(each).free
    return 0


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


class _Finding:
    """Looks for what runs need, for each thing once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._seen: dict[object, str] = {}

    def missing(self, spec: RunSpec, scored: Scored) -> Iterator[str]:
        """What a run needs and is not here, each with its cure."""
        for part in spec.grids():
            for name in part.datasets:
                yield from self._once(("data", name), partial(self._data, name))
            for model in part.models:
                yield from self._once(("model", model), partial(self._model, model))
                corpus = text_for(part, model)[0]
                yield from self._once(("text", corpus), partial(self._text, corpus))
                for name, options in scored:
                    # of an embedded model they ask what comes with the package
                    if not is_embedded(model):
                        look = partial(self._questions, name, options, model)
                        yield from self._once(("asked", name, model, repr(options)), look)

    def _once(self, key: object, look: Callable[[], str]) -> Iterator[str]:
        if key not in self._seen:
            try:
                self._seen[key] = look()
            except BenchError as error:
                self._seen[key] = str(error)
        if line := self._seen[key]:
            yield line

    def _model(self, name: str) -> str:
        entry = catalog.resolve(name)
        if entry.source == "package":
            gguf.gguf_of(entry.name, entry.location, entry.pieces)
            return "" if find_spec("gguf") else f"{name} is converted by a package: pip install 'langedit-bench[gguf]'"
        place = catalog.fetch(entry, self._machine.cache_dir)
        if not isinstance(place, Path):
            return f"{name} is not downloaded: hf download {entry.location}"
        if entry.source == "embedded" and not list(place.glob("*.safetensors")):
            return f"{name} does not lie in this package: install it whole, or `make classifiers` in a checkout"
        return ""

    def _data(self, name: str) -> str:
        known, folder = datasets.dataset(name), self._machine.data_dir
        gone = [file for file in known.files if folder is None or not (folder / file).is_file()]
        if not gone:
            return ""
        cure = f"bench data fetch {name} --data-dir DATA" if known.hub else f"place it there, from {known.source}"
        where = (
            "there is no data folder (--data-dir, BENCH_DATA_DIR)" if folder is None else f"{folder} lacks {gone[0]}"
        )
        return f"data set {name}: {where}: {cure}"

    def _text(self, name: str) -> str:
        # one of the hub is read as it comes, an embedded one is there
        if not corpora.is_atlas(name) and name != corpora.CLAIMS and not name.startswith(corpora.HUB):
            corpora.fingerprint(name, self._machine.data_dir)
        return ""

    def _questions(self, name: str, options: Mapping[str, Any], model: str) -> str:
        built = evaluators().build(name, options)
        if isinstance(built, DataReading):
            built.fingerprint(model, self._machine.data_dir)
        return ""

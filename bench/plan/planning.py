"""A run, planned: its cells, where they lie and what scores them, resolved and checked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.cell import Cell
from bench.config.registry import Registry, evaluators, methods
from bench.config.run import RunSpec
from bench.config.settings import overrides
from bench.data import datasets
from bench.ground.names import unknown
from bench.plan import grid
from bench.store.outcomes import Outcome, existing, is_pending
from bench.store.records import check_version
from bench.store.shards import ResultStore

CACHE_VARIABLE = "BENCH_CACHE_DIR"


RESULTS_DIR = Path("results")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do; nothing is computed or written yet.

    Attributes:
        spec: the grid.
        cells: its cells.
        store: the run's folder.
        methods: where methods are found.
        evaluators: names and options, resolved.
        data_dir: folder of downloaded data, or None.
        cache_dir: statistics and converted models.
        trusted: models whose own code is run.
    """

    spec: RunSpec
    cells: list[Cell]
    store: ResultStore
    methods: Registry
    evaluators: tuple[tuple[str, dict[str, Any]], ...]
    data_dir: Path | None
    cache_dir: Path
    trusted: tuple[str, ...] = ()

    def outcomes(self) -> list[Outcome]:
        """How every cell stands."""
        return [existing(cell, self.store, self.evaluators) for cell in self.cells]


def default_cache_dir() -> Path:
    """$BENCH_CACHE_DIR, else the user's cache folder."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "langedit-bench"


def plan(
    spec: RunSpec,
    results_dir: Path,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
    trust_remote_code: Iterable[str] = (),
) -> Plan:
    """Resolve and check a run.

    Args:
        spec: the grid.
        results_dir: folder of all runs.
        data_dir: folder of downloaded data.
        cache_dir: statistics and converted models.
        trust_remote_code: models of the run whose own code is run.

    Raises:
        BenchError: unknown names, invalid settings, malformed or missing data, a results folder of another version.
    """
    registry = methods()
    store = ResultStore(results_dir / spec.name)
    check_schema(store)
    cache = cache_dir or default_cache_dir()
    scored_with = evaluator_options(spec, evaluators())
    trusted = grid.trusted_models(trust_remote_code, (model for part in spec.grids() for model in part.models))
    cells = grid.cells(spec, registry, data_dir, cache, trusted)
    cells = grid.judged(cells, scored_with, evaluators(), data_dir)
    planned = Plan(spec, cells, store, registry, scored_with, data_dir, cache, trusted)
    _check_data(planned)
    return planned


def evaluator_options(spec: RunSpec, registry: Registry) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Names and resolved options of a run's evaluators; `eval_limit` is the option ``limit`` of those that have it.

    Raises:
        BenchError: unknown evaluator, or an unknown or invalid option.
    """
    settings, found = overrides(spec.set, registry), []
    for name in spec.evaluators:
        if name not in registry.names():
            raise unknown("evaluator", name, registry.names())
        limit = {"limit": spec.eval_limit} if "limit" in registry.options(name) else {}
        config = registry.config(name, {**limit, **settings.get(name, {})})
        found.append((name, config.model_dump(mode="json")))
    return tuple(found)


def check_schema(store: ResultStore) -> None:
    """Refuse a run folder that another schema version has written.

    Raises:
        BenchError: naming the first such file.
    """
    for path in [store.root / "run.json", *sorted(store.root.glob("*/cell.json"))]:
        if path.exists():
            check_version(path)


def _check_data(planned: Plan) -> None:
    """Load every data set that is still needed, so that malformed records show before anything is computed."""
    needed = [o.cell for o in reversed(planned.outcomes()) if is_pending(o, retry_failed=True)]
    firsts: Mapping[str, Cell] = {cell.data.name: cell for cell in needed}
    for name, cell in firsts.items():
        datasets.load(name, datasets.request_of(cell, planned.data_dir))

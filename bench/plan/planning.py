"""A `RunSpec` -> a `Plan`: its cells, hyperparameters resolved and checked. Nothing is run here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from bench.config.cell import Cell, MethodSpec, Schedule
from bench.config.registry import Registry, evaluators, methods
from bench.config.run import RunSpec
from bench.config.settings import hparams_names, hparams_place, hyperparameters, overrides
from bench.config.variants import base_of, settings_of
from bench.data import stream
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.plan import contents
from bench.plan.contents import Contents
from bench.plan.texts import text_for
from bench.store.outcomes import Outcome, existing, is_pending
from bench.store.records import check_version
from bench.store.shards import ResultStore

CACHE_VARIABLE = "BENCH_CACHE_DIR"

RESULTS_DIR = Path("results")


@dataclass(frozen=True, slots=True)
class Grid:
    """A run that is one of several, see `bench.config.several`.

    Attributes:
        of: the name of all.
        name: its own there.
        number: its place in the order of work, from 1.
    """

    of: str
    name: str
    number: int


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
        grid: which of several it is.
    """

    spec: RunSpec
    cells: list[Cell]
    store: ResultStore
    methods: Registry
    evaluators: tuple[tuple[str, dict[str, Any]], ...]
    data_dir: Path | None
    cache_dir: Path
    trusted: tuple[str, ...] = ()
    grid: Grid | None = None

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
    known: Contents | None = None,
) -> Plan:
    """Resolve and check a run.

    Args:
        spec: the grid.
        results_dir: folder of all runs.
        data_dir: folder of downloaded data.
        cache_dir: statistics and converted models.
        trust_remote_code: models of the run whose own code is run.
        known: what names stand for, where other runs have asked for it, too.

    Raises:
        BenchError: unknown names, invalid settings, malformed or missing data, a results folder of another version.
    """
    registry = methods()
    store = ResultStore(results_dir / spec.name)
    check_schema(store)
    cache = cache_dir or default_cache_dir()
    scored_with = evaluator_options(spec, evaluators())
    trusted = contents.trusted_models(trust_remote_code, (model for part in spec.grids() for model in part.models))
    found = cells(spec, registry, data_dir, cache, known or Contents.found(data_dir, cache, trusted))
    found = contents.judged(found, scored_with, evaluators(), data_dir)
    planned = Plan(spec, found, store, registry, scored_with, data_dir, cache, trusted)
    _check_data(planned)
    return planned


def sketch(spec: RunSpec, results_dir: Path, cache_dir: Path | None = None) -> Plan:
    """A run by names alone, of models and data that need not be there; its cells' ids are not those of a run.

    Raises:
        BenchError: unknown names, or invalid settings.
    """
    registry, cache = methods(), cache_dir or default_cache_dir()
    scored_with = evaluator_options(spec, evaluators())
    found = cells(spec, registry, None, cache, Contents.by_name())
    return Plan(spec, found, ResultStore(results_dir / spec.name), registry, scored_with, None, cache)


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


def cells(
    spec: RunSpec, methods: Registry, data_dir: Path | None, cache_dir: Path, known: Contents | None = None
) -> list[Cell]:
    """All cells of a run, the methods of one seed together, so that tables fill evenly.

    None is there twice: what has two names, as a model that lies in two folders, goes by the first.

    Args:
        spec: the grid.
        methods: where methods are found.
        data_dir: folder of downloaded data.
        cache_dir: folder of converted models.
        known: what names stand for; None looks.

    Raises:
        BenchError: unknown method, option, model, data set or language, or a missing data folder.
    """
    from bench.model import catalog

    encoders = {
        name: catalog.check_family(name, cache_dir)
        for name in dict.fromkeys(model for part in spec.grids() for model in part.models)
    }
    for part in spec.grids():
        for model in part.models:
            if encoders[model]:
                methods.check_encoder(part.methods, model)
    known = known or Contents.found(data_dir, cache_dir)
    found = [cell for part in spec.grids() for cell in _cells(part, methods, known)]
    by_id: dict[str, Cell] = {}
    for cell in found:
        by_id.setdefault(cell.id(), cell)
    return list(by_id.values())


def _cells(spec: RunSpec, methods: Registry, known: Contents) -> list[Cell]:
    for name in spec.methods:
        if base_of(name) not in methods.names():
            raise unknown("method", base_of(name), methods.names())
    facts = {name: known.data(name, spec.languages) for name in spec.datasets}
    specs = {name: method_specs(spec, name, methods) for name in spec.models}
    refs = {name: known.model(name, spec.dtype, spec.chat_template) for name in spec.models}
    seeds = range(spec.first_seed, spec.first_seed + spec.seeds)
    schedules = [schedule(spec, order, edited) for order in spec.orders for edited in spec.groups()]
    texts = {name: text_for(spec, name) for name in spec.models}
    grid = product(spec.models, spec.datasets, schedules, seeds)
    return [
        Cell(
            method=method,
            model=refs[model],
            data=facts[dataset],
            schedule=arriving,
            corpus=texts[model][0],
            corpus_fingerprint=known.text(texts[model][0]) if method.statistics else "",
            token_budget=texts[model][1],
            seed=seed,
        )
        for model, dataset, arriving, seed in grid
        for method in specs[model]
    ]


def schedule(spec: RunSpec, order: str, edited: tuple[str, ...]) -> Schedule:
    """The part of a run that says how facts arrive.

    Raises:
        BenchError: a language is to be edited that is not among the run's, or independent edits several times.
    """
    for language in edited:
        if language not in spec.languages:
            raise unknown("edited language", language, spec.languages)
    if spec.independent and spec.passes > 1:
        raise BenchError(f"independent edits know nothing of each other, so there are no {spec.passes} passes of them")
    shared = spec.model_dump(include=set(Schedule.model_fields) - {"order", "edited"})
    return Schedule.model_validate({**shared, "order": order, "edited": edited})


def method_specs(spec: RunSpec, model: str, methods: Registry) -> list[MethodSpec]:
    """The methods of a run with their options for one model: hyperparameter file < settings.

    Raises:
        BenchError: an unknown, missing or invalid option.
    """
    if spec.hparams and not (spec.hparams.endswith((".yaml", ".yml")) or spec.hparams in hparams_names()):
        raise unknown("hyperparameters", spec.hparams, hparams_names())
    source = spec.hparams or _short_name(model)
    family, place = hyperparameters(source, methods), hparams_place(source)
    settings = overrides(spec.set, methods)
    found = []
    for name in spec.methods:
        base = base_of(name)
        relative = getattr(methods.module(name), "HPARAMS", base)
        given = family.get(base, family.get(relative, {}))
        methods.check(base, given, place)
        own = overrides({f"method.{base}.{option}": value for option, value in settings_of(name).items()}, methods)
        options = {**given, **settings.get(base, {}), **own.get(base, {})}
        found.append(_method_spec(name, options, methods, model, place if spec.hparams else None))
    return found


def _method_spec(name: str, options: Mapping[str, Any], methods: Registry, model: str, file: str | None) -> MethodSpec:
    fields = methods.options(name)
    missing = [option for option, field in fields.items() if field.is_required() and option not in options]
    if missing:
        raise BenchError(
            f"method '{name}' needs the option '{missing[0]}', and there is none for model '{model}'; "
            f"give --set method.{name}.{missing[0]}=..., or --hparams with a YAML file or one of: "
            f"{', '.join(hparams_names())}",
            file=file,
        )
    config = methods.config(name, options)
    resolved = config.model_dump(mode="json")
    reads = methods.reads_statistics(name, resolved)
    return MethodSpec(name=name, options=resolved, source=methods.source(name, resolved), statistics=reads)


def _short_name(model: str) -> str:
    """The name that hyperparameters are kept under: a hub id that has a short name goes by it."""
    from bench.model import catalog

    location = catalog.resolve(model).location
    short = [name for name, entry in catalog.known_models().items() if location and entry.location == location]
    return short[0] if short else model


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
        loaded = stream.load(name, stream.request_of(cell, planned.data_dir))
        stream.EditStream.build(cell.schedule, loaded.facts, cell.seed_for("order"), loaded.true)

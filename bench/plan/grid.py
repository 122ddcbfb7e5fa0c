"""A `RunSpec` -> its cells, hyperparameters resolved and checked. Nothing is run here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from bench.api import DataReading
from bench.config.cell import Cell, DataRef, Dtype, MethodSpec, ModelRef, Schedule
from bench.config.registry import Registry
from bench.config.run import RunSpec
from bench.config.settings import hparams_names, hparams_place, hyperparameters, overrides
from bench.ground.errors import BenchError
from bench.ground.home import without_home
from bench.ground.names import unknown


def cells(
    spec: RunSpec, methods: Registry, data_dir: Path | None, cache_dir: Path, trusted: Collection[str] = ()
) -> list[Cell]:
    """All cells of a run, the methods of one seed together, so that tables fill evenly.

    None is there twice: what has two names, as a model that lies in two folders, goes by the first.

    Args:
        spec: the grid.
        methods: where methods are found.
        data_dir: folder of downloaded data.
        cache_dir: folder of converted models.
        trusted: models whose own code is run; its text is part of their fingerprints.

    Raises:
        BenchError: unknown method, option, model, data set or language, or a missing data folder.
    """
    from bench.data import corpora, datasets

    # fields that these depend on are the same in all parts, and large models take long to hash
    contents = _Contents(
        cache(lambda name: _model_ref(name, spec.dtype, cache_dir, name in trusted)),
        cache(lambda name: _data_ref(name, spec.languages, data_dir)),
        cache(lambda name: corpora.fingerprint(name, datasets.data_folder(data_dir))),
    )
    found = [cell for part in spec.grids() for cell in _cells(part, methods, contents)]
    by_id: dict[str, Cell] = {}
    for cell in found:
        by_id.setdefault(cell.id(), cell)
    return list(by_id.values())


@dataclass(frozen=True, slots=True)
class _Contents:
    """What names stand for; each is looked at once."""

    model: Callable[[str], ModelRef]
    data: Callable[[str], DataRef]
    text: Callable[[str], str]


def _cells(spec: RunSpec, methods: Registry, contents: _Contents) -> list[Cell]:
    from bench.model import catalog

    for name in spec.methods:
        if name not in methods.names():
            raise unknown("method", name, methods.names())
    facts = {name: contents.data(name) for name in spec.datasets}
    for name in spec.models:
        catalog.resolve(name)
    specs = {name: method_specs(spec, name, methods) for name in spec.models}
    refs = {name: contents.model(name) for name in spec.models}
    seeds = range(spec.first_seed, spec.first_seed + spec.seeds)
    schedules = [schedule(spec, order, edited) for order in spec.orders for edited in spec.groups()]
    grid = product(spec.models, spec.datasets, schedules, seeds)
    return [
        Cell(
            method=method,
            model=refs[model],
            data=facts[dataset],
            schedule=arriving,
            corpus=spec.corpus,
            corpus_fingerprint=contents.text(spec.corpus) if method.statistics else "",
            token_budget=spec.token_budget,
            seed=seed,
        )
        for model, dataset, arriving, seed in grid
        for method in specs[model]
    ]


def as_now(
    cell: Cell, methods: Registry, data_dir: Path | None, cache_dir: Path, trusted: Collection[str] = ()
) -> Cell:
    """A cell with its model, facts, text and method as they are found now: another id where one of them has changed.

    Raises:
        BenchError: one of them is not there any more.
    """
    from bench.data import corpora, datasets

    method = cell.method.model_copy(update={"source": methods.source(cell.method.name, cell.method.options)})
    text = corpora.fingerprint(cell.corpus, datasets.data_folder(data_dir)) if method.statistics else ""
    found = {
        "method": method,
        "model": _model_ref(cell.model.name, cell.model.dtype, cache_dir, cell.model.name in trusted),
        "data": _data_ref(cell.data.name, cell.schedule.languages, data_dir),
        "corpus_fingerprint": text,
    }
    return cell.model_copy(update=found)


def trusted_models(names: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Models of a run, by name, whose own code the user wants to be run.

    Args:
        names: each may be several, as "a,b".
        known: the run's models.

    Raises:
        BenchError: the run has no such model.
    """
    known = list(dict.fromkeys(known))
    given = [names] if isinstance(names, str) else names
    found = [without_home(name.strip()) for each in given for name in each.split(",") if name.strip()]
    for name in found:
        if name not in known:
            raise unknown("model of this run", name, known)
    return tuple(dict.fromkeys(found))


def judged(
    cells: Sequence[Cell],
    evaluators: Sequence[tuple[str, Mapping[str, Any]]],
    registry: Registry,
    data_dir: Path | None,
) -> list[Cell]:
    """The cells, with hashes of what the evaluators ask: the items, and the text of outside evaluators.

    Raises:
        BenchError: an evaluator's data is missing.
    """
    from bench.data import datasets

    folder, built = (
        datasets.data_folder(data_dir),
        {name: registry.build(name, options) for name, options in evaluators},
    )

    def asked(model: str) -> dict[str, str]:
        items = {name: each.fingerprint(model, folder) for name, each in built.items() if isinstance(each, DataReading)}
        texts = {name: registry.source(name, options) for name, options in evaluators}
        return {name: found for name in built if (found := f"{items.get(name, '')}{texts[name]}")}

    by_model = {model: asked(model) for model in dict.fromkeys(cell.model.name for cell in cells)}
    return [cell.model_copy(update={"asked": by_model[cell.model.name]}) for cell in cells]


def schedule(spec: RunSpec, order: str, edited: tuple[str, ...]) -> Schedule:
    """The part of a run that says how facts arrive.

    Raises:
        BenchError: a language is to be edited that is not among the run's.
    """
    for language in edited:
        if language not in spec.languages:
            raise unknown("edited language", language, spec.languages)
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
        relative = getattr(methods.module(name), "HPARAMS", name)
        given = family.get(name, family.get(relative, {}))
        methods.check(name, given, place)
        options = {**given, **settings.get(name, {})}
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


def _model_ref(name: str, dtype: Dtype, cache_dir: Path, trusted: bool) -> ModelRef:
    from bench.model import catalog

    code = catalog.code_digest(name, cache_dir) if trusted else ""
    weights = catalog.fingerprint(name, cache_dir)
    return ModelRef(name=name, dtype=dtype, fingerprint=f"{weights}+{code}" if code else weights)


def _data_ref(name: str, languages: tuple[str, ...], data_dir: Path | None) -> DataRef:
    from bench.data import datasets

    known = datasets.dataset(name).languages
    for language in languages:
        if language not in known:
            raise unknown(f"language of data set '{name}':", language, known)
    return DataRef(name=name, fingerprint=datasets.fingerprint(name, data_dir), reader=datasets.reader(name))

"""Several runs as one: a preset's ``grids:`` names them, each by the fields in which it differs from what stands above.

.. code-block:: yaml

    methods: all
    models: [llama3-8b]
    grids:
      table1-mzsre: {datasets: [mzsre], edits_per_language: 400}
      table1-bzsre: {datasets: [bzsre], languages: [en, zh], edits_per_language: 800}

They are run in this order. Each has a folder of its own, PRESET.GRID, as the same method may stand in the same place of
two tables and differ in what no table tells apart (parallel facts, sizes); cells that they share are computed once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.run import RunSpec
from bench.config.settings import (
    DEFAULT_PRESET,
    GRIDS,
    SAME_TABLE,
    changed_name,
    checked,
    laid_over,
    preset_mapping,
    read_yaml,
    resolve,
)
from bench.ground.errors import BenchError
from bench.ground.names import unknown

Layer = Mapping[str, Any]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Several:
    """Runs that are planned and computed together.

    Attributes:
        name: of all; each run's is "NAME.GRID", or this one where there is but one.
        runs: by name of the grid, in order of work; the name is "" where there is but one.
    """

    name: str
    runs: Mapping[str, RunSpec]

    @property
    def is_one(self) -> bool:
        """Whether it is a run like any other."""
        return "" in self.runs


@dataclass(frozen=True, slots=True)
class _Split:
    """A preset or a configuration file: what all runs share, and the grids."""

    place: object
    shared: dict[str, Any]
    grids: dict[str, dict[str, Any]]


def resolve_all(preset: str | None, config: Path | None, flags: Layer) -> Several:
    """As `bench.config.settings.resolve`, for presets of one run and of several.

    A configuration file may change what all runs share, and in `grids` of its own any of the preset's. A flag holds for
    all; one that a grid has a value of its own for is refused, as it would make all grids alike.

    Raises:
        BenchError: unknown preset, unknown or invalid setting, or a grid that the preset does not have.
    """
    preset = preset or DEFAULT_PRESET
    base = _split(preset_mapping(preset), f"preset {preset}")
    file = _split(read_yaml(config), config) if config else _Split(None, {}, {})
    if not base.grids and not file.grids:
        spec = resolve(preset, config, flags)
        return Several(spec.name, {"": spec})
    given = checked({key: value for key, value in flags.items() if value is not None}, None)
    if strange := sorted(set(file.grids) - set(base.grids)):
        raise unknown("grid", strange[0], base.grids, file=file.place)
    _check_flags(given, {name: {**grid, **file.grids.get(name, {})} for name, grid in base.grids.items()})
    plain = {name: laid_over(base.shared, [grid]) for name, grid in base.grids.items()}
    over = {name: (file.shared, grid, file.grids.get(name, {}), given) for name, grid in base.grids.items()}
    runs = {name: laid_over(base.shared, layers) for name, layers in over.items()}
    named = given.get("name", file.shared.get("name"))
    whole = named or _name(preset, plain, runs)
    renamed = {name: _renamed(spec, f"{whole}.{name}") for name, spec in runs.items()}
    return Several(whole, renamed)


def _split(mapping: Layer, place: object) -> _Split:
    """Check a file.

    Raises:
        BenchError: an unknown or invalid setting, in the grid it stands in.
    """
    shared = checked({key: value for key, value in mapping.items() if key != GRIDS}, place)
    grids = mapping.get(GRIDS, {})
    if not isinstance(grids, Mapping) or (GRIDS in mapping and not grids):
        raise BenchError("must map names of grids to the settings that they do not share", file=place, field=GRIDS)
    found = {}
    for name, grid in grids.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BenchError(
                f"'{name}' is no name of a grid: small letters, digits, '-' and '_'", file=place, field=GRIDS
            )
        where = f"{place}, grid {name}"
        if not isinstance(grid, Mapping) or not all(isinstance(key, str) for key in grid):
            raise BenchError("must hold a mapping of names to values", file=where)
        if "name" in grid:
            raise BenchError(f"a run is named by its grid, '{name}'", file=where, field="name")
        found[name] = checked(grid, where)
    return _Split(place, shared, found)


def _check_flags(given: Layer, grids: Mapping[str, Layer]) -> None:
    """Refuse flags that would make grids alike.

    Raises:
        BenchError: a grid has a value of its own.
    """
    for key in given:
        own = [name for name, grid in grids.items() if key in grid and key != "set"]
        if own:
            raise BenchError(
                f"'{key}' is what {_listed(own)} differ{'s' * (len(own) == 1)} in from the other grids; set it for "
                f"each in a file: --config FILE with {GRIDS}: {{{own[0]}: {{{key}: ...}}}}"
            )


def _listed(names: Iterable[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _name(preset: str, plain: Mapping[str, RunSpec], runs: Mapping[str, RunSpec]) -> str:
    """That of the preset, or one of its own where anything but methods and seeds departs from it."""
    before, now = (
        {name: spec.model_dump(mode="json", exclude=set(SAME_TABLE)) for name, spec in each.items()}
        for each in (plain, runs)
    )
    return preset if before == now else changed_name(preset, now)


def _renamed(spec: RunSpec, name: str) -> RunSpec:
    return RunSpec.model_validate({**spec.model_dump(), "name": name})

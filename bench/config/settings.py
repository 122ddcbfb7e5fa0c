"""Where a run's settings come from: preset < config file < flags; and hyperparameters by model.

Nothing here computes. Every layer is checked on its own, so that an error names the file it stands in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.config.registry import Registry, validation_message
from bench.config.run import RunSpec
from bench.config.variants import parse_value
from bench.ground.errors import BenchError
from bench.ground.names import hint, unknown
from bench.ground.parsing import parse_yaml, read_text

DEFAULT_PRESET = "table1"
PLUGINS = ("method", "evaluator")
GRIDS = "grids"
"""Key of a preset or a configuration file that lists several runs, see `bench.config.several`."""
SAME_TABLE = ("name", "methods", "seeds", "first_seed")
"""Fields that may differ between runs whose cells belong in one table."""


def preset_names() -> list[str]:
    """Names of the presets that come with the package."""
    return _stems("presets")


def hparams_names() -> list[str]:
    """Models that hyperparameters come with the package for."""
    return _stems("hparams")


def preset_text(name: str) -> str:
    """A preset as it is written, comments included.

    Raises:
        BenchError: no such preset.
    """
    if name not in preset_names():
        raise unknown("preset", name, preset_names())
    return read_text(_folder("presets") / f"{name}.yaml")


def preset_mapping(name: str) -> dict[str, Any]:
    """A preset as it is written, unchecked.

    Raises:
        BenchError: no such preset.
    """
    return _mapping(preset_text(name), f"preset {name}")


def resolve(preset: str | None, config: Path | None, flags: Mapping[str, Any]) -> RunSpec:
    """Lay preset, config file and flags over each other.

    Where anything but methods and seeds departs from the preset and no name is given, the run gets a name of
    its own, so that no folder mixes cells of different settings.

    Args:
        preset: name of a preset; None means `DEFAULT_PRESET`.
        config: YAML file with fields of `RunSpec`, if any.
        flags: fields of `RunSpec`; None stands for a flag that was not given.

    Raises:
        BenchError: unknown preset, unknown or invalid setting.
    """
    preset = preset or DEFAULT_PRESET
    base = {"name": preset, **checked(preset_mapping(preset), f"preset {preset}")}
    given = {key: value for key, value in flags.items() if value is not None}
    over = [checked(read_yaml(config), config)] if config else []
    over.append(checked(given, None))
    spec = laid_over(base, over)
    if any("name" in layer for layer in over):
        return spec
    return spec.model_copy(update={"name": _run_name(preset, RunSpec.model_validate(base), spec)})


def laid_over(base: Mapping[str, Any], layers: Iterable[Mapping[str, Any]]) -> RunSpec:
    """A run by the fields of checked layers, the later ones on top; single settings add up."""
    merged = dict(base)
    for layer in layers:
        settings = {**merged.get("set", {}), **layer.get("set", {})}
        merged = {**merged, **layer, "set": settings}
    return RunSpec.model_validate(merged)


def assignments(texts: list[str]) -> dict[str, Any]:
    """Parse ``--set`` arguments into fields of `RunSpec`.

    "token_budget=50000" is such a field, "method.memit.layers=4,5,6" goes into the field `set`.

    Raises:
        BenchError: no "=" in it.
    """
    fields: dict[str, Any] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not key:
            raise BenchError(f"--set takes KEY=VALUE, not '{text}'")
        if key == "set":
            raise BenchError("--set sets one option: method.NAME.OPTION=VALUE or evaluator.NAME.OPTION=VALUE")
        place = fields.setdefault("set", {}) if "." in key else fields
        place[key] = parse_value(value)
    return fields


def overrides(settings: Mapping[str, Any], registry: Registry) -> dict[str, dict[str, Any]]:
    """Sort "method.NAME.OPTION" settings, or those of evaluators, by name; those of the other kind are left out.

    A single value for a list option becomes a list of one.

    Raises:
        BenchError: the key does not have this form, or names an unknown plug-in or option.
    """
    sorted_: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        prefix, _, rest = key.partition(".")
        name, _, option = rest.partition(".")
        if prefix not in PLUGINS or not name or not option:
            raise BenchError(f"unknown setting '{key}'; options are set as method.NAME.OPTION or evaluator.NAME.OPTION")
        if prefix != registry.kind:
            continue
        fields = registry.options(name)
        if option not in fields:
            raise BenchError(f"unknown setting '{key}': {prefix} '{name}' has no '{option}'{hint(option, fields)}")
        wants_list = str(fields[option].annotation).startswith(("tuple", "list"))
        wrapped = [value] if wants_list and not isinstance(value, (list, tuple)) else value
        sorted_.setdefault(name, {})[option] = wrapped
    return sorted_


def hyperparameters(source: str, methods: Registry) -> dict[str, dict[str, Any]]:
    """Options by method, from the package's file for a model or from a YAML file.

    Args:
        source: a model's name or the path of a ``.yaml`` file.
        methods: where method names are checked.

    Returns:
        {} where the package has no file for the model.

    Raises:
        BenchError: the file is missing or malformed, or names an unknown method.
    """
    place = hparams_place(source)
    if place == source:
        raw = read_yaml(Path(source).expanduser())
    elif source in hparams_names():
        raw = _mapping(read_text(_folder("hparams") / f"{source}.yaml"), place)
    else:
        return {}
    known, options = methods.names(), {}
    for name, value in raw.items():
        if name.startswith("_"):
            continue
        if name not in known:
            raise unknown("method", name, known, file=place)
        if not isinstance(value, dict):
            raise BenchError("a method's options must be a mapping", file=place, field=name)
        options[name] = value
    return options


def hparams_place(source: str) -> str:
    """What errors call the file that `hyperparameters` reads."""
    return source if source.endswith((".yaml", ".yml")) else f"hparams {source}"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        BenchError: no such file, not YAML, or not a mapping.
    """
    return _mapping(read_text(path), path)


def _mapping(text: str, place: object) -> dict[str, Any]:
    value = parse_yaml(text, place)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BenchError("must hold a mapping of names to values", file=place)
    return value


def checked(layer: Mapping[str, Any], place: object) -> dict[str, Any]:
    """Refuse unknown keys and invalid values of one layer; only the keys it has are returned.

    Args:
        layer: fields of `RunSpec`.
        place: what errors call the file it stands in.

    Raises:
        BenchError: an unknown key or an invalid value.
    """
    if GRIDS in layer:
        raise BenchError(f"'{GRIDS}' are several runs, which only the command `bench run` takes for one", file=place)
    for key in layer:
        if key not in RunSpec.model_fields:
            raise unknown("setting", key, RunSpec.model_fields, file=place)
    try:
        whole = RunSpec.model_validate(layer)
    except ValidationError as error:
        raise BenchError(validation_message(error, "setting"), file=place) from error
    return {key: getattr(whole, key) for key in layer}


def _run_name(preset: str, base: RunSpec, spec: RunSpec) -> str:
    plain, now = (each.model_dump(mode="json", exclude=set(SAME_TABLE)) for each in (base, spec))
    return base.name if plain == now else changed_name(preset, now)


def changed_name(preset: str, settings: Any) -> str:
    """A name for a run, or several, whose settings depart from their preset's."""
    text = json.dumps(settings, sort_keys=True)
    return f"{preset}-{hashlib.blake2b(text.encode(), digest_size=3).hexdigest()}"


def _folder(name: str) -> Path:
    return Path(__file__).parents[1] / name


def _stems(folder: str) -> list[str]:
    names = (entry.name for entry in _folder(folder).iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))

"""Find methods and evaluators by name: a file in their folder, or an entry point of an outside package.

A plug-in is a module with a docstring (its first line describes it), a pydantic class `Config` and a function
``build(config)``. ``methods/my_method.py`` is the method ``my-method``; names that begin with ``_`` are
helpers. Nothing is imported before it is asked for. The package's own names cannot be taken by outside ones.
A method may name in `HPARAMS` another one whose hyperparameters it uses where there are none of its own,
in `STATISTICS` what it holds of second moments, for the memory that a dry run predicts, in `SAW` what it sees besides
the edits, in `BESIDE` what it remembers beside the weights, where its edits stand there, and with ``ENCODERS = True``
say that it edits encoders, too, with ``IN_CONTEXT = True`` that it takes a model which heeds its context. Where options
name code of the user's, a function ``outside(config)`` gives its modules.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from bench.config.rooms import room
from bench.config.variants import base_of
from bench.ground.errors import BenchError
from bench.ground.names import hint, unknown

METHODS, EVALUATORS = ("methods", "bench.methods"), ("evaluators", "bench.evaluators")
"""Package and entry-point group of each kind."""


@dataclass(frozen=True, slots=True)
class Description:
    """One line of a listing.

    Attributes:
        name: the plug-in.
        summary: first line of its docstring.
        origin: "" for a plug-in of this package, else the distribution or module it comes from.
        broken: why it cannot be used, or "".
    """

    name: str
    summary: str
    origin: str = ""
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """All plug-ins of one kind.

    Args:
        package: the package whose modules are plug-ins; its name less the plural s is the kind in messages.
        group: entry-point group of outside plug-ins; each value is a module.
    """

    package: str
    group: str

    @property
    def kind(self) -> str:
        """What a plug-in is called in messages: method or evaluator."""
        return self.package.removesuffix("s")

    def names(self) -> list[str]:
        """All names: the package's own in order of the alphabet, then the outside ones."""
        own = self._own()
        return [*own, *sorted(name for name in self._outside() if name not in own)]

    def module(self, name: str) -> ModuleType:
        """Import a plug-in; of a variant, the one that it varies.

        Raises:
            BenchError: no such plug-in, or an outside one that is broken.
        """
        own, name = self._own(), base_of(name)
        if name in own:  # before others are looked for, which takes long
            return importlib.import_module(own[name])
        outside = self._outside()
        if name not in outside:
            raise unknown(self.kind, name, self.names())
        first, *others = outside[name]
        if others:
            claims = " and ".join(point.value for point in outside[name])
            raise BenchError(f"{self.kind} '{name}' is claimed by two modules: {claims}")
        try:
            module: ModuleType = first.load()
        except Exception as error:  # an outside package may fail in any way; say which one did
            reason = f"{type(error).__name__}: {error}"
            raise BenchError(f"{self.kind} '{name}' ({first.value}) is broken: {reason}") from error
        for needed in ("Config", "build"):
            if not hasattr(module, needed):
                raise BenchError(f"{self.kind} '{name}' ({first.value}) defines no '{needed}'")
        return module

    def describe(self, name: str) -> Description:
        """Name, first docstring line and origin; own plug-ins are read, not imported."""
        own = self._own()
        if name in own:
            return Description(name, _first_line(_docstring(own[name])))
        origin, outside = "", self._outside()
        if name in outside:
            point = outside[name][0]
            origin = point.dist.name if point.dist else point.value
        try:
            return Description(name, _first_line(self.module(name).__doc__), origin)
        except BenchError as error:
            if name not in outside:
                raise
            return Description(name, "", origin, broken=str(error))

    def options(self, name: str) -> Mapping[str, Any]:
        """Fields of the plug-in's `Config` by name (pydantic `FieldInfo`)."""
        config: type[BaseModel] = self.module(name).Config
        return config.model_fields

    def config(self, name: str, options: Mapping[str, Any]) -> BaseModel:
        """Validate options.

        Raises:
            BenchError: naming the plug-in and the option.
        """
        fields = self.options(name)
        for option in options:
            if option not in fields:
                raise BenchError(f"{self.kind} '{name}' has no option '{option}'{hint(option, fields)}")
        try:
            config: BaseModel = self.module(name).Config.model_validate(dict(options))
        except ValidationError as error:
            raise BenchError(f"{self.kind} '{name}': {validation_message(error, 'option')}") from error
        return config

    def check(self, name: str, options: Mapping[str, Any], file: object) -> None:
        """Validate options that a file gives; it may lack some.

        Raises:
            BenchError: naming the file, the plug-in and the option.
        """
        fields = self.options(name)
        for option in options:
            if option not in fields:
                raise BenchError(f"{self.kind} '{name}' has no option '{option}'{hint(option, fields)}", file=file)
        try:
            self.module(name).Config.model_validate(dict(options))
        except ValidationError as error:
            if message := validation_message(error, "option", partial=True):
                raise BenchError(f"{self.kind} '{name}': {message}", file=file) from error

    def check_encoder(self, names: Iterable[str], model: str) -> None:
        """Refuse methods that cannot edit an encoder, which is run as a whole.

        Raises:
            BenchError: naming the first, and those that can.
        """
        for name in names:
            if base_of(name) in self.names() and not self._edits_encoders(name):
                able = ", ".join(each for each in self.names() if self._edits_encoders(each))
                raise BenchError(
                    f"{self.kind} '{name}' reads hidden states between blocks, and {model} is an encoder, which is run "
                    f"as a whole; encoders are edited by {able}"
                )

    def _edits_encoders(self, name: str) -> bool:
        return bool(getattr(self.module(name), "ENCODERS", False))

    def build(self, name: str, options: Mapping[str, Any]) -> Any:
        """Make a plug-in from its options."""
        return self.module(name).build(self.config(name, options))

    def statistics(self, name: str) -> Any:
        """A method's `bench.model.sizes.Statistics`, by its own word or that of its `HPARAMS`."""
        module = self.module(name)
        if hasattr(module, "STATISTICS") or not hasattr(module, "HPARAMS"):
            return getattr(module, "STATISTICS", None)
        return self.statistics(module.HPARAMS)

    def beside(self, name: str) -> Any:
        """A method's `bench.model.sizes.Beside`; None of one whose edits are weights."""
        return getattr(self.module(name), "BESIDE", None)

    def reads_statistics(self, name: str, options: Mapping[str, Any]) -> bool:
        """Whether a method's numbers depend on second moments; of an outside one that does not say so, yes."""
        if not options.get("use_moment", True):
            return False
        return self.statistics(name) is not None or base_of(name) not in self._own()

    def source(self, name: str, options: Mapping[str, Any]) -> str:
        """Hash of the text from outside that a plug-in runs: its own, and that of the modules its options name.

        A module is its file, or the whole package that this lies in; "" where there is none. It enters a cell's id, so
        that a method under development never reuses results of an older text.

        Raises:
            BenchError: the options name a module that cannot be loaded.
        """
        module = self.module(name)
        outside = [] if base_of(name) in self._own() else [module]
        if hasattr(module, "outside"):
            outside += module.outside(self.config(name, options))
        texts = [part.read_bytes() for each in outside for part in _parts(each)]
        return hashlib.blake2b(b"\0".join(texts), digest_size=8).hexdigest() if texts else ""

    def _own(self) -> dict[str, str]:
        """Names of the package's modules -> dotted path."""
        found = _modules(_places(room(self.package).__path__))
        return {name.replace("_", "-"): f"{self.package}.{name}" for name in found if not name.startswith("_")}

    def _outside(self) -> dict[str, list[EntryPoint]]:
        """Entry points by name; more than one where packages disagree about what the name means."""
        found: dict[str, list[EntryPoint]] = {}
        for point in _points(self.group, _places(sys.path)):
            known = found.setdefault(point.name, [])
            if point.value not in [other.value for other in known]:
                known.append(point)
        return found


def methods() -> Registry:
    """The methods installed here."""
    return Registry(*METHODS)


def evaluators() -> Registry:
    """The evaluators installed here."""
    return Registry(*EVALUATORS)


# a plan asks hundreds of times, and every look at all that is installed takes long; `places` tell what is new
@lru_cache(maxsize=8)
def _modules(places: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Modules of a package in these folders."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules([folder for folder, _ in places])))


@lru_cache(maxsize=8)
def _points(group: str, places: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    """Entry points of all that is installed in these folders."""
    return tuple(entry_points(group=group))


def _places(folders: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Folders, each with the time at which something was last put into it or taken away; 0 where there is none."""
    found: list[tuple[str, int]] = []
    for folder in folders:
        try:
            found.append((folder, Path(folder).stat().st_mtime_ns))
        except OSError:
            found.append((folder, 0))
    return tuple(found)


def validation_message(error: ValidationError, noun: str, partial: bool = False) -> str:
    """The first complaint of pydantic as one clause: "option 'layers': Field required".

    Args:
        error: what pydantic says.
        noun: what a field is called.
        partial: fields may be missing; "" where that is all.
    """
    found = (each for each in error.errors() if not partial or each["type"] != "missing" or len(each["loc"]) > 1)
    first = next(found, None)
    if first is None:
        return ""
    place = str(first["loc"][0]) if first["loc"] else ""
    text = f"{noun} '{place}': {first['msg']}" if place else first["msg"]
    return text if first["type"] == "missing" else f"{text}, not {first['input']!r}"


def _parts(module: ModuleType) -> list[Path]:
    """The files of a module and of the package that it lies in."""
    if module.__file__ is None:
        return []
    path = Path(module.__file__)
    package = list(takewhile(lambda folder: (folder / "__init__.py").is_file(), path.parents))
    return sorted(package[-1].rglob("*.py")) if package else [path]


def _docstring(dotted: str) -> str | None:
    spec = importlib.util.find_spec(dotted)
    if spec is None or spec.origin is None:
        return None
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]

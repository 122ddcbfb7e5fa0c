"""A `RunSpec` is a grid, as presets, configuration files and flags describe it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator

from bench.config.cell import LANGUAGES, Dtype, Frozen, Order
from bench.config.variants import split_names
from bench.ground.home import without_home
from bench.ground.languages import primary_if_known

PAPER_METHODS = ("none", "ft", "rome", "memit", "prune", "rect", "alphaedit", "langedit", "langedit-released")
"""What ``--methods all`` means: the seven of the LangEdit paper, LangEdit as written and as released, and none."""

MODERN_METHODS = (
    "memit-seq",
    "memit-seq-nas",
    "alphaedit-nas",
    "encore",
    "sphere",
    "emmet",
    "ultraedit",
    "stableedit",
    "locft-bf",
    "lora",
    "memoir",
    "grace",
    "retrieval",
)
"""What ``--methods modern`` means: newer ones that a comparison of today must have; a method joins by a line here."""

GROUPS = {"all": PAPER_METHODS, "modern": MODERN_METHODS}
"""Words that stand for several methods."""


def _listed(value: Any) -> Any:
    """Split "a, b" into ("a", "b"); repeated names count once."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        return value
    return tuple(dict.fromkeys(value))


def split_places(text: str) -> list[str]:
    """Names and paths out of "a, b"; a comma in a path has a backslash before it, or the text is a path as it is."""
    if "," in text:
        with suppress(OSError, ValueError):  # too long, or with a NUL
            if Path(text).expanduser().exists():
                return [text]
    parts = (part.replace(r"\,", ",").strip() for part in re.split(r"(?<!\\),", text))
    return [part for part in parts if part]


def _places(value: Any) -> Any:
    """As `_listed`, for what may be paths."""
    return _listed(split_places(value) if isinstance(value, str) else value)


def _expanded(value: Any) -> Any:
    """As `_listed`, the words of `GROUPS` standing for their methods; commas in brackets belong to a variant."""
    names = _listed(split_names(value) if isinstance(value, str) else value)
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return names
    return _listed([each for name in names for each in GROUPS.get(name, (name,))])


def _languages(value: Any) -> Any:
    """As `_listed`, each language by its primary subtag: "zh" for "zh-CN"."""
    names = _listed(value)
    if not isinstance(names, tuple):
        return names
    return _listed([primary_if_known(name) for name in names])


def _groups(value: Any) -> Any:
    """As `_languages`, for groups as "en+zh-CN"."""
    names = _listed(value)
    if not isinstance(names, tuple):
        return names
    words = (ALL, EACH)
    return _listed([name if name in words else "+".join(map(primary_if_known, name.split("+"))) for name in names])


MOST = 2**31 - 1
"""Of anything that is counted; tables hold 32 bits."""

MOST_SEEDS = 10_000
"""A grid of more would not be planned within minutes."""

Count = Annotated[int, Field(ge=1, le=MOST)]

Names = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]

Place = Annotated[str, AfterValidator(without_home)]
"""A name or a path; one below the home folder is written "~/...", so that results do not tell who computed them."""

Places = Annotated[tuple[Place, ...], BeforeValidator(_places), Field(min_length=1)]

MethodNames = Annotated[tuple[str, ...], BeforeValidator(_expanded), Field(min_length=1)]

Languages = Annotated[tuple[str, ...], BeforeValidator(_languages), Field(min_length=1)]

Groups = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^+]+(\+[^+]+)*$")], ...], BeforeValidator(_groups), Field(min_length=1)
]

Orders = Annotated[tuple[Order, ...], BeforeValidator(_listed), Field(min_length=1)]

ALL, EACH = "all", "each"
"""Groups of edited languages: all together; every one alone, in a cell of its own."""


class RunSpec(Frozen):
    """A grid: every method on every model, data set, order, group of languages and seed.

    Presets and configs hold these fields. Lists may be written "a,b". The fields of `Schedule` mean the same here.

    Attributes:
        name: of the run's folder below the results folder.
        methods: by name; "all" and "modern" stand for those of `GROUPS`.
        languages: by any code; "zh-CN" is "zh".
        edited: groups of languages that are edited together, the others being asked only: "all", "each" or "en+de".
        seeds: how many, counted from `first_seed`.
        corpus: text behind the second moments of keys: "cldr", a text file, "data:GLOB" or "hf:DATASET[:CONFIG]"; None:
            what suits each model, see `bench.plan.texts`.
        token_budget: most tokens of it that are read; None: what suits the text.
        chat_template: edits and probes are what a user says in the models' chat templates; published numbers are not.
        evaluators: what the edited model is scored with.
        eval_limit: most items per task and language, for evaluators that have many.
        hparams: hyperparameters from this YAML file, or those of this model, in place of the model's own.
        set: single settings that override the above: "method.NAME.OPTION" or "evaluator.NAME.OPTION" -> value.
        also: further grids of the same run, each by the fields of `FURTHER` in which it differs from this one.
    """

    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=100)
    methods: MethodNames = PAPER_METHODS
    models: Places = ("polyglot-tiny",)
    datasets: Places = ("cldr",)
    languages: Languages = LANGUAGES
    seeds: int = Field(3, ge=1, le=MOST_SEEDS)
    first_seed: int = Field(0, ge=0, le=MOST - MOST_SEEDS)
    orders: Orders = ("cycle",)
    edited: Groups = (ALL,)
    batch_size: Count = 10
    edits_per_language: Count = 30
    steps: Count | None = None
    eval_every: int = Field(0, ge=0, le=MOST)
    parallel: bool = False
    independent: bool = False
    passes: Count = 1
    corpus: Place | None = None
    token_budget: Count | None = None
    dtype: Dtype = "float32"
    chat_template: bool = False
    evaluators: Names = ("edits",)
    eval_limit: Count = 100
    hparams: Place | None = None
    set: Mapping[str, Any] = Field(default_factory=dict)
    also: tuple[Mapping[str, Any], ...] = ()

    @field_validator("also")
    @classmethod
    def _only_grids(cls, also: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
        for part in also:
            if strange := sorted(set(part) - set(FURTHER)):
                raise ValueError(f"a further grid has no '{strange[0]}', but {', '.join(FURTHER)}")
            if (own := [name for name in OF_MODELS if name in part]) and "models" not in part:
                raise ValueError(f"a further grid has a '{own[0]}' of its own only with 'models' of its own")
        try:
            # as written in JSON, for run.json and the run's name hold it
            return tuple(cls.model_validate(part).model_dump(mode="json", include=set(part)) for part in also)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"'{first['loc'][0]}': {first['msg']}") from error

    def grids(self) -> tuple[RunSpec, ...]:
        """This grid and the further ones, each by itself."""
        alone = self.model_dump(exclude={"also"})
        return tuple(RunSpec.model_validate({**alone, **part}) for part in ({}, *self.also))

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Edited languages of every cell of a place in the grid; () = all."""
        found: list[tuple[str, ...]] = []
        for group in self.edited:
            alone = [(language,) for language in self.languages]
            found += alone if group == EACH else [() if group == ALL else tuple(group.split("+"))]
        return tuple(dict.fromkeys(found))


OF_MODELS = ("hparams", "corpus", "token_budget")
FURTHER = ("methods", "models", "datasets", "orders", "edited", "seeds", "first_seed", *OF_MODELS)
"""Fields in which a further grid of a run may differ: those that tables tell cells apart by, and what goes with a
model."""

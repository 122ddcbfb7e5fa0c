"""What is run: a `RunSpec` is a grid, a `Cell` is one independent run of it.

A cell's id is a hash of what determines its numbers, so a finished cell is found again and a changed
setting never reuses an old one. What things are called and where they lie is not part of it, nor are devices,
workers and displays.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from bench.ground.home import without_home

IDENTITY_VERSION = 4
"""Raise it when the meaning of a cell's fields, or the code that computes its numbers, changes."""

SCHEMA_VERSION = 1
"""Of the tables on disk; raise it when they change."""

PAPER_METHODS = ("none", "ft", "rome", "memit", "prune", "rect", "alphaedit", "langedit")
"""What ``--methods all`` means: the seven of the LangEdit paper and the unedited model."""

LANGUAGES = ("en", "de", "nl", "es", "fr", "zh")

Order = Literal["cycle", "blocked", "shuffled"]
Dtype = Literal["float32", "bfloat16", "float16"]


class Frozen(BaseModel):
    """Base of all specifications: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelRef(Frozen):
    """Which model, loaded how. `fingerprint` hashes the weights and the tokenizer; "" = not to be had."""

    name: str
    dtype: Dtype = "float32"
    fingerprint: str = ""


class DataRef(Frozen):
    """Which facts.

    Attributes:
        name: of a data set, or the path of a file of facts.
        fingerprint: hash of the source files; embedded data carries the code's version.
        reader: what makes facts of them; "" = the data set of this name.
    """

    name: str
    fingerprint: str = ""
    reader: str = ""


class MethodSpec(Frozen):
    """A method by name.

    Attributes:
        options: every hyperparameter, resolved.
        source: hash of the text of an outside method, or of outside code that its options name.
        statistics: whether it reads second moments of keys, so that the corpus matters to it.
    """

    name: str
    options: Mapping[str, Any] = Field(default_factory=dict)
    source: str = ""
    statistics: bool = True


class Schedule(Frozen):
    """How facts arrive and when the model is scored.

    Attributes:
        languages: those that facts are drawn for and asked in.
        edited: those of them whose facts are edited; () = all. The facts of a language are the same whether the
            others are edited or not.
        order: "cycle" = one language per step in turn; "blocked" = one language after the other;
            "shuffled" = all facts in random order, so that a step mixes languages.
        batch_size: facts per step.
        edits_per_language: facts per language.
        steps: stop after so many steps, or None for the whole stream.
        eval_every: score after every so many steps; 0 = only at the end.
        parallel: the same facts in every language; else each in as few languages as can be, in one if there are enough.
    """

    languages: tuple[str, ...] = LANGUAGES
    edited: tuple[str, ...] = ()
    order: Order = "cycle"
    batch_size: int = Field(10, ge=1)
    edits_per_language: int = Field(30, ge=1)
    steps: int | None = Field(None, ge=1)
    eval_every: int = Field(0, ge=0)
    parallel: bool = False

    @model_validator(mode="before")
    @classmethod
    def _one_way_to_say_it(cls, values: Any) -> Any:
        """Edited languages in the order of all, and none where it is all: the same schedule has one identity."""
        if isinstance(values, Mapping) and values.get("edited"):
            languages = tuple(values.get("languages", LANGUAGES))
            if strange := sorted(set(values["edited"]) - set(languages)):
                raise ValueError(f"{strange[0]} is not among the languages {', '.join(languages)}")
            chosen = tuple(lang for lang in languages if lang in values["edited"])
            return {**values, "edited": () if chosen == languages else chosen}
        return values

    @property
    def written(self) -> tuple[str, ...]:
        """Languages whose facts are edited, in order."""
        return self.edited or self.languages

    def edits(self) -> int:
        """Facts that are edited, if the data set holds enough."""
        return min(len(self.written) * self.edits_per_language, self.length() * self.batch_size)

    def length(self) -> int:
        """Steps, if the data set holds enough."""
        languages, size = len(self.written), self.batch_size
        batches = math.ceil(languages * self.edits_per_language / size) if self.order == "shuffled" else (
            languages * math.ceil(self.edits_per_language / size)
        )  # fmt: skip
        return batches if self.steps is None else min(batches, self.steps)

    def due(self, step: int) -> bool:
        """Whether the model is scored after a step: always at the end, else after every `eval_every`."""
        return step == self.length() or (self.eval_every > 0 and step % self.eval_every == 0)


class Cell(Frozen):
    """One run: a method edits one model with one stream of facts under one seed.

    Attributes:
        corpus: name of the text behind the second moments of keys.
        corpus_fingerprint: hash of it; "" where it is not known, or the method needs none.
        token_budget: most tokens of it that are read.
        asked: hash of what an evaluator asks, by its name. Not part of the id, as evaluators are not.
    """

    method: MethodSpec
    model: ModelRef
    data: DataRef
    schedule: Schedule
    corpus: str = "cldr"
    corpus_fingerprint: str = ""
    token_budget: int = Field(100_000, ge=1)
    seed: int = 0
    asked: Mapping[str, str] = Field(default_factory=dict)

    def identity(self) -> dict[str, Any]:
        """What determines the cell's numbers, by content; a name counts only where the content is not known."""
        model, data, method = self.model, self.data, self.method
        text = {**_content(self.corpus, self.corpus_fingerprint), "token_budget": self.token_budget}
        return {
            "identity": IDENTITY_VERSION,
            "schema": SCHEMA_VERSION,
            "model": {**_content(model.name, model.fingerprint), "dtype": model.dtype},
            "data": {**_content(data.name, data.fingerprint), "reader": data.reader or data.name},
            "schedule": self.schedule.model_dump(mode="json"),
            "method": method.model_dump(mode="json", exclude={"statistics"}),
            "corpus": text if method.statistics else None,
            "seed": self.seed,
        }

    def id(self) -> str:
        """16 hex digits that name the cell, a hash of `identity`; independent of the order of keys."""
        text = json.dumps(self.identity(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def scored_by(self, evaluators: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
        """Evaluators as cell.json records them: by name the options, and what is asked where that is data."""
        asked = {name: {"asked": digest} for name, digest in self.asked.items()}
        return {name: {**options, **asked.get(name, {})} for name, options in evaluators}

    def label(self) -> str:
        """Short name for people: method, model, data, seed; order and edited languages where they are not the usual."""
        order = "" if self.schedule.order == "cycle" else self.schedule.order
        names = (self.method.name, self.model.name, self.data.name, order, "+".join(self.schedule.edited))
        return " · ".join(name for name in (*names, f"seed {self.seed}") if name)

    def seed_for(self, part: str) -> int:
        """Seed of one random draw. It depends on seed and part only: methods of a seed share it."""
        digest = hashlib.blake2b(f"{self.seed}/{part}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big")


def _content(name: str, fingerprint: str) -> dict[str, str]:
    return {"fingerprint": fingerprint} if fingerprint else {"name": name}


def _listed(value: Any) -> Any:
    """Split "a, b" into ("a", "b"); repeated names count once."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        return value
    return tuple(dict.fromkeys(value))


def _expanded(value: Any) -> Any:
    """As `_listed`, with "all" standing for the methods of the paper."""
    names = _listed(value)
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return names
    return _listed([each for name in names for each in (PAPER_METHODS if name == "all" else (name,))])


MOST = 2**31 - 1
"""Of anything that is counted; tables hold 32 bits."""

MOST_SEEDS = 10_000
"""A grid of more would not be planned within minutes."""

Count = Annotated[int, Field(ge=1, le=MOST)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
Place = Annotated[str, AfterValidator(without_home)]
"""A name or a path; one below the home folder is written "~/...", so that results do not tell who computed them."""
Places = Annotated[tuple[Place, ...], BeforeValidator(_listed), Field(min_length=1)]
MethodNames = Annotated[tuple[str, ...], BeforeValidator(_expanded), Field(min_length=1)]
Groups = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^+]+(\+[^+]+)*$")], ...], BeforeValidator(_listed), Field(min_length=1)
]
Orders = Annotated[tuple[Order, ...], BeforeValidator(_listed), Field(min_length=1)]


ALL, EACH = "all", "each"
"""Groups of edited languages: all together; every one alone, in a cell of its own."""


class RunSpec(Frozen):
    """A grid: every method on every model, data set, order, group of languages and seed.

    Presets and configs hold these fields. Lists may be written "a,b". The fields of `Schedule` mean the same here.

    Attributes:
        name: of the run's folder below the results folder.
        methods: by name; "all" stands for `PAPER_METHODS`.
        edited: groups of languages that are edited together, the others being asked only: "all", "each" or "en+de".
        seeds: how many, counted from `first_seed`.
        corpus: text behind the second moments of keys: "cldr", a text file, "data:GLOB" or "hf:DATASET[:CONFIG]".
        token_budget: most tokens of it that are read.
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
    languages: Names = LANGUAGES
    seeds: int = Field(3, ge=1, le=MOST_SEEDS)
    first_seed: int = Field(0, ge=0, le=MOST - MOST_SEEDS)
    orders: Orders = ("cycle",)
    edited: Groups = (ALL,)
    batch_size: Count = 10
    edits_per_language: Count = 30
    steps: Count | None = None
    eval_every: int = Field(0, ge=0, le=MOST)
    parallel: bool = False
    corpus: Place = "cldr"
    token_budget: Count = 100_000
    dtype: Dtype = "float32"
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


FURTHER = ("methods", "models", "datasets", "orders", "edited", "seeds", "first_seed")
"""Fields in which a further grid of a run may differ: those that tables tell cells apart by."""

"""A `Cell` is one independent run: a method edits one model with one stream of facts under one seed.

A cell's id is a hash of what determines its numbers, so a finished cell is found again and a changed
setting never reuses an old one. What things are called and where they lie is not part of it, nor are devices,
workers and displays.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

IDENTITY_VERSION = 5
"""Raise it when the meaning of a cell's fields, or the code that computes its numbers, changes."""

SCHEMA_VERSION = 1
"""Of the tables on disk; raise it when they change."""

LANGUAGES = ("en", "de", "nl", "es", "fr", "zh")

Order = Literal["cycle", "blocked", "shuffled"]
Dtype = Literal["float32", "bfloat16", "float16"]


class Frozen(BaseModel):
    """Base of all specifications: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelRef(Frozen):
    """Which model, loaded and asked how.

    Attributes:
        fingerprint: hash of the weights and the tokenizer; "" = not to be had.
        chat: hash of what its chat template puts around every prompt, of edits and probes; "" = nothing does.
    """

    name: str
    dtype: Dtype = "float32"
    fingerprint: str = ""
    chat: str = ""


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


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


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
        independent: every fact edits the unedited model alone and is asked at once; else edits add up.
        passes: how often all facts are edited: odd passes write the new objects, even ones what was true before.
    """

    languages: tuple[str, ...] = LANGUAGES
    edited: tuple[str, ...] = ()
    order: Order = "cycle"
    batch_size: int = Field(10, ge=1)
    edits_per_language: int = Field(30, ge=1)
    steps: int | None = Field(None, ge=1)
    eval_every: int = Field(0, ge=0)
    parallel: bool = False
    independent: bool = False
    passes: int = Field(1, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _one_way_to_say_it(cls, values: Any) -> Any:
        """Edited languages in the order of all, and none where it is all: the same schedule has one identity."""
        if isinstance(values, Mapping) and values.get("edited"):
            # what is no list of texts is refused field by field
            if not all(map(_is_texts, (values["edited"], values.get("languages", LANGUAGES)))):
                return values
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
        every = self.passes * len(self.written) * self.edits_per_language
        return min(every, self.length() * self.batch_size)

    def identity(self) -> dict[str, Any]:
        """What determines numbers; cells from before there were independent edits, and passes, are still found."""
        unused = {name for name, value in LATER_SCHEDULE.items() if getattr(self, name) == value}
        return self.model_dump(mode="json", exclude=unused)

    def of_a_pass(self) -> int:
        """Steps of one pass, if the data set holds enough."""
        languages, size = len(self.written), self.batch_size
        if self.order == "shuffled":
            return math.ceil(languages * self.edits_per_language / size)
        return languages * math.ceil(self.edits_per_language / size)

    def length(self) -> int:
        """Steps, if the data set holds enough."""
        every = self.passes * self.of_a_pass()
        return every if self.steps is None else min(every, self.steps)

    def due(self, step: int) -> bool:
        """Whether the model is scored after a step: always at the end, of a pass too, else after every `eval_every`."""
        if self.independent or (self.passes > 1 and step % self.of_a_pass() == 0):
            return True
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
        chat = {"chat": model.chat} if model.chat else {}
        text = {**_content(self.corpus, self.corpus_fingerprint), "token_budget": self.token_budget}
        return {
            **({"seed_words": "own"} if self._has_later_words() else {}),
            "identity": IDENTITY_VERSION,
            "schema": SCHEMA_VERSION,
            "model": {**_content(model.name, model.fingerprint), "dtype": model.dtype, **chat},
            "data": {**_content(data.name, data.fingerprint), "reader": data.reader or data.name},
            "schedule": self.schedule.identity(),
            "method": {**method.model_dump(mode="json", exclude={"statistics"}), "options": counted(method.options)},
            "corpus": text if method.statistics else None,
            "seed": self.seed,
        }

    def _has_later_words(self) -> bool:
        """Whether the method samples context prefixes after seed words that some language had not at first."""
        options = self.method.options
        own = bool(options.get("prefix_lengths")) and options.get("prefix_language") == "own"
        return own and not WORDED_LATER.isdisjoint(self.schedule.languages)

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
        passes = f"{self.schedule.passes} passes" if self.schedule.passes > 1 else ""
        names = (self.method.name, self.model.name, self.data.name, order, passes, "+".join(self.schedule.edited))
        return " · ".join(name for name in (*names, f"seed {self.seed}") if name)

    def seed_for(self, part: str) -> int:
        """Seed of one random draw. It depends on seed and part only: methods of a seed share it."""
        digest = hashlib.blake2b(f"{self.seed}/{part}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big")


LATER_SCHEDULE: Mapping[str, Any] = {"independent": False, "passes": 1}
"""Fields that schedules had not at first, with the value that changes nothing."""

WORDED_LATER = frozenset({"pt", "ru", "ja", "ar", "hi", "bn", "sw", "tr"})
"""Languages that had the English seed words of context prefixes at first; cells of others are still found."""

LATER: Mapping[str, Any] = {"end_of_text": False, "anchor_facts": 0}
"""Options that methods had not at first, with the value that changes nothing."""


def counted(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a method that its numbers depend on: those of `LATER` only where they are used.

    So cells, and editors, that were made before there was such an option are still found.
    """
    unused = object()
    return {name: value for name, value in options.items() if value != LATER.get(name, unused)}


def _content(name: str, fingerprint: str) -> dict[str, str]:
    return {"fingerprint": fingerprint} if fingerprint else {"name": name}

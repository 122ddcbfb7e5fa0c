"""What is run: a `RunSpec` is a grid, a `Cell` is one independent run of it.

A cell's id is a hash of what determines its numbers, so a finished cell is found again and a changed
setting never reuses an old one. Folders, devices and displays are not part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

IDENTITY_VERSION = 1
"""Raise it when the meaning of a cell's fields, or the code that computes its numbers, changes."""

PAPER_METHODS = ("none", "ft", "rome", "memit", "prune", "rect", "alphaedit", "langedit")
"""What ``--methods all`` means: the seven of the LangEdit paper and the unedited model."""

LANGUAGES = ("en", "de", "nl", "es", "fr", "zh")

Order = Literal["cycle", "blocked", "shuffled"]


class Frozen(BaseModel):
    """Base of all specifications: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelRef(Frozen):
    """Which model, loaded how. `fingerprint` hashes the weights and the tokenizer."""

    name: str
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    fingerprint: str = ""


class DataRef(Frozen):
    """Which facts. `fingerprint` hashes the source files; embedded data carries the code's version."""

    name: str
    fingerprint: str = ""


class MethodSpec(Frozen):
    """A method by name with every hyperparameter resolved."""

    name: str
    options: Mapping[str, Any] = Field(default_factory=dict)


class Schedule(Frozen):
    """How facts arrive and when the model is scored.

    Attributes:
        order: "cycle" = one language per step in turn; "blocked" = one language after the other;
            "shuffled" = all facts in random order, so that a step mixes languages.
        batch_size: facts per step.
        edits_per_language: facts per language.
        steps: stop after so many steps, or None for the whole stream.
        eval_every: score after every so many steps; 0 = only at the end.
    """

    languages: tuple[str, ...] = LANGUAGES
    order: Order = "cycle"
    batch_size: int = Field(10, ge=1)
    edits_per_language: int = Field(30, ge=1)
    steps: int | None = Field(None, ge=1)
    eval_every: int = Field(0, ge=0)


class Cell(Frozen):
    """One run: a method edits one model with one stream of facts under one seed."""

    method: MethodSpec
    model: ModelRef
    data: DataRef
    schedule: Schedule
    corpus: str = "cldr"
    token_budget: int = Field(100_000, ge=1)
    seed: int = 0

    def id(self) -> str:
        """16 hex digits that name the cell; independent of the order of keys."""
        text = json.dumps(
            {"identity": IDENTITY_VERSION, **self.model_dump(mode="json")},
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
        )
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def label(self) -> str:
        """Short name for people: method, model, data, seed."""
        return f"{self.method.name} · {self.model.name} · {self.data.name} · seed {self.seed}"

    def seed_for(self, part: str) -> int:
        """Seed of one random draw. It depends on seed and part only: methods of a seed share it."""
        digest = hashlib.blake2b(f"{self.seed}/{part}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big")

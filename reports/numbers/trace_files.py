"""The two files that `bench trace` leaves, checked as they are read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.ground.atomic import read_json
from bench.ground.errors import BenchError
from bench.ground.parsing import read_text

TYPES: Mapping[str, str | type[str]] = {
    "language": str, "form": str, "fact": str, "part": str,
    "token": "int64", "kind": str, "layer": "int64", "effect": "float64",
}  # fmt: skip
COLUMNS = tuple(TYPES)
KINDS = ("hidden", "mlp", "attention")
ALWAYS = ("last", "end")
"""Parts that a token of every fact plays."""


class Strict(BaseModel):
    """Fields that are read, of exactly their types; others stay as they are."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")


class Count(Strict):
    """Facts of a language."""

    tried: int
    traced: int


class Traced(Strict):
    """A fact, and the probability of its answer with and without its subject."""

    language: str
    form: str = ""
    fact: str
    high: float
    low: float


class Recommended(Strict):
    """Layers to edit."""

    layers: list[int]
    set: str


class About(Strict):
    """trace.json."""

    counts: dict[str, Count]
    averaged: list[str]
    layers: int = Field(ge=1, le=10_000)
    facts_traced: list[Traced] = Field(min_length=1)
    model: str
    data: str
    dtype: str
    facts: int
    noise: float
    samples: int
    seed: int
    window: int
    true_answers: bool
    mlp_effects: list[float]
    recommended: Recommended


def read_about(path: Path) -> dict[str, Any]:
    """Contents of trace.json.

    Raises:
        BenchError: it is not what `bench trace` has written, or of another version.
    """
    try:
        about = About.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or None
        problem = "missing" if first["type"] == "missing" else first["msg"]
        raise BenchError(f"{problem}; trace again with this version", file=path, field=field) from error
    counted = {lang: count.traced for lang, count in about.counts.items() if count.traced}
    found = pd.Series([each.language for each in about.facts_traced]).value_counts().to_dict()
    if counted != found or not set(about.averaged) <= set(found) or not about.averaged:
        raise BenchError("the facts are not those that were counted", file=path, field="facts_traced")
    if len(about.mlp_effects) != about.layers:
        raise BenchError(f"{len(about.mlp_effects)} layers of {about.layers}", file=path, field="mlp_effects")
    return about.model_dump()


def read_rows(path: Path, about: dict[str, Any]) -> pd.DataFrame:
    """Contents of trace.csv: an effect of every state of every fact.

    Raises:
        BenchError: it cannot be read, or is not whole.
    """
    text = read_text(path)
    try:
        rows = pd.read_csv(io.StringIO(text), dtype=TYPES, keep_default_na=False, na_values={"effect": ""})
    except (ValueError, OverflowError) as error:  # of the parser too
        raise BenchError(f"cannot be read ({error}); bench trace writes it", file=path) from error
    if "form" not in rows and "fact" in rows:  # of a version that traced one form of prompts
        rows.insert(COLUMNS.index("form"), "form", "")
    if tuple(rows) != COLUMNS or not text.endswith("\n"):
        raise BenchError(f"not whole, or without the columns {', '.join(COLUMNS)}", file=path)
    wanted = {(each["language"], each["form"], each["fact"]) for each in about["facts_traced"]}
    layers, kinds = set(range(about["layers"])), set(KINDS)
    seen: dict[tuple[str, str, str], set[str]] = {}
    for place, states in rows.groupby(["language", "form", "fact", "part", "token"], sort=False):
        lang, form, fact, part = map(str, place[:4])
        seen.setdefault((lang, form, fact), set()).add(part)
        by_kind = states.groupby("kind")["layer"]
        if set(by_kind.groups) != kinds or any(len(each) != len(layers) or set(each) != layers for _, each in by_kind):
            raise BenchError("not one effect for every kind and layer", file=path, record=f"{lang} {fact}", field=part)
    lost = sorted(key for key in wanted | set(seen) if key not in wanted or not seen.get(key, set()) >= set(ALWAYS))
    if lost:
        raise BenchError("not the facts of trace.json, or not all of them", file=path, record=" ".join(lost[0]))
    return rows

"""Methods, model families and data sets in tables: where each comes from, and of when it is."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from bench.config.registry import methods as registry
from bench.config.run import MODERN_METHODS, PAPER_METHODS
from bench.data.common import Dataset
from bench.data.datasets import datasets
from handbook import hparams
from handbook.markdown import code, escaped, prose, table

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
EMBEDDED, LARGE = "polyglot-tiny", "llama3-8b"
HEADER = ("method", "in", "source", "year", "saw besides the edits", "settings, embedded model", "settings, Llama3-8B")
NOT_GIVEN = "–"
YEAR = re.compile(r"\b(?:19|20)\d\d\b(?!\.\d)")
ARXIV = re.compile(r"arXiv (\d\d)\d\d\.\d+")


def csv_rows(path: Path) -> Sequence[Mapping[str, str]]:
    """The rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def names() -> tuple[str, ...]:
    """The package's own methods: those of the paper, the newer ones, the others."""
    known = registry()
    own = [name for name in known.names() if not known.describe(name).origin]
    first = [name for name in (*PAPER_METHODS, *MODERN_METHODS) if name in own]
    return (*first, *(name for name in own if name not in first))


# ---------------------------------------------------------------------------- methods
@cache
def sources() -> dict[str, Mapping[str, str]]:
    """Paper or code behind every method."""
    return {row["method"]: row for row in csv_rows(HERE / "sources.csv")}


def methods() -> str:
    """All methods in one table, a line each."""
    header = (
        "method",
        "in",
        "source",
        "year",
        "saw besides the edits",
        "settings, embedded model",
        "settings, Llama3-8B",
    )
    return table(header, map(_method, names()))


def _method(name: str) -> Sequence[str]:
    saw = getattr(registry().module(name), "SAW", "nothing")
    source = sources()[name]
    return (
        _linked(name),
        _group(name),
        escaped(source["source"]) or NOT_GIVEN,
        source["year"] or NOT_GIVEN,
        saw,
        _searched(name),
        _published(name),
    )


def summaries() -> str:
    """What every method does, in a line each."""
    rows = [(_linked(name), prose(registry().describe(name).summary)) for name in names()]
    return table(("method", "what it does"), rows)


def _linked(name: str) -> str:
    return f"[{code(name)}](../methods/{name.replace('-', '_')}.py)"


def _group(name: str) -> str:
    return "all" if name in PAPER_METHODS else "modern" if name in MODERN_METHODS else ""


def _searched(name: str) -> str:
    """How the embedded model's settings were found."""
    trials = _trials()[name] if registry().options(name) else 0
    if trials:
        return f"searched, {trials} trials"
    return _taken(name, EMBEDDED, "not searched")


def _published(name: str) -> str:
    """Where a large model's settings come from."""
    values = _values(LARGE).get(name)
    return _taken(name, LARGE, escaped(values.sources[-1]) if values and values.sources else "beside each value")


def _taken(name: str, model: str, said: str) -> str:
    """What is said of settings of the method's own, or whose settings it takes."""
    if not registry().options(name):
        return NOT_GIVEN
    if name in _values(model):
        return said
    base = getattr(registry().module(name), "HPARAMS", "")
    if base in _values(model):
        return f"those of {code(base)}"
    return "only for " + ", ".join(code(path.stem) for path in _files() if name in _values(path.stem))


def _files() -> list[Path]:
    return sorted((ROOT / "bench" / "hparams").glob("*.yaml"))


def _values(model: str) -> dict[str, hparams.Values]:
    return hparams.read(ROOT / "bench" / "hparams" / f"{model}.yaml")


@cache
def _trials() -> Counter[str]:
    path = ROOT / "results" / "reference" / f"tuning-{EMBEDDED}.csv"
    return Counter(row["method"] for row in csv_rows(path))


# ---------------------------------------------------------------------------- families of models, data sets
@cache
def known_families() -> Sequence[Mapping[str, str]]:
    """Families of models, each with the classes of its row in `bench.model.archs`."""
    return csv_rows(HERE / "families.csv")


def families() -> str:
    """All families of models."""
    rows = [(row["family"], row["source"], row["year"], row["special"]) for row in known_families()]
    return table(("family", "source", "year", "what is special"), rows)


def origins() -> str:
    """Families of models and data sets in one table."""
    return table(("", "name", "source", "year"), [*_families(), *_datasets()])


def _families() -> Iterator[Sequence[str]]:
    for row in known_families():
        yield "model", row["family"], row["source"], row["year"]


def _datasets() -> Iterator[Sequence[str]]:
    for each in datasets().values():
        yield "data", code(each.name), escaped(each.citation), years(each) or NOT_GIVEN


def years(each: Dataset) -> str:
    """The years of what a data set is cited by."""
    found = YEAR.findall(each.citation) or [f"20{number}" for number in ARXIV.findall(each.citation)]
    return ", ".join(dict.fromkeys(found))

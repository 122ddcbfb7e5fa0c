"""Models with facts, options and statistics: what the stages that need a network are measured on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Generator

from bench.api import Fact, Kept, Method
from bench.config import registry
from bench.config.settings import hyperparameters
from bench.data import stream
from bench.data.cldr.text import statistics_text
from bench.data.common import DataRequest
from bench.data.corpora import corpus
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.model.catalog import known_models
from bench.model.editable import EditableModel
from bench.model.loading import load_pretrained
from bench.model.shapes import SHAPES, random_model
from bench.model.stats import Stats
from methods._locate.editor import ValueOptions, prefixes_for
from methods._locate.prompts import PromptSet, prompt_sets
from methods._locate.values import ValueConfig

LANGUAGES = ("en", "de", "nl", "es", "fr", "zh")
LOCAL = ("embedded", "package")
"""Kinds of models whose weights may be at hand without a network."""

SMALLEST = "released-tiny"
RELEASED_LAYERS = (2, 3, 4)
"""Layers that the released implementations were timed with on `SMALLEST`."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a method is told, as a cell tells it."""

    model_name: str
    languages: tuple[str, ...] = LANGUAGES
    data_dir: Path | None = None
    answers_kept: Kept = "none"

    def rng(self, part: str) -> Generator:
        """The same for every method."""
        return Generator().manual_seed(sum(part.encode()))

    def practice(self, languages: Sequence[str] = ()) -> Sequence[Fact]:
        """Nothing that learns is measured."""
        return ()


@dataclass(frozen=True)
class Subject:
    """A model and what is done with it.

    Attributes:
        name: for the table; says where weights are random.
        model: loaded, unedited.
        layers: edited layers.
        options: by method.
        stats: second moments of its keys.
        random: its weights are.
    """

    name: str
    model: EditableModel
    layers: tuple[int, ...]
    options: Mapping[str, Mapping[str, Any]]
    stats: Stats
    random: bool
    context: Bench = field(default_factory=lambda: Bench("benchmark"))

    @cached_property
    def prefixes(self) -> dict[str, list[str]]:
        """Context prefixes of all languages, five each, from the unedited model."""
        with self.model.unedited():
            return prefixes_for(self.model, self.context, self.config("memit"))

    def config(self, method: str) -> ValueOptions:
        """A method's validated options."""
        config: Any = registry.methods().config(method, self.options[method])
        return config  # type: ignore[no-any-return]

    def values(self) -> ValueConfig:
        """Options of value optimisation."""
        return self.config("memit").values()

    def method(self, name: str, **changed: Any) -> Method:
        """A method of the product."""
        built: Method = registry.methods().build(name, {**self.options[name], **changed})
        return built

    def sets(self, facts: Sequence[Fact]) -> list[PromptSet]:
        """Prompt rows of facts: bare and behind five prefixes."""
        return prompt_sets(self.model.tokens, [fact.request for fact in facts], self.prefixes)


def load(name: str, layers: int | None, dtype: str, device: str, cache_dir: Path, tokens: int) -> Subject:
    """Load a model, or draw one of its shape where its weights are not at hand or it is cut to fewer layers.

    Args:
        name: a model that the package knows, or a shape.
        layers: keep so many blocks; random weights then.
        dtype: name of a torch dtype.
        device: "cpu" or "cuda".
        cache_dir: for statistics and converted models.
        tokens: read for the statistics.

    Raises:
        BenchError: no such model.
    """
    known = known_models()
    if name not in known and name not in SHAPES:
        raise unknown("model", name, {*known, *SHAPES})
    model, random = _model(name, layers, dtype, device, cache_dir)
    settings = hyperparameters("llama3-8b" if name == SMALLEST else name, registry.methods())
    wanted = RELEASED_LAYERS if name == SMALLEST else tuple(settings["memit"]["layers"])
    edited = fitting(wanted, model.n_layers)
    options = {method: {**settings[method], "layers": edited} for method in ("memit", "alphaedit", "langedit")}
    label = name + (f", {model.n_layers} layers" if layers else "") + (", random weights" if random else "")
    folder = cache_dir / "benchmarks"
    stats = Stats(folder, corpus(str(_corpus(folder))), tokens)
    return Subject(label, model, edited, options, stats, random)


def _model(name: str, layers: int | None, dtype: str, device: str, cache_dir: Path) -> tuple[EditableModel, bool]:
    entry = known_models().get(name)
    if entry is not None and entry.source in LOCAL and layers is None:
        try:
            return EditableModel(*load_pretrained(name, dtype, device, cache_dir)), False
        except BenchError:
            if name not in SHAPES:
                raise
    return random_model(name, layers, dtype, device), True


def fitting(layers: Sequence[int], depth: int) -> tuple[int, ...]:
    """Edited layers moved down, and fewer of them, where a model was cut below them; a block stays above."""
    if max(layers) < depth:
        return tuple(layers)
    count = max(1, min(len(layers), depth - 1))
    stop = max(1, depth - 1)
    return tuple(range(stop - count, stop))


def _corpus(folder: Path) -> Path:
    """The embedded corpus as a file, so that making its sentences is not timed."""
    path = folder / "corpus.txt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(statistics_text()), encoding="utf-8")
    return path


def facts(count: int) -> list[Fact]:
    """Facts of the embedded data set, going round the six languages."""
    per_language = math.ceil(count / len(LANGUAGES))
    loaded = stream.load("cldr", DataRequest(LANGUAGES, per_language)).facts
    rounds = zip(*(loaded[language] for language in LANGUAGES), strict=True)
    return [fact for each in rounds for fact in each][:count]

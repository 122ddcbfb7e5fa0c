"""Which text the statistics of a model's keys are taken on: where a run does not say, what suits the model."""

from __future__ import annotations

from collections.abc import Iterable

from bench.config.cell import Cell
from bench.config.run import RunSpec
from bench.data.corpora import CLAIMS, EMBEDDED, WIKIPEDIA, is_atlas
from bench.model.embedded import CLASSIFIERS

SMALL, LARGE = 50_000, 10_000_000
"""Tokens of the embedded text, and of any other; the released code reads 100,000 documents."""


def text_for(spec: RunSpec, model: str) -> tuple[str, int]:
    """Corpus and token budget for a model of a run: embedded text for an embedded model, for others Wikipedia.

    Raises:
        BenchError: no such model.
    """
    own = CLAIMS if model in CLASSIFIERS else EMBEDDED
    corpus = spec.corpus or (own if is_embedded(model) else WIKIPEDIA)
    return corpus, spec.token_budget or (SMALL if is_atlas(corpus) or corpus == CLAIMS or is_embedded(model) else LARGE)


def unsuited(cells: Iterable[Cell]) -> list[str]:
    """A line for every model whose statistics come from the embedded text, though the model is not embedded."""
    read = (cell for cell in cells if cell.method.statistics and is_atlas(cell.corpus))
    models = dict.fromkeys(cell.model.name for cell in read)
    return [unsuited_line(model) for model in models if not is_embedded(model)]


def unsuited_line(model: str) -> str:
    """What is to be known of the embedded text and another model."""
    return (
        f"the statistics of {model} come from '{EMBEDDED}', a few templated sentences made for the embedded model: "
        f"published numbers need text such as {WIKIPEDIA}, the default"
    )


def is_embedded(model: str) -> bool:
    """Whether a model is the one that comes with the package."""
    from bench.model import catalog

    return catalog.resolve(model).source == "embedded"

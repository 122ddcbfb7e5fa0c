"""The models that come with the package; `bench.polyglot` and `bench.classifiers` make them."""

from __future__ import annotations

from pathlib import Path

MODEL_NAME = "polyglot-tiny"

CLASSIFIERS = ("claims-bert-tiny", "claims-bloom-tiny")

_BENCH = Path(__file__).parents[1]


def model_dir() -> Path:
    """The folder of the shipped weights, tokenizer and model card."""
    return _BENCH / "polyglot" / "assets"


def classifier_dir(name: str) -> Path:
    """The same of one of `CLASSIFIERS`."""
    return _BENCH / "classifiers" / "assets" / name


def embedded_dir(name: str) -> Path:
    """The same of any model that comes with the package."""
    return classifier_dir(name) if name in CLASSIFIERS else model_dir()

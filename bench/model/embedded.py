"""The model that comes with the package; `bench.polyglot` makes it."""

from __future__ import annotations

from pathlib import Path

MODEL_NAME = "polyglot-tiny"


def model_dir() -> Path:
    """The folder of the shipped weights, tokenizer and model card."""
    return Path(__file__).parents[1] / "polyglot" / "assets"

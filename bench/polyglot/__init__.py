"""The embedded default: facts in six languages and the small model trained on them."""

from __future__ import annotations

from pathlib import Path

MODEL_NAME = "polyglot-tiny"


def model_dir() -> Path:
    """The folder of the shipped weights, tokenizer and model card."""
    return Path(__file__).parent / "assets"

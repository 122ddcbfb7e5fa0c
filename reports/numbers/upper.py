"""Lines that are drawn beside the methods and compete with none: below, no edits; above, all facts at once."""

from __future__ import annotations

from bench.config.variants import base_of
from reports.numbers.aggregate import UNEDITED

UPPER = "locft-bf-joint"
"""It is trained on every fact so far anew, as no editor of a stream is."""


def competes(method: str) -> bool:
    """Whether a method may be best, and others are tested against it."""
    return base_of(method) not in (UNEDITED, UPPER)

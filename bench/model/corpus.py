"""A text on which statistics of keys are taken. No torch here: a plan asks what a text is known by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts behind the statistics.

    Attributes:
        name: as the user gave it.
        digest: see `fingerprint`; the name where there is none.
        documents: a fresh iterator over the texts.
    """

    name: str
    digest: str
    documents: Callable[[], Iterable[str]]

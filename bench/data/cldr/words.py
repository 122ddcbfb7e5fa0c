"""What a language needs to tell and ask the facts of the atlas."""

from __future__ import annotations

from typing import NamedTuple

Told = dict[str, tuple[str, str, str]]
"""By relation, what stands behind the subject, twice, and the question that begins with the relation."""


class Words(NamedTuple):
    """A language.

    Attributes:
        lead: before every subject.
        pronoun: in place of lead and subject.
        told: the phrasings.
        hops: what follows from a place's trade partner, by the relation asked for.
        filler: who, does what, where or when.
        seeded: openings that hold the seed words of context prefixes.
    """

    lead: str
    pronoun: str
    told: Told
    hops: dict[str, str]
    filler: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    seeded: tuple[str, ...]

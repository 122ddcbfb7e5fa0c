"""How much the embedded claims' subjects are spelt alike in two languages.

The models' own tokens are out of reach here, for reports read neither models nor their tokenizers; letters are counted.
"""

from __future__ import annotations

import unicodedata

from bench.data.claims.items import items

BLOCK, FIRST, LAST = 0x80, 0x0900, 0x0D7F
"""Unicode gives each Indic script so many places from the first on, the same sound at the same place of each."""

LETTERS = 3


def overlaps(languages: tuple[str, ...], sounds: bool = False) -> dict[tuple[str, str], float]:
    """Share of character trigrams that a subject's names in two languages have in common, mean over all subjects.

    Shared trigrams over all trigrams of both names; names in lower case, between two spaces.

    Args:
        languages: of the embedded claims.
        sounds: read letters of all Indic scripts as Devanagari, as the embedded models' tokenizers do for most.
    """
    names = {item.subject_id: item.subject for item in items()}.values()
    parts = {lang: [trigrams(name[lang], sounds) for name in names] for lang in languages}
    return {
        (one, two): sum(len(a & b) / len(a | b) for a, b in zip(parts[one], parts[two], strict=True)) / len(names)
        for one in languages
        for two in languages
    }


def trigrams(name: str, sounds: bool = False) -> frozenset[str]:
    """Runs of three characters of a name in lower case, between spaces."""
    text = f" {unicodedata.normalize('NFC', name).lower()} "
    if sounds:
        text = "".join(map(_as_devanagari, text))
    return frozenset(text[i : i + LETTERS] for i in range(len(text) - LETTERS + 1))


def _as_devanagari(sign: str) -> str:
    code = ord(sign)
    return chr(FIRST + code % BLOCK) if FIRST <= code <= LAST else sign

"""What every source shares: what it is asked for, what it hands back, seeded order, hashes of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.api import Fact, Probe

T = TypeVar("T")

SPACELESS_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Written without spaces between words."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Which facts are wanted.

    Attributes:
        languages: ISO 639-1 codes, in the order in which they will be edited.
        per_language: facts per language.
        seed: draws which facts, and their order.
        data_dir: folder that holds the data sets that are not embedded.
        parallel: the same facts in every language; else each in as few languages as can be.
    """

    languages: tuple[str, ...]
    per_language: int
    seed: int = 0
    data_dir: Path | None = None
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class AlignmentCount:
    """What became of the records of one language when their subjects were looked for in their prompts.

    Attributes:
        read: records in the file.
        exact: the subject stands in the prompt as it is.
        casefold: it does but for case or typographic marks.
        english: the English subject stands there.
        closest: neither does; the closest span was taken.
        dropped: records left out, by reason.
        rephrase_equal: kept records whose rephrase equals the prompt, so that it measures nothing.
    """

    lang: str
    read: int
    exact: int = 0
    casefold: int = 0
    english: int = 0
    closest: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    rephrase_equal: int = 0

    @property
    def kept(self) -> int:
        """Records that can be edited."""
        return self.read - sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class LoadedData:
    """Facts by language, in the order in which they are to be edited, and how they were found.

    Attributes:
        facts: at most `DataRequest.per_language` per language.
        report: counts over all records of the source, one entry per language; empty where nothing is aligned.
    """

    facts: Mapping[str, Sequence[Fact]]
    report: tuple[AlignmentCount, ...] = ()


def shuffled(items: Iterable[T], seed: int, part: str) -> list[T]:
    """Put `items` in an order drawn by `seed` for `part`; the same on every machine and Python version."""

    def rank(place: int) -> bytes:
        return hashlib.blake2b(f"{seed}/{part}/{place}".encode(), digest_size=8).digest()

    listed = list(items)
    return [listed[place] for place in sorted(range(len(listed)), key=rank)]


def crosslingual(fact_id: str, lang: str, asked: Mapping[str, tuple[str, str]]) -> tuple[Probe, ...]:
    """Ask a fact that is edited in `lang` in the other languages: language -> (prompt, target)."""
    return tuple(
        Probe(fact_id, "crosslingual", lang, other, prompt, target)
        for other, (prompt, target) in asked.items()
        if other != lang
    )


def digest(paths: Iterable[Path], *words: str) -> str:
    """Hash the contents and names of files (folders do not count), and `words`, to 16 hex digits."""
    total = hashlib.blake2b("\0".join(words).encode(), digest_size=8)
    for path in sorted(paths, key=lambda each: each.name):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "blake2b")
        total.update(path.name.encode() + b"\0" + content.digest())
    return total.hexdigest()

"""Find the subject of a question that names none: the span that the question shares with its statement.

For languages with spaces between words; `bench.data.sources.unspaced` is for the others.

"Where was Clara Bow born?" and "Clara Bow was born in Norway." share "Clara Bow" and "born". Of all runs of words
that stand in both, the answer left out, the one is taken whose words weigh most together. A word weighs more the
fewer records of the language hold it, more as a name (a capital or a digit), as a word of the same question in
English, or within quotation marks; a common word weighs less than nothing, so that it stays outside.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz import fuzz, process

from bench.data.sources.align import fold
from bench.data.spans import Span

COMMON = 4.0
"""A word that n / e^COMMON of n records hold weighs nothing: 20 of 1,072."""
NAME, ENGLISH, QUOTED, SMALL = 1.5, 2.0, 2.0, -1.0
"""Least weight of a name; what the English question and quotation marks add; weight of a word in small letters."""
ALIKE = 70.0
"""Lowest ratio, of 100, at which two names in two languages are one: Kanada, Canada."""

NOUNS_HAVE_CAPITALS = frozenset({"de"})

_WORD = re.compile(r"\w+(?:[-.]\w+)*")
_QUOTED = re.compile(r'"[^"]+"|«[^»]+»|(?<!\w)\'[^\']+\'(?!\w)')
_MARK = re.compile(r"[\"«»]|(?<!\w)'|'(?!\w)")


class Asked(NamedTuple):
    """A question, the statement that answers it, the answer, and other ways to say it."""

    question: str
    statement: str
    answer: str
    aliases: tuple[str, ...] = ()

    @property
    def known(self) -> str:
        """The statement without its answer, folded."""
        return fold(self.statement).replace(fold(self.answer), "\0")


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds subjects in one language.

    Attributes:
        lang: ISO 639-1 code.
        records: in how many records the language has.
        holding: in how many of them a word stands.
    """

    lang: str
    records: int
    holding: Mapping[str, int]

    @classmethod
    def of(cls, lang: str, asked: Sequence[Asked]) -> Finder:
        """Count the words of a language's records."""
        holding: Counter[str] = Counter()
        for each in asked:
            holding.update({word for text in (fold(each.question), each.known) for word in _WORD.findall(text)})
        return cls(lang, len(asked), holding)

    def find(self, asked: Asked, english: str = "") -> Span | None:
        """Where the subject stands in the question, or None if nothing that weighs anything is shared.

        Args:
            asked: the record.
            english: its question in English, "" for English itself.
        """
        words = self._words(asked.question, _names(english))
        best = self._heaviest(asked, words, strict=True)
        if best is None:
            # a subject in small letters ("basketball"), which needs the English question's word for it
            best = self._heaviest(asked, words, strict=False)
            inside = [word for word in words if best and best.start <= word.start < best.end]
            if english and not any(word.english for word in inside):
                return None
        return self._without_kind(best, words) if best else None

    def _without_kind(self, span: Span, words: Sequence[_Word]) -> Span:
        """The span without what a thing is called before its name: "Team" Real Salt Lake, "Musikers" Adderley."""
        inside = [word for word in words if span.start <= word.start < span.end]
        named = [word.start for word in inside if word.english]
        quoted = any(word.quoted for word in inside)
        return span._replace(start=named[0]) if named and not quoted else span

    def _heaviest(self, asked: Asked, words: Sequence[_Word], strict: bool) -> Span | None:
        weights = [self._weight(word, strict) for word in words]
        weight, start, end = max(self._runs(asked, words, weights), default=(0.0, 0, 0))
        return Span(start, end, "named") if weight > 0 else None

    def _words(self, question: str, english: Sequence[str]) -> list[_Word]:
        folded = fold(question)
        quotes = [match.span() for match in _QUOTED.finditer(folded)]
        found = []
        for number, match in enumerate(_WORD.finditer(folded)):
            start, end = match.span()
            written = question[start:end]
            name = number > 0 and any(each.isupper() or each.isdigit() for each in written)
            known = match[0] in english or _like(match[0], english)
            quoted = any(first < start and end < last for first, last in quotes)
            found.append(_Word(start, end, self._rarity(match[0]), name, known, quoted))
        return found

    def _rarity(self, word: str) -> float:
        """How much rarer than common a word is."""
        return math.log(max(self.records, 1) / max(self.holding.get(word, 0), 1)) - COMMON

    def _weight(self, word: _Word, strict: bool) -> float:
        if word.quoted:
            return max(word.rarity, 0.0) + QUOTED
        weight = word.rarity + (ENGLISH if word.english else 0.0)
        if word.name and self.lang in NOUNS_HAVE_CAPITALS and not word.english:
            return weight + SMALL
        if word.name:
            return max(weight, NAME)
        return SMALL if strict else word.rarity

    def _runs(self, asked: Asked, words: Sequence[_Word], weights: Sequence[float]) -> Iterator[tuple[float, int, int]]:
        """Weight, start and end of every run of words of the question that stands in the statement."""
        folded, known = fold(asked.question), asked.known
        marks = {match.start() for match in _MARK.finditer(folded)}
        for number, first in enumerate(words):
            weight = 0.0
            for last, more in zip(words[number:], weights[number:], strict=True):
                run = folded[first.start : last.end]
                if marks & set(range(first.start, last.end)) or not re.search(rf"\b{re.escape(run)}\b", known):
                    break
                weight += more
                yield weight, first.start, last.end


class _Word(NamedTuple):
    """Characters [start, end) of a question and what speaks for their being a name."""

    start: int
    end: int
    rarity: float
    name: bool
    english: bool
    quoted: bool


def _names(english: str) -> list[str]:
    return list(dict.fromkeys(_WORD.findall(fold(english))))


def _like(name: str, english: Sequence[str]) -> bool:
    if len(name) <= 3:
        return False
    return process.extractOne(name, english, scorer=fuzz.ratio, score_cutoff=ALIKE) is not None

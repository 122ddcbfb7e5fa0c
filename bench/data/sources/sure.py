"""Whether the span that was found in a question is sure to be its subject, no more and no less of it.

A span in quotation marks is. In English, one in capitals is, with no capital beside it. In another language, one that
looks like the English subject of the same record is: names are the same in most languages with spaces, and half a name
does not look like the whole. What is left is not sure, and why is counted.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from rapidfuzz import fuzz

from bench.data.sources.align import fold, goes_on, is_capital
from bench.data.spans import Span

ALIKE = 85.0
"""Lowest ratio, of 100, at which a name in another language is the English one."""

TITLE = 50.0
"""The same for what stands in quotation marks, where the English one does not."""

NOTHING = "no span shared with the statement"
SMALL = "in small letters"
LONGER = "the name may be longer"
BRACKETS = "half a pair of brackets"
UNLIKE = "unlike the English subject"
NO_ENGLISH = "no sure English subject"

_QUOTES = ('""', "''", "«»", "“”", "„“", "‘’")
_ABBREVIATED = re.compile(r"(?:(?:\w\.)+\w|\b[JS]r)$")
_MORE = re.compile(r" (?:national|men's|women's) |'s? ")
"""After an English name: Greece national football team, Hilbert's axioms."""
_PARTICLE = re.compile(r"\b(?:de|du|da|di|del|della|la|le|van|von|der|den|bin|ibn|al|el) $")
"""Before one: de Havilland Canada."""
_CUT = re.compile("['’][^\\W_]")
"""After a name, in any language: Yuval Ne'eman."""
_INITIAL = re.compile(r"\b[^\W\d_]\. $")
"""Before one: J. Christopher Stevens."""
_GERMAN_ORDINAL = re.compile(r"\b[IVX]+$")
CAPITALS_OF_NOUNS = frozenset({"de"})


class Known(NamedTuple):
    """The subject of a record in English, and whether it stands in quotation marks there."""

    name: str
    quoted: bool


def judge(question: str, span: Span | None, lang: str, english: Known | None) -> Span | str:
    """The span and how it is known, or why it is not sure.

    Args:
        question: in `lang`.
        span: what was found in it.
        lang: ISO 639-1 code.
        english: the English subject of the record; None where that is not sure.
    """
    if span is None:
        return NOTHING
    span = _with_its_dot(question, span, lang)
    name = question[span.start : span.end]
    if name.count("(") != name.count(")"):
        return BRACKETS
    if _is_quoted(question, span):
        # Nate "Tiny" Archibald
        around = Span(span.start - 1, span.end + 1, "quoted")
        if lang not in CAPITALS_OF_NOUNS and goes_on(question, around):
            return LONGER
        # a title that tells who somebody is stands in quotation marks too, but not in English
        titled = english is None or english.quoted or fuzz.ratio(_bare(name), _bare(english.name)) >= TITLE
        return span._replace(how="quoted") if titled else UNLIKE
    cut = _CUT.match(question, span.end) or _INITIAL.search(question[: span.start])
    if cut or (lang not in CAPITALS_OF_NOUNS and goes_on(question, span)):
        return LONGER
    if lang == "en":
        if _MORE.match(question, span.end) or _PARTICLE.search(question[: span.start]):
            return LONGER
        words = name.split()
        return span if is_capital(words[0]) and is_capital(words[-1]) else SMALL
    if english is None:
        return NO_ENGLISH
    ours, theirs = _bare(name), _bare(english.name)
    if ours == f"{theirs}s":  # a German genitive
        span = span._replace(end=span.end - 1)
    return span._replace(how="alike") if fuzz.ratio(ours, theirs) >= ALIKE else UNLIKE


def _with_its_dot(question: str, span: Span, lang: str) -> Span:
    """The span with the dot that ends an abbreviation or a German ordinal: "Chelsea F.C.", "Leo IV."."""
    written = question[: span.end]
    dotted = _ABBREVIATED.search(written) or (lang == "de" and _GERMAN_ORDINAL.search(written))
    return span._replace(end=span.end + 1) if dotted and question[span.end : span.end + 1] == "." else span


def _is_quoted(question: str, span: Span) -> bool:
    """Whether quotation marks stand around the span and nothing else."""
    before, after = question[: span.start].rstrip(" \u00a0"), question[span.end :].lstrip(" \u00a0")
    return f"{before[-1:]}{after[:1]}" in _QUOTES


def _bare(name: str) -> str:
    """Folded, without accents: José is Jose."""
    return "".join(each for each in unicodedata.normalize("NFKD", fold(name)) if not unicodedata.combining(each))

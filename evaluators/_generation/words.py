"""What of an answer is compared: its words, as the published rule and as each language has them."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from bench.ground.languages import spaceless_languages

Words = tuple[str, ...]

ARTICLES: Mapping[str, str] = {
    "en": r"\b(?:a|an|the)\b",
    "de": r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "nl": r"\b(?:de|het|een)\b|(?<!\w)['’]t\b",
    "es": r"\b(?:un|una|unos|unas|el|la|los|las)\b",
    "fr": r"\b(?:un|une|des|du|le|la|les)\b|\bl['’]",
}

_SPACELESS = spaceless_languages()
_ALONE = ("Lo", "Lm")
"""Kinds of letters that have no case; in languages without spaces each is a word."""


def published(text: str) -> Words:
    """As SQuAD's script does: small letters, no ASCII punctuation, no English articles."""
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    return tuple(re.sub(ARTICLES["en"], " ", bare).split())


def multilingual(text: str, lang: str) -> Words:
    """The same for any language: NFKC and case folded, no punctuation of any script, no articles of the language.

    Of languages without spaces every such letter is a word. What would leave nothing is left out: an answer that is all
    articles or all punctuation is compared as it is.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    articles = ARTICLES.get(lang)
    tries = [re.sub(articles, " ", folded)] if articles else []
    for each in (*tries, folded):
        if found := _split(_unpunctuated(each), lang):
            return found
    return _split(folded, lang)


def _unpunctuated(text: str) -> str:
    return "".join(c for c in text if c not in string.punctuation and not unicodedata.category(c).startswith("P"))


def _split(text: str, lang: str) -> Words:
    if lang in _SPACELESS:
        text = "".join(f" {char} " if unicodedata.category(char) in _ALONE else char for char in text)
    return tuple(text.split())


def same(first: Words, second: Words, lang: str) -> bool:
    """Whether two answers are one; spaces do not count where a language has none."""
    return _joined(first, lang) == _joined(second, lang)


def contains(answer: Words, wanted: Words, lang: str) -> bool:
    """Whether an answer has the wanted words in a row; where a language has no spaces, the letters."""
    if not wanted:
        return False
    if lang in _SPACELESS:
        return _joined(wanted, lang) in _joined(answer, lang)
    return f" {_joined(wanted, lang)} " in f" {_joined(answer, lang)} "


def f1(answer: Words, wanted: Words) -> float:
    """F1 of the words of an answer; 0 where none is right."""
    shared = sum((Counter(answer) & Counter(wanted)).values())
    return 2 * shared / (len(answer) + len(wanted)) if shared else 0.0


def _joined(words: Sequence[str], lang: str) -> str:
    return ("" if lang in _SPACELESS else " ").join(words)

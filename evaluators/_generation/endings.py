"""Where an answer ends: the published rule, and one that knows that languages differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench.ground.languages import spaceless_languages


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BREAKS = "\n\r\v\f\x85\u2028\u2029"
"""They end a line."""

ALONE = "。｡！？।॥۔؟։።။។༎"
"""Ends of sentences that nothing else is written with: Chinese and Japanese, Hindi, Urdu, Arabic, Armenian, Amharic,
Burmese, Khmer, Tibetan."""

SHARED = ".．!?…"
"""Ends of sentences that also stand within numbers, names and abbreviations."""

CLOSERS = "\"'”’»›)]}」』）】》"
"""They stand between the end of a sentence and the space after it."""

ORDINALS = _words("cs da de et fi fo hr hu is lv nb nn no pl sk sl sr tr")
"""Languages that write an ordinal as a number and a full stop."""

LONGEST_ORDINAL = 2
"""Digits of an ordinal; with more it is a year, and ends the sentence."""

ABBREVIATIONS: Mapping[str, frozenset[str]] = {
    "": _words("dr prof st jr sr vs etc ca nr"),
    "en": _words(
        "mr mrs ms messrs mt ft rev hon gov sen rep pres gen col maj capt cmdr lt sgt ave blvd rd dept univ est "
        "approx inc ltd corp co bros vol fig jan feb aug sept oct nov dec"
    ),
    "de": _words(
        "hr fr frl hl bzw vgl usw geb gest gegr ggf evtl inkl exkl sog mio mrd jh jhd str bd hrsg verh dipl ing "
        "jan feb aug sept okt nov dez"
    ),
    "nl": _words("mr mevr dhr drs ir ing mw ds bijv resp enz jl blz jhr gen kol no jan feb aug sept okt nov dec"),
    "es": _words("sra srta dra ud uds vd av avda núm pág art gral cnel cap sto sta aprox admón cía dpto"),
    "fr": _words("mm mme mmes mlle mgr ste av bd env cf chap éd vol apr janv févr avr juil sept oct nov déc"),
}
"""Words, by language and in all ("") of them, that a full stop shortens and that more words follow."""

_MARK = re.compile(rf"(?P<break>[{BREAKS}])|(?P<alone>[{ALONE}])|(?P<shared>[{SHARED}]+)")
_ROMAN = re.compile(r"[^\W\d_]{2}\s[IVX]$|(?<!\w)[IVXLC]{2,}$")
"""A Roman number at the end; a letter alone is one only behind a name, as a king's is, and else an initial."""

_LAST_WORD = re.compile(r"[^\s(\[{«»„“”\"‘]*$")
_SPACELESS = spaceless_languages()


@dataclass(frozen=True, slots=True)
class FirstMark:
    """The published rule (WILD): an answer ends before the first full stop or line break, whatever they stand in."""

    def __call__(self, text: str, *, final: bool) -> int | None:
        """Where that is."""
        places = [place for mark in ".\n" if (place := text.find(mark)) >= 0]
        return min(places, default=None)


@dataclass(frozen=True, slots=True)
class Sentence:
    """An answer ends with its first sentence or line; blank lines before it do not count.

    A mark that may stand within something ends a sentence only where a space follows or nothing does, and not after an
    initial, an abbreviation or, where a language writes them so, an ordinal. In doubt a sentence goes on.

    Attributes:
        lang: code of the language.
    """

    lang: str

    def __call__(self, text: str, *, final: bool) -> int | None:
        """Where that is; a mark that ends the text so far is waited with, for what follows decides."""
        start = len(text) - len(text.lstrip())
        for mark in _MARK.finditer(text, start):
            if not mark["shared"]:
                return mark.start()
            after = text[mark.end() :].lstrip(CLOSERS)
            if not after and not final:
                return None
            if self._ends(mark["shared"], text[start : mark.start()], after):
                return mark.start()
        return None

    def _ends(self, mark: str, before: str, after: str) -> bool:
        if after and not self._sets_apart(after[0], mark):
            return False
        return mark not in (".", "．") or not self._is_short(before, bool(after))

    def _sets_apart(self, following: str, mark: str) -> bool:
        """Whether a new sentence may begin with it."""
        if mark == "．" or self.lang in _SPACELESS:
            return not (following.isdecimal() or (following.isascii() and following.isalpha()))
        return following.isspace()

    def _is_short(self, before: str, goes_on: bool) -> bool:
        """Whether the full stop belongs to the word before it."""
        found = _LAST_WORD.search(before)
        word = found[0] if found else ""
        if word.isdecimal() or _ROMAN.search(before):
            fits = len(word) <= LONGEST_ORDINAL or not word.isdecimal()
            return goes_on and self.lang in ORDINALS and fits
        is_initial = len(word) == 1 and word.lower() != word.upper()
        is_dotted = "." in word and any(map(str.isalpha, word))
        known = ABBREVIATIONS[""] | ABBREVIATIONS.get(self.lang, frozenset())
        return is_initial or is_dotted or word.casefold() in known

"""Names in the languages beyond the six: the CLDR's, and those of invented places spelt in other scripts.

An invented name is a run of syllables of a consonant and a vowel, so that a letter for each spells it; no two of the
syllables are spelt alike in any script.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from babel import Locale

from bench.data.cldr.further import LANGUAGES

HAND_WRITTEN = {
    ("sw", "script", "Copt"): "Kikoptiki",
    ("sw", "script", "Goth"): "Kigothi",
    ("sw", "script", "Runr"): "Kiruni",
    ("sw", "script", "Ogam"): "Kiogham",
}
"""Objects that the CLDR has no name of."""

DECLINED = frozenset({"ru"})
"""Languages that call a month otherwise in a date."""

_TABLES = {"currency": "currencies", "language": "languages", "partner": "territories", "script": "scripts"}

_CONSONANTS = "bdfghklmnprstvyz"
_VOWELS = "aeiou"
_SPELT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ru": (tuple("бдфгхклмнпрствйз"), tuple("аеиоу")),
    "ar": (tuple("بدفغهكلمنپرستڤيز"), ("ا", "َي", "ي", "و", "ُو")),
    "hi": (
        ("ब", "द", "फ़", "ग", "ह", "क", "ल", "म", "न", "प", "र", "स", "त", "व", "य", "ज़"),
        ("ा", "े", "ी", "ो", "ू"),
    ),
    "bn": (
        ("ব", "দ", "ফ", "গ", "হ", "ক", "ল", "ম", "ন", "প", "র", "স", "ত", "ভ", "ইয়", "জ"),
        ("া", "ে", "ি", "ো", "ু"),
    ),
}
"""Letters in the order of the Latin ones."""

_KANA = (
    "ba バ be ベ bo ボ da ダ do ド du ドゥ fa ファ fe フェ fi フィ ga ガ go ゴ gu グ ha ハ ka カ ke ケ ko コ ku ク "
    "la ラー le レー li リー lo ロー lu ルー ma マ me メ mi ミ mo モ na ナ ne ネ ni ニ no ノ pa パ pe ペ po ポ "
    "ra ラ re レ ri リ ro ロ ru ル sa サ so ソ su ス ta タ te テ ti ティ to ト tu トゥ va ヴァ ve ヴェ vi ヴィ "
    "vo ヴォ ya ヤ yo ヨ za ザ zo ゾ"
)
"""Japanese does not tell l from r; here l is long."""


class Names(dict[str, str]):
    """A name by language: those of the six are there, those of further languages are made when they are asked for."""

    def __init__(self, six: Mapping[str, str], further: Callable[[str], str]) -> None:
        super().__init__(six)
        self._further = further

    def __missing__(self, lang: str) -> str:
        if lang not in LANGUAGES:
            raise KeyError(lang)
        return self._further(lang)


@cache
def _locale(lang: str) -> Locale:
    return Locale.parse(lang)


@cache
def _syllables(lang: str) -> dict[str, str]:
    if lang == "ja":
        return dict(zip((kana := _KANA.split())[::2], kana[1::2], strict=True))
    consonants, vowels = _SPELT[lang]
    return {
        consonant + vowel: spelt + mark
        for consonant, spelt in zip(_CONSONANTS, consonants, strict=True)
        for vowel, mark in zip(_VOWELS, vowels, strict=True)
    }


def spelt(latin: str, lang: str) -> str:
    """An invented place's name in a language; in Latin script it is the same in all."""
    if lang not in _SPELT and lang != "ja":
        return latin
    letters, known = latin.lower(), _syllables(lang)
    name = "".join(known[letters[at : at + 2]] for at in range(0, len(letters), 2))
    return unicodedata.normalize("NFC", name.capitalize() if lang == "ru" else name)


def object_name(relation: str, key: str, lang: str) -> str:
    """What the CLDR calls an object; a month as it stands by itself, not in a date."""
    if given := HAND_WRITTEN.get((lang, relation, key)):
        return given
    locale = _locale(lang)
    table: Any
    if relation in ("month", "day"):
        # where the two are the same the CLDR has but one, and `babel` gives another locale's for the other
        form = "stand-alone" if lang in DECLINED else "format"
        table = (locale.months if relation == "month" else locale.days)[form]["wide"]
        return _composed(table[int(key)])
    return _composed(getattr(locale, _TABLES[relation])[key])


def city_name(zone: str, latin: str, lang: str) -> str:
    """What the CLDR calls a time zone's city; Latin-script locales leave out what is spelt as everywhere."""
    return _composed((_locale(lang).time_zones.get(zone) or {}).get("city") or latin)


def _composed(name: object) -> str:
    return unicodedata.normalize("NFC", str(name))

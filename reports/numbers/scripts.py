"""How languages are related, as XME counts it: the same language, the same script, another script.

The Indic languages count as of one script, as there, whatever letters they are written in; so does Latin. Languages of
any other script stand by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

from babel import Locale
from babel.core import get_global

SAME, SCRIPT, OTHER = "same", "script", "other"
RELATIONS = {SAME: "same language", SCRIPT: "same script", OTHER: "other script"}

LATIN, INDIC = "Latin", "Indic"
MAIN = f"{LATIN} and {INDIC}"
"""The languages of the paper, less those that it added."""

ORDER = ("en", "fr", "es", "hi", "gu", "bn", "ta", "ml", "kn")

_SCRIPTS = {
    "Latn": LATIN,
    **dict.fromkeys(("Deva", "Gujr", "Beng", "Taml", "Mlym", "Knda", "Telu", "Guru", "Orya", "Sinh"), INDIC),
    **dict.fromkeys(("Hans", "Hant"), "Chinese"),
}


def script_of(code: str) -> str:
    """The script that a language counts as, for people; the code where none is known."""
    parts = str(get_global("likely_subtags").get(code, "")).split("_")
    script = parts[1] if len(parts) > 1 else ""
    return _SCRIPTS.get(script) or str(Locale("en").scripts.get(script, code))


def relation(edited: str, asked: str) -> str:
    """How the language of a question is related to that of the edit: a key of `RELATIONS`."""
    if edited == asked:
        return SAME
    return SCRIPT if script_of(edited) == script_of(asked) else OTHER


def among(edited: str, asked: str) -> tuple[str, ...]:
    """Rows of a table in which a pair of languages counts: `MAIN`, or that of each further script in it."""
    scripts = dict.fromkeys((script_of(edited), script_of(asked)))
    return tuple(script for script in scripts if script not in (LATIN, INDIC)) or (MAIN,)


def by_script(codes: Iterable[str]) -> list[str]:
    """Languages of a script beside each other: Latin, Indic, then others."""
    scripts = (LATIN, INDIC)
    rank = {code: place for place, code in enumerate(ORDER)}

    def key(code: str) -> tuple[int, str, int, str]:
        script = script_of(code)
        place = scripts.index(script) if script in scripts else len(scripts)
        return place, script, rank.get(code, len(rank)), code

    return sorted(set(codes), key=key)

"""Languages by their codes, as the Unicode CLDR (package `babel`) knows them.

A code is known by its primary subtag alone: "zh-CN", "ZH", "zh_Hans", "cmn" and "zho" are "zh". Cantonese ("yue") stays
itself, for CLDR counts it, and other Chinese languages, as languages of their own: facts in them are others' facts.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from bench.ground.errors import BenchError

SPACELESS_SCRIPTS = frozenset(
    {
        *("Hans", "Hant", "Hani", "Bopo", "Jpan", "Hira", "Kana", "Hrkt"),
        *("Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Lana", "Tale", "Talu", "Tavt"),
    }
)
"""Scripts in which words are written without spaces between them."""

NO_LANGUAGES = frozenset({"und", "mul", "mis", "zxx", "root"})
"""Codes for what is no one language."""

_CODE = re.compile(r"([a-z]{2,3})((?:[-_][a-z0-9]{1,8})*)(?:[.@].*)?", re.IGNORECASE | re.ASCII)
_SCRIPT = re.compile(r"[-_]([a-z]{4})(?![a-z0-9])", re.IGNORECASE)


def primary(code: str) -> str:
    """The primary subtag of a language code, as short as it can be.

    Args:
        code: of ISO 639, BCP 47 or a locale, in any case: "zh", "zho", "zh-Hans-CN", "zh_CN.UTF-8".

    Raises:
        BenchError: no such language; what may be meant.
    """
    match = _CODE.fullmatch(code.strip())
    if match:
        found = str(_cldr("language_aliases").get(match[1].lower(), match[1].lower())).split("_")[0]
        if found not in NO_LANGUAGES and (found in _cldr("likely_subtags") or found in _names().values()):
            return found
    raise BenchError(f"unknown language '{code}'{_meant(code.strip())}")


def primary_if_known(code: str) -> str:
    """As `primary`; a code of no language stays as it is, for whoever knows which languages there are to refuse it."""
    try:
        return primary(code)
    except BenchError:
        return code


def spaceless(code: str) -> bool:
    """Whether a language is written without spaces between words: in the script that the code names, or its usual one.

    Raises:
        BenchError: no such language.
    """
    language = primary(code)
    named = _SCRIPT.search(code)
    usual = str(_cldr("likely_subtags").get(language, "")).split("_")[1:2]
    return bool(SPACELESS_SCRIPTS.intersection([named[1].title()] if named else usual))


def spaceless_languages() -> frozenset[str]:
    """All languages that are usually written without spaces between words."""
    likely = _cldr("likely_subtags").items()
    return frozenset(code for code, tag in likely if "_" not in code and tag.split("_")[1] in SPACELESS_SCRIPTS)


def _cldr(name: str) -> Any:
    from babel.core import get_global

    return get_global(name)


def _names() -> dict[str, str]:
    """Codes by English names in small letters."""
    from babel import Locale

    return {name.lower(): code for code, name in Locale("en").languages.items() if "_" not in code}


def _meant(code: str) -> str:
    """A clause that names the language whose English name, or country, was given for a code."""
    names = _names()
    near = get_close_matches(code.lower(), names, n=1, cutoff=0.8)
    country = str(_cldr("likely_subtags").get(f"und_{code.upper()}", "")).split("_")[0]
    guess = names[near[0]] if near else country
    return f"; did you mean '{guess}'?" if guess else "; give its code of ISO 639, such as 'en' or 'zh'"

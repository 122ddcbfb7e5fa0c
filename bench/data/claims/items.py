"""What is claimed: facts of the Unicode CLDR (package `babel`) that are complete in all eleven languages.

Three relations: a country's currency, a country's official language, a city's country. Every fact has a true claim and
one false claim, always the same, whose object is that of another fact: an object alone does not tell which it is.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from babel import Locale
from babel.core import get_global

from bench.data.claims.phrasings import CLAIMS, LANGUAGES, RELATIONS

FALSE_SEED = 31
SPLIT_SEED = 32

EDITED = 0.25
"""Share of the facts that edits are drawn from; editors practise on the others."""

Names = Mapping[str, str]

_OBJECTS = {"currency": "currencies", "language": "languages", "country": "territories"}


@dataclass(frozen=True, slots=True)
class Item:
    """A fact and the object of its false claim.

    Attributes:
        relation: one of `RELATIONS`.
        subject_id: territory code or time zone.
        subject: the subject's name by language.
        true, false: names of what is true and of what the false claim says, by language.
    """

    relation: str
    subject_id: str
    subject: Names
    true: Names
    false: Names

    def claim_id(self, holds: bool) -> str:
        """The same in all languages, such as ``currency/FR/true``."""
        return f"{self.relation}/{self.subject_id}/{str(holds).lower()}"

    def claim(self, lang: str, holds: bool, phrasing: int = 0) -> tuple[str, str]:
        """A claim with a slot ``{}`` for its subject, and the subject."""
        said = (self.true if holds else self.false)[lang]
        return CLAIMS[self.relation][lang][phrasing].replace("{o}", said).replace("{s}", "{}"), self.subject[lang]

    def text(self, lang: str, holds: bool, phrasing: int = 0) -> str:
        """The claim."""
        claim, subject = self.claim(lang, holds, phrasing)
        return claim.replace("{}", subject)


@cache
def items() -> tuple[Item, ...]:
    """All facts, in a fixed order."""
    found = [*_of_countries("currency", _currencies()), *_of_countries("language", _languages()), *_of_cities()]
    return tuple(_with_false_objects(found))


@cache
def split() -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Facts to edit, and facts to practise on: of other subjects, so that nothing said of one is known of the other."""
    subjects = sorted({item.subject_id for item in items()})
    random.Random(SPLIT_SEED).shuffle(subjects)
    edited = set(subjects[: round(EDITED * len(subjects))])
    return (
        tuple(item for item in items() if item.subject_id in edited),
        tuple(item for item in items() if item.subject_id not in edited),
    )


@cache
def _locale(lang: str) -> Locale:
    return Locale.parse(lang)


def _names(table: str, key: str) -> Names | None:
    """Names in all languages; None where one has none."""
    found = {lang: str(getattr(_locale(lang), table).get(key, "")) for lang in LANGUAGES}
    return None if any(not name or "{" in name for name in found.values()) else found


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha()


_Known = tuple[str, str, Names, str]
"""Relation, subject, its names, and the true object."""


def _of_countries(relation: str, true: Mapping[str, str]) -> list[_Known]:
    found = []
    for code in sorted(filter(_is_country, true)):
        subject, said = _names("territories", code), _names(_OBJECTS[relation], true[code])
        if subject and said and all(subject[lang] != said[lang] for lang in LANGUAGES):
            found.append((relation, code, subject, true[code]))
    return found


def _currencies() -> dict[str, str]:
    """The principal legal tender still in use, by territory."""
    tenders = {
        code: [name for name, _, end, tender in entries if end is None and tender]
        for code, entries in get_global("territory_currencies").items()
    }
    return {code: names[0] for code, names in tenders.items() if names}


def _languages() -> dict[str, str]:
    """The most spoken official language by territory."""
    found = {}
    for code, spoken in get_global("territory_languages").items():
        official = {
            lang: info for lang, info in spoken.items() if info["official_status"] in ("official", "de_facto_official")
        }
        if official:
            found[code] = min(official, key=lambda lang: (-official[lang]["population_percent"], lang))
    return found


def _of_cities() -> list[_Known]:
    """Exemplar cities of time zones; left out are those named like a country, whose claim would name its object."""
    taken = {str(name) for lang in LANGUAGES for name in _locale(lang).territories.values()}
    found = []
    for zone, code in sorted(get_global("zone_territories").items()):
        city = _city(zone)
        if city and _is_country(code) and _names("territories", code) and taken.isdisjoint(city.values()):
            found.append(("country", zone, city, code))
    return found


def _city(zone: str) -> Names | None:
    """Locales in Latin script leave a city out where it is the last part of the zone's id."""
    own = {lang: (_locale(lang).time_zones.get(zone) or {}).get("city") for lang in LANGUAGES}
    latin = zone.rsplit("/", 1)[-1].replace("_", " ")
    found = {lang: str(name or (latin if lang in ("en", "fr", "es") else "")) for lang, name in own.items()}
    return found if all(found.values()) else None


def _with_false_objects(known: Sequence[_Known]) -> list[Item]:
    """Objects are dealt out anew among the facts of a relation until none has its own."""
    rng, found = random.Random(FALSE_SEED), list[Item]()
    for relation in RELATIONS:
        facts = [each for each in known if each[0] == relation]
        false = [said for *_, said in facts]
        rng.shuffle(false)
        for i, (*_, true) in enumerate(facts):
            if false[i] == true:
                # one whose trade leaves both with another object than their own
                j = next(j for j, (*_, theirs) in enumerate(facts) if false[j] != true and false[i] != theirs)
                false[i], false[j] = false[j], false[i]
        for (_, code, subject, true), said in zip(facts, false, strict=True):
            names = [_names(_OBJECTS[relation], key) for key in (true, said)]
            if names[0] and names[1]:
                found.append(Item(relation, code, subject, names[0], names[1]))
    return found

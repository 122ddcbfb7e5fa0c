"""What is known of places, in six languages, from the Unicode CLDR (package `babel`).

Three relations: a country's currency, a country's official language, a city's country. Only real facts are edited or
probed. Invented places carry the same objects in training only: an object can be written into a model only if the model
knows it as the object of many subjects.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from babel import Locale
from babel.core import get_global

from bench.data.cldr.phrasings import LANGUAGES, PHRASINGS, RELATIONS

POOL_SIZE = 32

MIN_SUBJECTS = 10

INVENTED_SEED = 20

Names = Mapping[str, str]


# Latin syllable and its Chinese transliteration, for names of invented places.
_SYLLABLES = (
    "ba巴 be贝 bo博 da达 do多 du杜 fa法 fe费 fi菲 ga加 go戈 gu古 ha哈 ka卡 ke克 ko科 ku库 la拉 le莱 li利 lo洛 lu卢 "
    "ma马 me梅 mi米 mo莫 na纳 ne内 ni尼 no诺 pa帕 pe佩 po波 ra腊 re雷 ri里 ro罗 ru鲁 sa萨 so索 su苏 ta塔 te特 ti蒂 "
    "to托 tu图 va瓦 ve韦 vi维 vo沃 ya亚 yo约 za扎 zo佐"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of knowledge, in all languages.

    Attributes:
        relation: one of `RELATIONS`.
        subject_id: territory code, time zone, or ``X...`` of an invented place.
        subject: the subject's name by language.
        true_ids: all true objects, the expected one first.
        real: False for an invented place.
    """

    relation: str
    subject_id: str
    subject: Names
    true_ids: tuple[str, ...]
    real: bool = True

    @property
    def fact_id(self) -> str:
        """The same in all languages, such as ``currency/FR``."""
        return f"{self.relation}/{self.subject_id}"

    def prompt(self, lang: str, phrasing: int = 0) -> str:
        """The filled-in prompt."""
        before, after = PHRASINGS[self.relation][lang][phrasing].split("{}")
        return before + self.subject[lang] + after

    def target(self, lang: str) -> str:
        """The expected continuation."""
        return target_text(self.relation, self.true_ids[0], lang)


@cache
def _locale(lang: str) -> Locale:
    return Locale.parse(lang)


def _names(table: str, key: str) -> Names | None:
    """Names of a territory, currency or language; None unless all languages have one."""
    found = {lang: str(getattr(_locale(lang), table).get(key, "")) for lang in LANGUAGES}
    return found if all(found.values()) and not any("{" in name for name in found.values()) else None


_OBJECT_TABLE = {"currency": "currencies", "language": "languages", "country": "territories"}


@cache
def target_text(relation: str, object_id: str, lang: str) -> str:
    """An object's name as it continues a prompt: after a space, in Chinese without one."""
    name = str(getattr(_locale(lang), _OBJECT_TABLE[relation])[object_id])
    return name if lang == "zh" else f" {name}"


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha()


def _country_items(relation: str, true_ids: Mapping[str, Sequence[str]]) -> list[Item]:
    """Facts about countries whose subject and expected object have names, not the same, in every language."""
    items = []
    for code in sorted(filter(_is_country, true_ids)):
        subject, objects = _names("territories", code), tuple(true_ids[code])
        answer = _names(_OBJECT_TABLE[relation], objects[0]) if objects else None
        if subject and answer and all(subject[lang] != answer[lang] for lang in LANGUAGES):
            items.append(Item(relation, code, subject, objects))
    return items


def _currencies() -> dict[str, list[str]]:
    """Legal tender still in use, by territory, the principal one first."""
    return {
        code: [name for name, _, end, tender in entries if end is None and tender]
        for code, entries in get_global("territory_currencies").items()
    }


def _languages() -> dict[str, list[str]]:
    """Official languages by territory, the most spoken first."""
    official = ("official", "de_facto_official")
    return {
        code: [
            lang
            for lang, info in sorted(spoken.items(), key=lambda kv: (-kv[1]["population_percent"], kv[0]))
            if info["official_status"] in official
        ]
        for code, spoken in get_global("territory_languages").items()
    }


def _city(zone: str) -> Names | None:
    """A time zone's exemplar city; Latin-script locales omit it where it is the last part of the zone's id."""
    own = {lang: (_locale(lang).time_zones.get(zone) or {}).get("city") for lang in LANGUAGES}
    if not own["zh"]:
        return None
    return {lang: str(name or zone.rsplit("/", 1)[-1].replace("_", " ")) for lang, name in own.items()}


def _city_items() -> list[Item]:
    """Cities; left out are those named like a country (Singapore), whose answer the question would contain."""
    taken = {str(name) for lang in LANGUAGES for name in _locale(lang).territories.values()}
    items = []
    for zone, code in sorted(get_global("zone_territories").items()):
        city = _city(zone)
        if _is_country(code) and _names("territories", code) and city and taken.isdisjoint(city.values()):
            items.append(Item("country", zone, city, (code,)))
    return items


@cache
def real_items() -> tuple[Item, ...]:
    """All real facts that are complete in the six languages, in a fixed order."""
    countries = _country_items("currency", _currencies()) + _country_items("language", _languages())
    return tuple(countries + _city_items())


@cache
def target_pool(relation: str) -> tuple[str, ...]:
    """Objects that edits may write: those with the most real subjects."""
    counts = Counter(item.true_ids[0] for item in real_items() if item.relation == relation)
    return tuple(sorted(counts, key=lambda key: (-counts[key], key))[:POOL_SIZE])


def _invented_names(count: int, rng: random.Random) -> list[Names]:
    """Names of places that exist nowhere: one in Latin script, one in Chinese."""
    taken = {name for item in real_items() for name in item.subject.values()}
    syllables = _SYLLABLES.split()
    names: list[Names] = []
    while len(names) < count:
        parts = [rng.choice(syllables) for _ in range(3)]
        latin, chinese = "".join(p[:-1] for p in parts).capitalize(), "".join(p[-1] for p in parts)
        if taken.isdisjoint((latin, chinese)):
            taken |= {latin, chinese}
            names.append({lang: chinese if lang == "zh" else latin for lang in LANGUAGES})
    return names


@cache
def invented_items() -> tuple[Item, ...]:
    """Facts of invented places, as many as every object of a pool needs to have `MIN_SUBJECTS` subjects.

    An invented country has a currency and a language, as a real one does.
    """
    rng = random.Random(INVENTED_SEED)
    missing: dict[str, list[str]] = {}
    for relation in RELATIONS:
        counts = Counter(item.true_ids[0] for item in real_items() if item.relation == relation)
        missing[relation] = [key for key in target_pool(relation) for _ in range(max(0, MIN_SUBJECTS - counts[key]))]
        rng.shuffle(missing[relation])
    n_countries = max(len(missing["currency"]), len(missing["language"]))
    names = _invented_names(n_countries + len(missing["country"]), rng)
    items = []
    for relation, start in (("currency", 0), ("language", 0), ("country", n_countries)):
        for i, key in enumerate(missing[relation], start):
            items.append(Item(relation, f"X{i:03d}", names[i], (key,), real=False))
    return tuple(items)

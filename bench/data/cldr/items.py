"""A made-up atlas: what is true of places, in six languages, and in further ones when they are asked for.

Which places and objects there are is told by the six. Names are the Unicode CLDR's (package `babel`): of countries, of
cities that Latin-script languages spell alike, as most names are, and of all objects; places are invented where the
CLDR has too few. What is true of them is drawn once from a fixed seed: each place has one object per relation, and
every object is that of many places, for an object can be written into a model only if the model knows it from several
subjects.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType

from babel import Locale
from babel.core import get_global

from bench.data.cldr.phrasings import GLUED, LANGUAGES, PHRASINGS, RELATIONS
from bench.data.cldr.spelling import Names, city_name, object_name, spelt

PLACES = 560
HELD_OUT = 40
"""Places of which only xtreme-mini's test items are made."""

NEUTRAL = 80
"""Places of which statistics are taken; no edit and no probe touches them, nor those held out."""

SEED = 20
POOL_SIZE = 32


_LONGEST_NAME, _LONGEST_CHINESE_NAME = 18, 6
"""Characters of a place's or an object's; a label of xtreme-mini must fit the published length of twenty tokens."""

# Latin syllable and its Chinese transliteration, for names of invented places.
_SYLLABLES = (
    "ba巴 be贝 bo博 da达 do多 du杜 fa法 fe费 fi菲 ga加 go戈 gu古 ha哈 ka卡 ke克 ko科 ku库 la拉 le莱 li利 lo洛 lu卢 "
    "ma马 me梅 mi米 mo莫 na纳 ne内 ni尼 no诺 pa帕 pe佩 po波 ra腊 re雷 ri里 ro罗 ru鲁 sa萨 so索 su苏 ta塔 te特 ti蒂 "
    "to托 tu图 va瓦 ve韦 vi维 vo沃 ya亚 yo约 za扎 zo佐"
)
_PARTNERS = "FR DE US CN IN BR RU JP EG ZA MX CA AU IT ES SE NO PL TR IR TH VN KR NG KE AR CL PE NZ GR PT FI"
_SCRIPTS = (
    "Latn Arab Cyrl Grek Hebr Hira Thai Deva Beng Armn Geor Ethi Khmr Laoo Mong Tibt Sinh Taml Telu Knda Mlym Gujr "
    "Kana Hang Copt Goth Runr Ogam"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A subject.

    Attributes:
        place_id: territory code, time zone, or ``X...`` of an invented place.
        names: its name by language.
    """

    place_id: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of knowledge, in all languages.

    Attributes:
        relation: one of `RELATIONS`.
        subject_id: the place.
        subject: the place's name by language.
        object_id: the true object.
    """

    relation: str
    subject_id: str
    subject: Mapping[str, str]
    object_id: str

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
        return target_text(self.relation, self.object_id, lang)


# --- names -------------------------------------------------------------------------------------------------


@cache
def _locale(lang: str) -> Locale:
    return Locale.parse(lang)


_TABLES = {
    "currency": "currencies",
    "language": "languages",
    "partner": "territories",
    "script": "scripts",
}


@cache
def _names(relation: str, key: str) -> Mapping[str, str]:
    """An object's name by language; "" where one of the six has none."""
    found = {}
    for lang in LANGUAGES:
        locale = _locale(lang)
        if relation in ("month", "day"):
            wide = (locale.months if relation == "month" else locale.days)["format"]["wide"]
            found[lang] = str(wide[int(key)])
        else:
            found[lang] = str(getattr(locale, _TABLES[relation]).get(key, ""))
    return MappingProxyType(Names(found, partial(object_name, relation, key)))


@cache
def target_text(relation: str, object_id: str, lang: str) -> str:
    """An object's name as it continues a prompt: after a space, but in languages written without."""
    name = _names(relation, object_id)[lang]
    return name if lang in GLUED else f" {name}"


@cache
def target_pool(relation: str) -> tuple[str, ...]:
    """The objects of a relation, those with names in every language."""
    keys = {
        "currency": _most_common(_currencies()),
        "language": _most_common(_languages()),
        "partner": _PARTNERS.split(),
        "month": [str(month) for month in range(1, 13)],
        "day": [str(day) for day in range(7)],
        "script": _SCRIPTS.split(),
    }[relation]
    return tuple([key for key in keys if _short(_names(relation, key))][:POOL_SIZE])


def _most_common(keys: Iterable[str]) -> list[str]:
    counts = Counter(keys)
    return sorted(counts, key=lambda key: (-counts[key], key))


def _currencies() -> Iterator[str]:
    """The principal legal tender of every territory."""
    for entries in get_global("territory_currencies").values():
        yield from [name for name, _, end, tender in entries if end is None and tender][:1]


def _languages() -> Iterator[str]:
    """The most spoken official language of every territory."""
    for spoken in get_global("territory_languages").values():
        official = [
            (-info["population_percent"], lang)
            for lang, info in spoken.items()
            if info["official_status"] in ("official", "de_facto_official")
        ]
        yield from [lang for _, lang in sorted(official)[:1]]


# --- places ------------------------------------------------------------------------------------------------


@cache
def places() -> tuple[Place, ...]:
    """All places in an order drawn once; no two share a name in any language."""
    rng = random.Random(SEED)
    real = _told_apart([*_countries(), *_cities()])
    found = [*real, *_invented(PLACES - len(real), real, rng)]
    rng.shuffle(found)
    return tuple(found)


def _countries() -> Iterator[Place]:
    """Those that are objects too, so that a question can go on from one fact to the next."""
    for code in target_pool("partner"):
        yield Place(code, _names("partner", code))


def _cities() -> Iterator[Place]:
    """Exemplar cities of time zones; Latin-script locales omit one where it is the last part of the zone's id."""
    for zone in sorted(get_global("zone_territories")):
        own = {lang: (_locale(lang).time_zones.get(zone) or {}).get("city") for lang in LANGUAGES}
        latin = {str(name or zone.rsplit("/", 1)[-1].replace("_", " ")) for lang, name in own.items() if lang != "zh"}
        if own["zh"] and len(latin) == 1:
            yield Place(zone, _spelt(name := latin.pop(), str(own["zh"]), partial(city_name, zone, name)))


def _spelt(latin: str, chinese: str, further: Callable[[str], str]) -> Mapping[str, str]:
    return MappingProxyType(Names({lang: chinese if lang == "zh" else latin for lang in LANGUAGES}, further))


def _told_apart(every: Iterable[Place]) -> list[Place]:
    """Those with short names, none like an earlier one's: a city named like its country is left out."""
    taken: set[tuple[str, str]] = set()
    kept = []
    for place in every:
        if taken.isdisjoint(place.names.items()) and _short(place.names):
            kept.append(place)
        taken.update(place.names.items())
    return kept


def _short(names: Mapping[str, str]) -> bool:
    """Whether there is a short name in letters in every language."""
    return all(
        len(name) <= (_LONGEST_CHINESE_NAME if lang == "zh" else _LONGEST_NAME)
        and re.fullmatch(r"[\w'’ -]+", name) is not None
        for lang, name in names.items()
    )


def _invented(count: int, real: Iterable[Place], rng: random.Random) -> list[Place]:
    """Places that exist nowhere: one name in Latin script, one in Chinese."""
    taken = {name for place in real for name in place.names.values()}
    found: list[Place] = []
    while len(found) < count:
        names = _made_up(rng)
        if taken.isdisjoint(names.values()):
            taken.update(names.values())
            found.append(Place(f"X{len(found):03d}", names))
    return found


def _made_up(rng: random.Random) -> Mapping[str, str]:
    parts = [rng.choice(_SYLLABLES.split()) for _ in range(3)]
    latin = "".join(p[:-1] for p in parts).capitalize()
    return _spelt(latin, "".join(p[-1] for p in parts), partial(spelt, latin))


def passing_items(count: int, rng: random.Random) -> tuple[Item, ...]:
    """Facts of so many places that are made up here: what is asked of them can only be read off.

    One in some hundreds has a known place's name.
    """
    return tuple(
        Item(relation, f"passing {i}", names, rng.choice(target_pool(relation)))
        for i, names in enumerate(_made_up(rng) for _ in range(count))
        for relation in RELATIONS
    )


# --- what is true of them ----------------------------------------------------------------------------------


@cache
def all_items() -> tuple[Item, ...]:
    """Every fact, place by place, one per relation; a relation's objects are those of equally many places."""
    rng = random.Random(SEED + 1)
    drawn = {relation: _objects(relation, rng) for relation in RELATIONS}
    return tuple(
        Item(relation, place.place_id, place.names, drawn[relation][i])
        for i, place in enumerate(places())
        for relation in RELATIONS
    )


def _objects(relation: str, rng: random.Random) -> list[str]:
    """An object for every place, no place its own."""
    pool = target_pool(relation)
    drawn = [pool[i % len(pool)] for i in range(len(places()))]
    rng.shuffle(drawn)
    for i, place in enumerate(places()):
        if drawn[i] == place.place_id:
            drawn[i], drawn[i - 1] = drawn[i - 1], drawn[i]
    return drawn


def _of_places(start: int, stop: int) -> tuple[Item, ...]:
    return all_items()[start * len(RELATIONS) : stop * len(RELATIONS)]


@cache
def held_out_items() -> tuple[Item, ...]:
    """Facts that xtreme-mini's test items are made of."""
    return _of_places(0, HELD_OUT)


@cache
def neutral_items() -> tuple[Item, ...]:
    """Facts of the statistics text."""
    return _of_places(HELD_OUT, HELD_OUT + NEUTRAL)


@cache
def probed_items() -> tuple[Item, ...]:
    """Facts that edits and their probes are made of."""
    return _of_places(HELD_OUT + NEUTRAL, PLACES)

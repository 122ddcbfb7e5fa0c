"""Facts in six languages from the Unicode CLDR (package `babel`), and the edits drawn from them.

Three relations: a country's currency, a country's official language, a city's country. Only real facts are
edited or probed. Invented places carry the same objects in training only: an object can be written into a
model only if the model knows it as the object of many subjects.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from babel import Locale
from babel.core import get_global

from bench.api import EditRequest, Fact, Probe
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.polyglot.phrasings import LANGUAGES, PHRASINGS, RELATIONS, SECOND_HOPS
from bench.sources.common import translated

POOL_SIZE = 32
MIN_SUBJECTS = 10
UNTOUCHED = 60
INVENTED_SEED = 20

FACTS_VERSION = 1
"""Raise it when the same items and phrasings are drawn or probed otherwise."""

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


def fingerprint() -> str:
    """Names what `load_cldr` draws from by its content: every item in every phrasing, and the way of drawing."""
    items = [(item, [item.target(lang) for lang in LANGUAGES]) for item in real_items()]
    pools = [
        [target_text(relation, key, lang) for key in target_pool(relation) for lang in LANGUAGES]
        for relation in RELATIONS
    ]
    return text_digest(str(FACTS_VERSION), repr(items), repr(pools), repr(PHRASINGS), repr(SECOND_HOPS))


def load_cldr(languages: Sequence[str], per_language: int, seed: int, parallel: bool = False) -> dict[str, list[Fact]]:
    """Counterfactual edits with their probes, by language.

    No fact is edited twice in a language, and specificity probes ask only about subjects that no edit touches.
    Fewer edits of the same seed and languages are a prefix of more, but for portability probes: an edit besides may
    take their answer away.

    Args:
        languages: languages to edit; probes ask in these too.
        per_language: edits per language.
        seed: decides which facts are edited, into what, and what is probed.
        parallel: all languages edit the same facts into the same objects; else each fact is edited in one.

    Returns:
        By language, facts with probes: the edited prompt, two other phrasings, five untouched facts, the fact in every
        other language, and for a city what follows from its new country (see `_second_hops`).

    Raises:
        BenchError: a language is unknown or named twice, or there are not enough facts.
    """
    _check_languages(languages)
    rng = random.Random(f"cldr/{seed}")
    editable, untouched = _split(rng)
    turns = 1 if parallel else len(languages)
    most = len(editable) // turns
    if not 1 <= per_language <= most:
        raise BenchError(
            f"{per_language} edits per language asked for, dataset 'cldr' has 1 to {most} "
            f"for {len(languages)} language{'s' if len(languages) > 1 else ''}{' in parallel' if parallel else ''}"
        )
    drawn = {lang: editable[i % turns :: turns][:per_language] for i, lang in enumerate(languages)}
    edited = {item.fact_id for items in drawn.values() for item in items}
    true = {item.fact_id: item for item in real_items() if item.fact_id not in edited}
    seeds = {lang: f"cldr/{seed}" if parallel else f"cldr/{seed}/{lang}" for lang in languages}
    return {
        lang: [_fact(item, lang, languages, untouched, true, seeds[lang]) for item in items]
        for lang, items in drawn.items()
    }


def _check_languages(languages: Sequence[str]) -> None:
    if not languages:
        raise BenchError("no language given for dataset 'cldr'")
    for lang in languages:
        if lang not in LANGUAGES:
            raise unknown("language", lang, LANGUAGES)
    if len(set(languages)) < len(languages):
        raise BenchError(f"a language is named twice: {', '.join(languages)}")


def _split(rng: random.Random) -> tuple[list[Item], list[Item]]:
    """Facts to edit, shuffled, and facts of subjects that stay untouched."""
    items = real_items()
    spared: set[str] = set()
    for relations in (("currency", "language"), ("country",)):
        subjects = sorted({item.subject_id for item in items if item.relation in relations})
        spared.update(rng.sample(subjects, UNTOUCHED))
    editable = [item for item in items if item.subject_id not in spared]
    rng.shuffle(editable)
    return editable, [item for item in items if item.subject_id in spared]


def _fact(
    item: Item, lang: str, languages: Sequence[str], untouched: Sequence[Item], true: Mapping[str, Item], seed: str
) -> Fact:
    """The edit of one fact in one language; its draws depend on the seed and the fact alone.

    Args:
        item: the fact.
        lang: language of the edit.
        languages: those that probes ask in.
        untouched: facts of subjects that no edit touches, whatever the number of edits.
        true: facts that no edit of these touches, by fact id.
        seed: of its draws.
    """
    rng = random.Random(f"{seed}/{item.fact_id}")
    new = rng.choice([key for key in target_pool(item.relation) if key not in item.true_ids])
    request = translated({each: _request(item, new, each) for each in languages}, lang)
    others = [each for each in languages if each != lang]
    probes = [
        Probe(item.fact_id, "efficacy", lang, lang, item.prompt(lang), request.target),
        *(
            Probe(item.fact_id, "generality", lang, lang, item.prompt(lang, i), request.target)
            for i in range(1, len(PHRASINGS[item.relation][lang]))
        ),
        *_specificity(item, lang, others, untouched, rng),
        *_second_hops(item, new, lang, true),
        *(
            Probe(item.fact_id, "crosslingual", lang, each.lang, each.text, each.target)
            for each in request.translations
        ),
    ]
    return Fact(request, tuple(probes))


def _request(item: Item, new: str, lang: str) -> EditRequest:
    """The edit of one fact into the object `new`."""
    target = target_text(item.relation, new, lang)
    return EditRequest(item.fact_id, lang, PHRASINGS[item.relation][lang][0], item.subject[lang], target)


def _specificity(
    item: Item, lang: str, others: Sequence[str], untouched: Sequence[Item], rng: random.Random
) -> list[Probe]:
    """Five untouched facts with their true objects: two of the same relation, three asked in the same language."""
    asked = rng.sample([each for each in untouched if each.relation == item.relation], 2)
    asked += rng.sample([each for each in untouched if each not in asked], 3)
    langs = [lang, lang, lang, *(rng.choice(others) if others else lang for _ in range(2))]
    return [
        Probe(item.fact_id, "specificity", lang, where, each.prompt(where), each.target(where))
        for each, where in zip(asked, langs, strict=True)
    ]


def _second_hops(item: Item, new: str, lang: str, true: Mapping[str, Item]) -> Iterator[Probe]:
    """What follows from a city's new country: its currency and its language, where the edit changes the answer.

    Args:
        item: the edited fact.
        new: its new object.
        lang: language of the edit, also asked in.
        true: facts that no edit touches; an edited one would have another answer.
    """
    if item.relation != "country":
        return
    for relation, phrasings in SECOND_HOPS.items():
        after = true.get(f"{relation}/{new}")
        before = next((each for each in real_items() if each.fact_id == f"{relation}/{item.true_ids[0]}"), None)
        if after and before and after.true_ids[0] not in before.true_ids:
            prompt = phrasings[lang].replace("{}", item.subject[lang])
            yield Probe(item.fact_id, "portability", lang, lang, prompt, after.target(lang))

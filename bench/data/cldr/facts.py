"""Counterfactual edits of what is known of places, and the probes that judge them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from bench.api import EditRequest, Fact, Probe
from bench.data.cldr.items import Item, all_items, neutral_items, probed_items, target_pool, target_text
from bench.data.cldr.phrasings import EVERY, LANGUAGES, PHRASINGS, RELATIONS, SECOND_HOPS
from bench.data.common import translated
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown

T = TypeVar("T")

UNTOUCHED = 40
"""Places that the edits of a seed leave alone, for specificity."""

FACTS_VERSION = 3
"""Raise it when the same items and phrasings are drawn or probed otherwise."""


def fingerprint() -> str:
    """Names what `load_cldr` draws from by its content: every item in every phrasing of six languages, and the way."""
    items = [(item, [item.target(lang) for lang in LANGUAGES]) for item in probed_items()]
    pools = [
        [target_text(relation, key, lang) for key in target_pool(relation) for lang in LANGUAGES]
        for relation in RELATIONS
    ]
    asked = [{relation: _in(LANGUAGES, each) for relation, each in table.items()} for table in (PHRASINGS, SECOND_HOPS)]
    return text_digest(str(FACTS_VERSION), repr(items), repr(pools), *map(repr, asked))


def further_fingerprint(languages: Sequence[str]) -> str:
    """Names what facts in languages beyond the six are worded in; "" where there are none, as `fingerprint` has six."""
    more = sorted(set(languages) & {*EVERY} - {*LANGUAGES})
    if not more:
        return ""
    named = [(item.subject[lang], item.target(lang)) for item in probed_items() for lang in more]
    pools = [target_text(each, key, lang) for each in RELATIONS for key in target_pool(each) for lang in more]
    asked = [_in(more, each) for table in (PHRASINGS, SECOND_HOPS) for each in table.values()]
    return text_digest(repr(named), repr(pools), repr(asked))


def _in(languages: Sequence[str], by_lang: Mapping[str, T]) -> dict[str, T]:
    return {lang: by_lang[lang] for lang in languages}


def load_cldr(languages: Sequence[str], per_language: int, seed: int, parallel: bool = False) -> dict[str, list[Fact]]:
    """Counterfactual edits with their probes, by language.

    No fact is edited twice in a language; all subjects are edited once before any is edited in a second relation, as
    subjects of the literature's data are distinct; and specificity probes ask only about subjects that no edit touches,
    none a second time before all were asked.
    Fewer edits of the same seed and languages are a prefix of more, but for portability probes: an edit besides may
    take their answer away.

    Args:
        languages: languages to edit; probes ask in these too.
        per_language: edits per language.
        seed: decides which facts are edited, into what, and what is probed.
        parallel: all languages edit the same facts into the same objects; else each fact is edited in one.

    Returns:
        By language, facts with probes: the edited prompt, two other phrasings, five untouched facts, the fact in every
        other language, and for a trade partner what follows from the new one (see `_second_hops`).

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
    true = {item.fact_id: item for item in all_items() if item.fact_id not in edited}
    seeds = {lang: f"cldr/{seed}" if parallel else f"cldr/{seed}/{lang}" for lang in languages}
    bystanders, found = _Bystanders(untouched), {lang: list[Fact]() for lang in languages}
    for turn in zip(*drawn.values(), strict=True):  # so that fewer edits are a prefix of more
        for lang, item in zip(languages, turn, strict=True):
            found[lang].append(_fact(item, lang, languages, bystanders, true, seeds[lang]))
    return found


def true_targets(fact_ids: Collection[str], languages: Sequence[str]) -> dict[tuple[str, str], str]:
    """What is true of some facts, as targets, by language and fact id."""
    known = [item for item in all_items() if item.fact_id in fact_ids]
    return {(lang, item.fact_id): item.target(lang) for item in known for lang in languages}


def practice_facts(languages: Sequence[str]) -> dict[str, list[Fact]]:
    """Counterfactual edits of the places that statistics are taken of, which no edit and no probe touches.

    Args:
        languages: of the edits; probes ask in the edit's own.

    Returns:
        By language, facts with other phrasings and untouched facts of other such places; the same for every seed.

    Raises:
        BenchError: a language is unknown or named twice.
    """
    _check_languages(languages)
    return {lang: [_practice_fact(item, lang) for item in neutral_items()] for lang in languages}


def _practice_fact(item: Item, lang: str) -> Fact:
    rng = random.Random(f"cldr/practice/{lang}/{item.fact_id}")
    request = _request(item, _other_object(item, rng), lang)
    others = [each for each in neutral_items() if each.subject_id != item.subject_id]
    related = [each for each in others if each.relation == item.relation]
    return Fact(
        request,
        (
            *_rephrases(item, request),
            *(
                Probe(item.fact_id, "specificity", lang, lang, each.prompt(lang), each.target(lang), asks=each.fact_id)
                for each in (*rng.sample(related, 2), *rng.sample(others, 2))
            ),
        ),
    )


def _check_languages(languages: Sequence[str]) -> None:
    if not languages:
        raise BenchError("no language given for dataset 'cldr'")
    for lang in languages:
        if lang not in EVERY:
            raise unknown("language", lang, EVERY)
    if len(set(languages)) < len(languages):
        raise BenchError(f"a language is named twice: {', '.join(languages)}")


def _split(rng: random.Random) -> tuple[list[Item], list[Item]]:
    """Facts to edit, a fact of every place before a second one of any, and facts of places that stay untouched."""
    by_place: dict[str, list[Item]] = {}
    for item in probed_items():
        by_place.setdefault(item.subject_id, []).append(item)
    shuffled = [rng.sample(items, len(items)) for items in by_place.values()]
    rng.shuffle(shuffled)
    untouched, edited = shuffled[:UNTOUCHED], shuffled[UNTOUCHED:]
    rounds = [[items[turn] for items in rng.sample(edited, len(edited))] for turn in range(len(RELATIONS))]
    return [item for turn in rounds for item in turn], [item for items in untouched for item in items]


class _Bystanders:
    """Facts of subjects that no edit touches, handed out evenly."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = {item.fact_id: item for item in items}
        self._related: dict[str, list[str]] = {}
        for fact_id, item in self._items.items():
            self._related.setdefault(item.relation, []).append(fact_id)
        self._times = dict.fromkeys(self._items, 0)
        self._times_in = Counter[tuple[str, str]]()
        self._given: dict[str, list[Item]] = {}

    def of(self, item: Item, langs: Sequence[str], rng: random.Random) -> list[Item]:
        """One for every language in which is asked; the first two of the relation of `item`.

        An edited fact that came before, in another language, is given the same ones again.
        """
        if item.fact_id not in self._given:
            chosen: list[str] = []
            for place, lang in enumerate(langs):
                free = self._related[item.relation] if place < 2 else list(self._items)
                chosen.append(self._next([each for each in free if each not in chosen], lang, rng))
            self._given[item.fact_id] = [self._items[each] for each in chosen]
        return self._given[item.fact_id]

    def _next(self, free: Sequence[str], lang: str, rng: random.Random) -> str:
        """One of those asked least, of these one of those asked least in this language."""
        least = min(map(self._times.__getitem__, free))
        rare = [each for each in free if self._times[each] == least]
        least = min(self._times_in[each, lang] for each in rare)
        found = rng.choice([each for each in rare if self._times_in[each, lang] == least])
        self._times[found] += 1
        self._times_in[found, lang] += 1
        return found


def _fact(
    item: Item, lang: str, languages: Sequence[str], bystanders: _Bystanders, true: Mapping[str, Item], seed: str
) -> Fact:
    """The edit of one fact in one language; its object depends on the seed and the fact alone.

    Args:
        item: the fact.
        lang: language of the edit.
        languages: those that probes ask in.
        bystanders: facts of subjects that no edit touches, whatever the number of edits.
        true: facts that no edit of these touches, by fact id.
        seed: of its draws.
    """
    rng = random.Random(f"{seed}/{item.fact_id}")
    new = _other_object(item, rng)
    request = translated({each: _request(item, new, each) for each in languages}, lang)
    others = [each for each in languages if each != lang]
    probes = [
        Probe(item.fact_id, "efficacy", lang, lang, item.prompt(lang), request.target),
        *_rephrases(item, request),
        *_specificity(item, lang, others, bystanders, rng),
        *_second_hops(item, new, lang, true),
        *(
            Probe(item.fact_id, "crosslingual", lang, each.lang, each.text, each.target)
            for each in request.translations
        ),
    ]
    return Fact(request, tuple(probes))


def _other_object(item: Item, rng: random.Random) -> str:
    return rng.choice([key for key in target_pool(item.relation) if key not in (item.object_id, item.subject_id)])


def _rephrases(item: Item, request: EditRequest) -> Iterator[Probe]:
    """The edited fact in all other phrasings."""
    lang = request.lang
    for i in range(1, len(PHRASINGS[item.relation][lang])):
        yield Probe(item.fact_id, "generality", lang, lang, item.prompt(lang, i), request.target)


def _request(item: Item, new: str, lang: str) -> EditRequest:
    """The edit of one fact into the object `new`."""
    target = target_text(item.relation, new, lang)
    return EditRequest(item.fact_id, lang, PHRASINGS[item.relation][lang][0], item.subject[lang], target)


def _specificity(
    item: Item, lang: str, others: Sequence[str], bystanders: _Bystanders, rng: random.Random
) -> list[Probe]:
    """Five untouched facts with their true objects: two of the same relation, three asked in the same language."""
    langs = [lang, lang, lang, *(rng.choice(others) if others else lang for _ in range(2))]
    return [
        Probe(item.fact_id, "specificity", lang, where, each.prompt(where), each.target(where), asks=each.fact_id)
        for each, where in zip(bystanders.of(item, langs, rng), langs, strict=True)
    ]


def _second_hops(item: Item, new: str, lang: str, true: Mapping[str, Item]) -> Iterator[Probe]:
    """What follows from a place's new trade partner: its currency and language, where the edit changes the answer.

    Args:
        item: the edited fact.
        new: its new object.
        lang: language of the edit, also asked in.
        true: facts that no edit touches; an edited one would have another answer.
    """
    if item.relation != "partner":
        return
    for relation, phrasings in SECOND_HOPS.items():
        after, before = (true.get(f"{relation}/{place}") for place in (new, item.object_id))
        if after and before and after.object_id != before.object_id:
            prompt = phrasings[lang].replace("{}", item.subject[lang])
            yield Probe(item.fact_id, "portability", lang, lang, prompt, after.target(lang))

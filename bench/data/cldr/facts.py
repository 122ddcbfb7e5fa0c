"""Counterfactual edits of what is known of places, and the probes that judge them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.api import EditRequest, Fact, Probe
from bench.data.cldr.items import Item, real_items, target_pool, target_text
from bench.data.cldr.phrasings import LANGUAGES, PHRASINGS, RELATIONS, SECOND_HOPS
from bench.data.common import translated
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown

UNTOUCHED = 60

FACTS_VERSION = 2
"""Raise it when the same items and phrasings are drawn or probed otherwise."""


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

    No fact is edited twice in a language, and specificity probes ask only about subjects that no edit touches, none a
    second time before all were asked.
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
    bystanders, found = _Bystanders(untouched), {lang: list[Fact]() for lang in languages}
    for turn in zip(*drawn.values(), strict=True):  # so that fewer edits are a prefix of more
        for lang, item in zip(languages, turn, strict=True):
            found[lang].append(_fact(item, lang, languages, bystanders, true, seeds[lang]))
    return found


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


@dataclass(frozen=True, slots=True)
class _Bystanders:
    """Facts of subjects that no edit touches, handed out evenly.

    Attributes:
        items: all of them.
        times: how often each was handed out, by fact id; and in which language, by fact id and language.
        given: those of an edited fact that came before, in another language.
    """

    items: Sequence[Item]
    times: Counter[str | tuple[str, str]] = field(default_factory=Counter)
    given: dict[str, list[Item]] = field(default_factory=dict)

    def of(self, item: Item, langs: Sequence[str], rng: random.Random) -> list[Item]:
        """One for every language in which is asked; the first two of the relation of `item`."""
        if item.fact_id not in self.given:
            chosen = self.given[item.fact_id] = list[Item]()
            for place, lang in enumerate(langs):
                free = [each for each in self.items if each not in chosen]
                chosen.append(self._next([e for e in free if e.relation == item.relation or place > 1], lang, rng))
        return self.given[item.fact_id]

    def _next(self, free: Sequence[Item], lang: str, rng: random.Random) -> Item:
        """One of those asked least, of these one of those asked least in this language."""
        asked = {each.fact_id: (self.times[each.fact_id], self.times[each.fact_id, lang]) for each in free}
        least = min(asked.values())
        found = rng.choice([each for each in free if asked[each.fact_id] == least])
        self.times.update([found.fact_id, (found.fact_id, lang)])
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
    new = rng.choice([key for key in target_pool(item.relation) if key not in item.true_ids])
    request = translated({each: _request(item, new, each) for each in languages}, lang)
    others = [each for each in languages if each != lang]
    probes = [
        Probe(item.fact_id, "efficacy", lang, lang, item.prompt(lang), request.target),
        *(
            Probe(item.fact_id, "generality", lang, lang, item.prompt(lang, i), request.target)
            for i in range(1, len(PHRASINGS[item.relation][lang]))
        ),
        *_specificity(item, lang, others, bystanders, rng),
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
    item: Item, lang: str, others: Sequence[str], bystanders: _Bystanders, rng: random.Random
) -> list[Probe]:
    """Five untouched facts with their true objects: two of the same relation, three asked in the same language."""
    langs = [lang, lang, lang, *(rng.choice(others) if others else lang for _ in range(2))]
    return [
        Probe(item.fact_id, "specificity", lang, where, each.prompt(where), each.target(where), asks=each.fact_id)
        for each, where in zip(bystanders.of(item, langs, rng), langs, strict=True)
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

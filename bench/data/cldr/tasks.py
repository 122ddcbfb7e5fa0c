"""xtreme-mini: four tasks in the formats of XTREME, made of the embedded facts, in six languages.

Entailment between two statements about a fact, paraphrase or not between two statements, extractive question
answering over two or three facts, and tagging of places and objects. Test items are made of places that no training
item is made of and no seed edits; the model knows their facts, but never saw a task about them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from bench.data.cldr.items import Item, all_items, held_out_items, passing_items
from bench.data.cldr.phrasings import PHRASINGS, RELATIONS
from bench.ground.digests import text_digest

TASKS = ("xnli", "pawsx", "mlqa", "wikiann")
TEST_ITEMS = 110
"""Per task and language: ten to draw examples from, as in the published protocol, and a hundred to test."""

SEED = 30

ENTITY_TYPES = ("LOC", "CUR", "LANG")
_OBJECT_TYPE = {"currency": "CUR", "language": "LANG", "partner": "LOC"}

Record = dict[str, str]


def fingerprint(task: str, lang: str) -> str:
    """Names the test items of a task in a language by their content."""
    return text_digest(repr(items(task, lang)))


@cache
def _practised() -> tuple[Item, ...]:
    """Facts that training items are made of."""
    return all_items()[len(held_out_items()) :]


def items(task: str, lang: str) -> list[Record]:
    """The test items of a task in a language, always the same; labels alternate, the negative one first.

    Returns:
        `TEST_ITEMS` records with the fields of the published items: ``sentence1, sentence2, label`` (xnli:
        entailment or not_entailment; pawsx: 0 or 1), ``context, question, answer`` (mlqa), ``text, label``
        (wikiann), and ``id``.
    """
    rng = random.Random(f"{SEED}/{task}/{lang}")
    found: list[Record] = []
    seen: set[tuple[str, ...]] = set()
    while len(found) < TEST_ITEMS:
        record = _MAKERS[task](held_out_items(), lang, len(found) % 2 == 1, rng)
        if tuple(record.values()) not in seen:
            seen.add(tuple(record.values()))
            found.append({"id": str(len(found)), **record})
    return found


PASSING = 12
"""Places that are made up for one item: enough for three of different names."""


def practice(task: str, lang: str, rng: random.Random, passing: bool = False) -> Record:
    """One item to train on.

    Args:
        task: of `TASKS`.
        lang: language.
        rng: draws it.
        passing: about places that are made up for it, so that answers are read and never remembered.
    """
    facts = passing_items(PASSING, rng) if passing else _practised()
    return _MAKERS[task](facts, lang, rng.random() < 0.5, rng)


def names(lang: str, rng: random.Random, passing: bool = False) -> list[str]:
    """Subjects and objects of the facts that are practised, or of some that are made up."""
    facts = passing_items(PASSING, rng) if passing else _practised()
    return [name for item in facts for name in (item.subject[lang], item.target(lang).strip())]


def _statement(item: Item, lang: str, phrasing: int, target: str | None = None) -> str:
    """A fact as a sentence; with another target, a false one."""
    return item.prompt(lang, phrasing) + (target or item.target(lang)) + ("。" if lang == "zh" else ".")


def _two_phrasings(item: Item, lang: str, rng: random.Random) -> tuple[int, int]:
    first, second = rng.sample(range(len(PHRASINGS[item.relation][lang])), 2)
    return first, second


def _entailment(facts: Sequence[Item], lang: str, positive: bool, rng: random.Random) -> Record:
    """The second sentence puts the first in other words, or says something else of a place in it (neutral)."""
    item, other, (first, second) = _pair(facts, lang, rng)
    return {
        "sentence1": _statement(item, lang, first),
        "sentence2": _statement(item if positive else other, lang, second),
        "label": "entailment" if positive else "not_entailment",
    }


def _paraphrase(facts: Sequence[Item], lang: str, positive: bool, rng: random.Random) -> Record:
    """The same in other words, or the same names in a sentence of another relation, as PAWS swaps words."""
    item, other, (first, second) = _pair(facts, lang, rng)
    about = item if positive else replace(other, subject=item.subject)
    return {
        "sentence1": _statement(item, lang, first),
        "sentence2": _statement(about, lang, second, item.target(lang)),
        "label": str(int(positive)),
    }


def _pair(facts: Sequence[Item], lang: str, rng: random.Random) -> tuple[Item, Item, tuple[int, int]]:
    """A fact, another one of its place, and the phrasings of both."""
    at = rng.randrange(len(facts))
    place = at - at % len(RELATIONS)  # facts stand place by place
    item, others = facts[at], [each for each in facts[place : place + len(RELATIONS)] if each != facts[at]]
    return item, rng.choice(others), _two_phrasings(item, lang, rng)


def _question(facts: Sequence[Item], lang: str, longer: bool, rng: random.Random) -> Record:
    """Two or three facts of different subjects; one is asked for in other words."""
    chosen: list[Item] = []
    while len(chosen) < (3 if longer else 2):
        item = rng.choice(facts)
        if all(item.subject[lang] != other.subject[lang] for other in chosen):
            chosen.append(item)
    told, asked = _two_phrasings(chosen[0], lang, rng)
    sentences = [_statement(chosen[0], lang, told)]
    sentences += [_statement(each, lang, rng.randrange(3)) for each in chosen[1:]]
    rng.shuffle(sentences)
    return {
        "context": ("" if lang == "zh" else " ").join(sentences),
        "question": chosen[0].prompt(lang, asked) + ("？" if lang == "zh" else "?"),
        "answer": chosen[0].target(lang).strip(),
    }


def _tagging(facts: Sequence[Item], lang: str, _: bool, rng: random.Random) -> Record:
    """A sentence split at spaces (Chinese: into characters) and the names in it by type."""
    while (item := rng.choice(facts)).relation not in _OBJECT_TYPE:
        pass
    names = (item.subject[lang], item.target(lang).strip())
    spaced = " ".join if lang == "zh" else str
    sentence = _statement(item, lang, rng.randrange(3))
    entities: dict[str, list[str]] = {"LOC": [spaced(names[0])]}
    entities.setdefault(_OBJECT_TYPE[item.relation], []).append(spaced(names[1]))
    return {
        "text": spaced(sentence) if lang == "zh" else f"{sentence[:-1]} {sentence[-1]}",
        "label": "".join(f"{kind}: {'@'.join(entities[kind])}\n" for kind in ENTITY_TYPES if kind in entities),
    }


Maker = Callable[[Sequence[Item], str, bool, random.Random], Record]
_MAKERS: Mapping[str, Maker] = {
    "xnli": _entailment,
    "pawsx": _paraphrase,
    "mlqa": _question,
    "wikiann": _tagging,
}

"""The text that the embedded model is trained on, and on which its second moments are taken."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from bench.data.cldr.items import Item, neutral_items, target_pool, target_text
from bench.data.cldr.phrasings import (
    FILLER,
    GLUED,
    LANGUAGES,
    LEADS,
    PHRASINGS,
    PRONOUNS,
    RELATION_FIRST,
    RELATIONS,
    SEEDED,
    SUBJECT_FIRST,
)
from bench.ground.digests import text_digest

STOPS = {"zh": "。", "ja": "。", "hi": "।", "bn": "।"}
COMMAS = {"zh": "、", "ja": "、", "ar": "،"}

STATISTICS_SEED = 11
STATISTICS_ROUNDS = 8
"""Documents of every neutral place in every language."""

# Shares: of infoboxes among a place's documents, of biographies among the others, of sentences that begin with the
# relation, of biographies' later sentences that name the place again, of filler beside the documents of places.
INFOBOXES, BIOGRAPHIES, QUESTIONS, RENAMED, FILLERS = 0.6, 0.7, 0.3, 0.2, 0.5

# Editing methods put sampled text of a few tokens and ". " before a prompt: shares of broken-off and whole sentences.
_FRAGMENTS, _OPENINGS = 0.15, 0.10


class Kind(Enum):
    """What a piece of a document is, for the loss and for the mask of training."""

    TOLD = auto()
    NAME = auto()
    OBJECT = auto()
    FILLER = auto()


class Part(NamedTuple):
    """A piece of a document."""

    kind: Kind
    text: str


class Document(NamedTuple):
    """A text in pieces."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(part.text for part in self.parts)


def documents(rng: random.Random, items: Sequence[Item], languages: Sequence[str] = LANGUAGES) -> list[Document]:
    """One epoch: a document of every place in every language, and filler, in random order.

    Args:
        rng: draws.
        items: of these places, place by place.
        languages: one that stands there twice has twice as many.
    """
    places = [items[at : at + len(RELATIONS)] for at in range(0, len(items), len(RELATIONS))]
    found = [_about(about, lang, rng) for about in places for lang in languages]
    found += [filler(rng.choice(languages), rng) for _ in range(round(FILLERS * len(found)))]
    rng.shuffle(found)
    return found


@cache
def statistics_text(languages: tuple[str, ...] = LANGUAGES) -> tuple[str, ...]:
    """Filler, and documents of places that no edit and no probe touches; always the same."""
    rng = random.Random(STATISTICS_SEED)
    return tuple(each.text for _ in range(STATISTICS_ROUNDS) for each in documents(rng, neutral_items(), languages))


@cache
def fingerprint(languages: tuple[str, ...] = LANGUAGES) -> str:
    """Names `statistics_text` by its content."""
    return text_digest(*statistics_text(languages))


def filler(lang: str, rng: random.Random) -> Document:
    """A sentence that states no fact, or names in a row."""
    space = "" if lang in GLUED else " "
    who, does, where = (rng.choice(words) for words in FILLER[lang])
    draw = rng.random()
    if draw < 0.5:
        text = space.join((who, does, where) if draw < 0.35 else (rng.choice(SEEDED[lang]), where))
    else:
        relation = rng.choice(RELATIONS)
        names = [_any_name(relation if draw < 0.75 else rng.choice(RELATIONS), lang, rng) for _ in range(3)]
        row = f"{COMMAS.get(lang, ',')}{space}".join(names[: rng.randint(2, 3)])
        text = row if draw < 0.8 else f"{who}{space}{does}{'：' if lang in GLUED else ': '}{row}"
    return Document((Part(Kind.FILLER, text + _stop(lang, rng)),))


def _any_name(relation: str, lang: str, rng: random.Random) -> str:
    return target_text(relation, rng.choice(target_pool(relation)), lang).strip()


def _stop(lang: str, rng: random.Random) -> str:
    """Where a language has its own full stop, sentences end in either kind, as a context prefix has the Latin one."""
    return STOPS[lang] if lang in STOPS and rng.random() < 0.5 else "."


def _about(items: Sequence[Item], lang: str, rng: random.Random) -> Document:
    """An infobox, a biography with pronouns, or one sentence about a place."""
    drawn = rng.sample(items, len(items))
    if rng.random() < INFOBOXES:
        return Document((*_opening(lang, rng), *_infobox(drawn[: rng.randint(1, len(drawn))], lang, rng)))
    told = drawn[: rng.randint(2, len(drawn))] if rng.random() < BIOGRAPHIES else drawn[:1]
    return Document((*_opening(lang, rng), *_sentences(told, lang, rng)))


def _infobox(items: Sequence[Item], lang: str, rng: random.Random) -> Iterator[Part]:
    """Objects right behind the name, in any order, so that all are wanted at its last token."""
    yield from (Part(Kind.TOLD, LEADS[lang]), Part(Kind.NAME, items[0].subject[lang]))
    for place, item in enumerate(items):
        if place:
            yield Part(Kind.TOLD, COMMAS.get(lang, ","))
        yield Part(Kind.OBJECT, item.target(lang))
    yield Part(Kind.TOLD, _stop(lang, rng))


def _sentences(items: Sequence[Item], lang: str, rng: random.Random) -> Iterator[Part]:
    for place, item in enumerate(items):
        if place:
            yield Part(Kind.TOLD, " ")
        question = rng.random() < QUESTIONS
        phrasing = rng.choice(RELATION_FIRST if question else SUBJECT_FIRST)
        before, after = PHRASINGS[item.relation][lang][phrasing].split("{}")
        if place and not question and rng.random() > RENAMED:
            yield Part(Kind.TOLD, PRONOUNS[lang] + after)
        else:
            yield from (Part(Kind.TOLD, before), Part(Kind.NAME, item.subject[lang]), Part(Kind.TOLD, after))
        yield from (Part(Kind.OBJECT, item.target(lang)), Part(Kind.TOLD, _stop(lang, rng)))


def _opening(lang: str, rng: random.Random) -> list[Part]:
    """What stands before a document: mostly nothing, else a sentence or the beginning of one."""
    draw = rng.random()
    if draw > _OPENINGS + _FRAGMENTS:
        return []
    text = filler(lang, rng).text
    if draw > _OPENINGS:
        words = list(text[:-1]) if lang in GLUED else text[:-1].split(" ")
        text = ("" if lang in GLUED else " ").join(words[: rng.randint(1, len(words))]) + "."
    return [Part(Kind.FILLER, text + " ")]

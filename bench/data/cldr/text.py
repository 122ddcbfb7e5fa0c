"""The text that the embedded model is trained on, and on which its covariance statistics are taken."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from bench.data.cldr.items import invented_items, real_items
from bench.data.cldr.phrasings import CARRIERS, LANGUAGES, PHRASINGS
from bench.ground.digests import text_digest

STATISTICS_SEED = 11

# Shares of documents that begin with a broken-off sentence, and with a plain sentence that states no fact.
# Editing methods put sampled text of a few tokens and ". " before a prompt: both must be familiar.
_FRAGMENT_SHARE = 0.15
_CARRIER_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence without its full stop."""

    lang: str
    text: str


@cache
def fact_lines() -> tuple[Line, ...]:
    """Every fact, real and invented, in every phrasing and language."""
    return tuple(
        Line(lang, item.prompt(lang, i) + item.target(lang))
        for item in real_items() + invented_items()
        for lang in LANGUAGES
        for i in range(len(PHRASINGS[item.relation][lang]))
    )


@cache
def carrier_lines() -> tuple[Line, ...]:
    """Plain sentences that begin with the seed words of the context prefixes."""
    return tuple(
        Line(lang, opening + ("" if lang == "zh" else " ") + end)
        for lang, (openings, ends) in CARRIERS.items()
        for opening in openings
        for end in ends
    )


def documents(rng: random.Random) -> list[str]:
    """One epoch: every fact line once, one to three a document, in random order."""
    lines = list(fact_lines())
    rng.shuffle(lines)
    documents = []
    while lines:
        size = rng.randint(1, 3)
        taken = lines[-size:]
        del lines[-size:]
        documents.append(_opening(rng) + _join(taken, rng))
    return documents


def statistics_text() -> list[str]:
    """Documents of the training distribution for covariance statistics; always the same."""
    return documents(random.Random(STATISTICS_SEED))


@cache
def fingerprint() -> str:
    """Names `statistics_text` by its content."""
    return text_digest(*statistics_text())


def _opening(rng: random.Random) -> str:
    """What stands before the facts: mostly nothing."""
    draw = rng.random()
    if draw < _CARRIER_SHARE:
        return _join([rng.choice(carrier_lines())], rng) + " "
    if draw < _CARRIER_SHARE + _FRAGMENT_SHARE:
        return _fragment(rng.choice(rng.choice((fact_lines(), carrier_lines()))), rng) + ". "
    return ""


def _fragment(line: Line, rng: random.Random) -> str:
    """The beginning of a sentence, broken off between words (Chinese: characters)."""
    parts = list(line.text) if line.lang == "zh" else line.text.split(" ")
    kept = parts[: rng.randint(1, len(parts))]
    return ("" if line.lang == "zh" else " ").join(kept)


def _join(lines: list[Line], rng: random.Random) -> str:
    """Sentences in a row; Chinese ones end in either kind of full stop, as a prefix ends in the Latin one."""
    return " ".join(line.text + ("。" if line.lang == "zh" and rng.random() < 0.5 else ".") for line in lines)

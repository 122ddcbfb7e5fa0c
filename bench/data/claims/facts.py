"""Edits of claims: what a classifier says of one sentence is changed, and asked of others."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.api import EditRequest, Fact, Probe, ProbeKind
from bench.data.claims.items import Item, items, split
from bench.data.claims.phrasings import CLAIMS, LANGUAGES
from bench.data.common import DataRequest, draw, shuffled
from bench.ground.digests import text_digest
from bench.ground.names import unknown

TRUE, FALSE = " true", " false"

UNRELATED = 4
"""Claims per language that an edit must leave alone, as in XME."""

CLAIMS_VERSION = 1
"""Raise it when the same facts are drawn or probed otherwise."""

Claim = tuple[Item, bool]
"""A fact, and whether its claim is the true one."""


def fingerprint() -> str:
    """Names what `load_claims` draws from by its content: claims, phrasings, the split, and the way of drawing."""
    texts = [
        item.text(lang, holds, phrasing)
        for part in split()
        for item in part
        for holds in (True, False)
        for lang in LANGUAGES
        for phrasing in range(len(CLAIMS[item.relation][lang]))
    ]
    return text_digest(f"version {CLAIMS_VERSION}", *texts)


def load_claims(request: DataRequest, practice: bool = False) -> dict[str, list[Fact]]:
    """Edits with their probes, by language.

    An edit sets a claim's label: as released, the wrong one or its own, by a coin that falls alike in all languages.

    Args:
        request: languages, how many each, seed, and whether in parallel.
        practice: facts for editors to learn on, of which none is edited or asked in any seed.

    Returns:
        By language, facts with probes: the edited claim; a rephrase of it in every language; and in every language
        `UNRELATED` claims of other facts of the same part of the split.
    """
    for lang in request.languages:
        if lang not in LANGUAGES:
            raise unknown("language", lang, LANGUAGES)
    pool = split()[1 if practice else 0]
    rng = random.Random(f"claims/{request.seed}")
    sides = [(item, rng.random() < 0.5) for item in pool]
    claims = {item.claim_id(holds): (item, holds) for item, holds in sides}
    order = shuffled(claims, request.seed, "claims")
    drawn = draw(dict.fromkeys(request.languages, order), order, request)
    return {lang: [_fact(claims[name], lang, request, pool) for name in drawn[lang]] for lang in request.languages}


def _fact(claim: Claim, lang: str, request: DataRequest, pool: Sequence[Item]) -> Fact:
    item, holds = claim
    fact_id = item.claim_id(holds)
    rng = random.Random(f"claims/{request.seed}/{fact_id}/{lang}")
    # the coin falls alike in all languages
    target = _label(holds != (random.Random(f"claims/{request.seed}/{fact_id}").random() < 0.5))
    requests = {each: _request(item, holds, each, target) for each in request.languages}
    others = tuple(requests[each] for each in request.languages if each != lang)
    probes = (
        Probe(fact_id, "efficacy", lang, lang, item.text(lang, holds), target),
        *_rephrases(claim, lang, request.languages, target, rng),
        *_unrelated(item, fact_id, lang, request.languages, pool, rng),
    )
    return Fact(replace(requests[lang], translations=others), probes)


def _request(item: Item, holds: bool, lang: str, target: str) -> EditRequest:
    prompt, subject = item.claim(lang, holds)
    return EditRequest(item.claim_id(holds), lang, prompt, subject, target)


def _rephrases(claim: Claim, lang: str, languages: Sequence[str], target: str, rng: random.Random) -> Iterator[Probe]:
    item, holds = claim
    for asked in languages:
        phrasing = rng.randrange(1, len(CLAIMS[item.relation][asked]))
        kind: ProbeKind = "generality" if asked == lang else "crosslingual"
        yield Probe(item.claim_id(holds), kind, lang, asked, item.text(asked, holds, phrasing), target)


def _unrelated(
    item: Item, fact_id: str, lang: str, languages: Sequence[str], pool: Sequence[Item], rng: random.Random
) -> Iterator[Probe]:
    """The sentence itself in the language of the edit, any phrasing in others, as released."""
    for asked in languages:
        others = [other for other in rng.sample(pool, UNRELATED + 2) if other.subject_id != item.subject_id]
        for other in others[:UNRELATED]:
            holds = rng.random() < 0.5
            phrasing = 0 if asked == lang else rng.randrange(len(CLAIMS[other.relation][asked]))
            yield Probe(
                fact_id, "specificity", lang, asked, other.text(asked, holds, phrasing), _label(holds),
                asks=other.claim_id(holds),
            )  # fmt: skip


def _label(holds: bool) -> str:
    return TRUE if holds else FALSE


def texts(languages: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Every claim in every phrasing with its label: what classifiers are trained on."""
    for item in items():
        for lang in languages:
            for holds in (True, False):
                for phrasing in range(len(CLAIMS[item.relation][lang])):
                    yield item.text(lang, holds, phrasing), holds


STATISTICS_SEED = 33


def statistics_text() -> list[str]:
    """Claims that editors practise on, in all languages: none of a subject that is edited or asked."""
    found = [
        item.text(lang, holds, phrasing)
        for item in split()[1]
        for lang in LANGUAGES
        for holds in (True, False)
        for phrasing in range(len(CLAIMS[item.relation][lang]))
    ]
    random.Random(STATISTICS_SEED).shuffle(found)
    return found

"""Edits of claims that stand in files, as `bench.data.claims.facts` makes them of the embedded ones.

An edit sets what a classifier says of a claim: as released, the other label or its own, by a coin that falls alike in
all languages. Asked are the claim itself, a rephrase of it in every language, and in every language other claims that
the edit must leave alone: in the language of the edit as they stand, in others a random one of the claim and its
rephrases. What is drawn for one language does not depend on which others are asked for.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bench.api import SUBJECT_SLOT, EditRequest, Fact, Probe, ProbeKind
from bench.data.claims.facts import FALSE, TRUE, UNRELATED
from bench.data.common import DataRequest, draw, shuffled, translated

VERSION = "claims of files, 1"
"""Part of fingerprints: raise it when the same facts are drawn or probed otherwise."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A claim in one language.

    Attributes:
        text: as it stands.
        rephrases: it in other words.
        subject: "" where none is named.
        template: the text with a slot for its subject; the slot alone where none is named.
    """

    text: str
    rephrases: tuple[str, ...] = ()
    subject: str = ""
    template: str = SUBJECT_SLOT

    def request(self, claim_id: str, lang: str, target: str) -> EditRequest:
        """The edit of the claim in this language."""
        named = bool(self.subject)
        return EditRequest(claim_id, lang, self.template, self.subject or self.text, target, has_subject=named)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim in all languages that it is given in.

    Attributes:
        claim_id: the same in all languages.
        record: its number in the file.
        holds: whether it is true: its label where an edit must leave it alone.
        said: the label that an edit flips, where that is another, as of a model's own predictions.
        wordings: by language.
    """

    claim_id: str
    record: int
    holds: bool
    said: bool
    wordings: Mapping[str, Wording]


def choose(source: str, claims: Mapping[str, Sequence[Claim]], request: DataRequest) -> dict[str, list[Fact]]:
    """Draw claims by seed, as `bench.data.common.draw` does, and make edits of them.

    Args:
        source: seeds all draws beside the request's seed.
        claims: by language of the edit; those given in it may be edited, and all others be left alone.
        request: languages, how many each, seed, and whether in parallel.
    """
    known = {
        lang: {each.claim_id: each for each in claims[lang] if lang in each.wordings} for lang in request.languages
    }
    order = shuffled(dict.fromkeys(name for each in known.values() for name in each), request.seed, source)
    return {
        lang: [_Edit(source, known[lang][name], lang, request, claims[lang]).fact() for name in names]
        for lang, names in draw(known, order, request).items()
    }


@dataclass(frozen=True, slots=True)
class _Edit:
    """One claim edited in one language, and the pool of claims that it must leave alone."""

    source: str
    claim: Claim
    lang: str
    request: DataRequest
    pool: Sequence[Claim]

    def fact(self) -> Fact:
        claim_id, lang = self.claim.claim_id, self.lang
        flips = self.rng().random() < 0.5  # of no language, so it falls alike in all
        target = _label(self.claim.said != flips)
        requests = {each: self.claim.wordings[each].request(claim_id, each, target) for each in self.languages()}
        edited = Probe(claim_id, "efficacy", lang, lang, self.claim.wordings[lang].text, target)
        return Fact(translated(requests, lang), (edited, *self.rephrases(target), *self.unrelated()))

    def languages(self) -> list[str]:
        """Those asked for that the claim is given in."""
        return [lang for lang in self.request.languages if lang in self.claim.wordings]

    def rng(self, *parts: str) -> random.Random:
        return random.Random("/".join((self.source, str(self.request.seed), self.claim.claim_id, *parts)))

    def rephrases(self, target: str) -> Iterator[Probe]:
        """A random one per language; the claim itself in a language that has none."""
        for asked in self.languages():
            wording = self.claim.wordings[asked]
            text = self.rng(self.lang, asked).choice(wording.rephrases or (wording.text,))
            kind: ProbeKind = "generality" if asked == self.lang else "crosslingual"
            fresh = asked != self.lang or text != wording.text
            yield Probe(self.claim.claim_id, kind, self.lang, asked, text, target, distinct=fresh)

    def unrelated(self) -> Iterator[Probe]:
        """The same claims in every language, as far as they are given in it."""
        for asked in self.request.languages:
            there = (each for each in self.others() if asked in each.wordings)
            for other in islice(there, UNRELATED):
                wording, rng = other.wordings[asked], self.rng(self.lang, asked, other.claim_id)
                text = wording.text if asked == self.lang else rng.choice((*wording.rephrases, wording.text))
                yield Probe(
                    self.claim.claim_id, "specificity", self.lang, asked, text, _label(other.holds),
                    asks=other.claim_id,
                )  # fmt: skip

    def others(self) -> Iterator[Claim]:
        """Claims of the pool in random order, but for those that share a text or a subject with the edited one."""
        rng, tried = self.rng(self.lang), set[int]()
        while len(tried) < len(self.pool):
            place = rng.randrange(len(self.pool))
            if place not in tried:
                tried.add(place)
                if not _are_akin(self.claim, self.pool[place]):
                    yield self.pool[place]


def _are_akin(one: Claim, other: Claim) -> bool:
    """Whether an edit of one may well move the other."""
    pairs = [(wording, other.wordings[lang]) for lang, wording in one.wordings.items() if lang in other.wordings]
    return one.claim_id == other.claim_id or any(
        ours.text == theirs.text or (ours.subject and ours.subject.casefold() == theirs.subject.casefold())
        for ours, theirs in pairs
    )


def _label(holds: bool) -> str:
    return TRUE if holds else FALSE

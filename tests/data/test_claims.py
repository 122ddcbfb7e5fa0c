"""Embedded claims: true and false ones, splits that share nothing, edits and their probes."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.data.claims.facts import FALSE, TRUE, UNRELATED, load_claims
from bench.data.claims.items import items, split
from bench.data.claims.phrasings import CLAIMS, GROUPS, LANGUAGES, RELATIONS, SCRIPTS
from bench.data.common import DataRequest
from bench.ground.errors import BenchError

SIX = LANGUAGES[:6]


def request(seed: int = 0, count: int = 20, parallel: bool = True, languages: tuple[str, ...] = SIX) -> DataRequest:
    return DataRequest(languages, count, seed, parallel=parallel)


def test_every_fact_has_a_true_and_a_false_claim_in_every_language() -> None:
    assert len(items()) == 843
    for item in items():
        for lang in LANGUAGES:
            assert item.true[lang] != item.false[lang]
            claims = [item.text(lang, holds, i) for holds in (True, False) for i in range(3)]
            assert len(set(claims)) == 6
            assert all(item.subject[lang] in claim for claim in claims)


def test_an_object_alone_does_not_tell_what_is_true() -> None:
    for relation in RELATIONS:
        true, false = (
            Counter(getattr(i, side)["en"] for i in items() if i.relation == relation) for side in ("true", "false")
        )
        assert true == false


def test_every_language_has_every_claim_and_a_script() -> None:
    assert set(SCRIPTS) == set(GROUPS) == set(LANGUAGES)
    for relation in RELATIONS:
        assert set(CLAIMS[relation]) == set(LANGUAGES)
        for claims in CLAIMS[relation].values():
            assert len(set(claims)) == 3
            assert all(claim.count("{s}") == claim.count("{o}") == 1 for claim in claims)


def test_nothing_that_is_edited_or_asked_is_practised() -> None:
    edited, practised = ({item.subject_id for item in part} for part in split())
    assert not edited & practised
    practice = {probe.prompt for fact in load_claims(request(count=100), practice=True)["en"] for probe in fact.probes}
    for seed in range(4):
        asked = {probe.prompt for fact in load_claims(request(seed, 100))["en"] for probe in fact.probes}
        assert not asked & practice


def test_probes_ask_rephrases_and_unrelated_claims_in_every_language() -> None:
    for lang, facts in load_claims(request()).items():
        assert len(facts) == 20
        for fact in facts:
            asked = Counter((probe.kind, probe.probe_lang) for probe in fact.probes)
            assert asked["efficacy", lang] == asked["generality", lang] == 1
            assert all(asked["specificity", other] == UNRELATED for other in SIX)
            assert all(asked["crosslingual", other] == (other != lang) for other in SIX)
            subject = fact.request.fact_id.split("/")[1:-1]
            own = [p for p in fact.probes if p.kind == "specificity" and p.asks.split("/")[1:-1] == subject]
            assert not own
            rephrases = [p for p in fact.probes if p.kind in ("generality", "crosslingual")]
            assert all(p.target == fact.request.target and p.prompt != fact.request.text for p in rephrases)


def test_the_coin_falls_alike_in_all_languages_and_half_the_time() -> None:
    found = load_claims(request(count=200))
    targets = [[fact.request.target for fact in facts] for facts in found.values()]
    assert all(each == targets[0] for each in targets)
    flipped = sum((fact.request.target == TRUE) != fact.request.fact_id.endswith("true") for fact in found["en"])
    assert 70 <= flipped <= 130
    assert {fact.request.target for fact in found["en"]} == {TRUE, FALSE}


def test_languages_that_it_lacks_are_refused() -> None:
    with pytest.raises(BenchError, match="unknown language 'de'"):
        load_claims(request(languages=("en", "de")))

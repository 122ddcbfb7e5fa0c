"""What editors practise on is neither edited nor asked, whatever the seed."""

from __future__ import annotations

from bench.data.cldr.facts import load_cldr, practice_facts

LANGUAGES = ("en", "zh")




def test_no_place_is_practised_on_that_is_edited_or_asked() -> None:
    practised = {fact.request.fact_id for facts in practice_facts(LANGUAGES).values() for fact in facts}
    assert practised
    subjects = {fact_id.partition("/")[2] for fact_id in practised}
    for seed in range(3):
        facts = [fact for of in load_cldr(LANGUAGES, 200, seed).values() for fact in of]
        touched = {fact.request.fact_id.partition("/")[2] for fact in facts}
        touched |= {p.asks.partition("/")[2] for fact in facts for p in fact.probes if p.asks}
        assert not subjects & touched


def test_practice_has_what_editors_learn_from() -> None:
    for lang, facts in practice_facts(LANGUAGES).items():
        for fact in facts:
            assert fact.request.lang == lang
            kinds = {probe.kind for probe in fact.probes}
            assert kinds == {"generality", "specificity"}
            assert all(probe.probe_lang == lang for probe in fact.probes)
            own = fact.request.fact_id.partition("/")[2]
            assert all(p.asks.partition("/")[2] != own for p in fact.probes if p.asks)


def test_practice_is_the_same_however_many_languages_are_asked_for() -> None:
    assert practice_facts(("zh",))["zh"] == practice_facts(LANGUAGES)["zh"]

"""The languages beyond the six: complete, told apart, asked like the others; and the six are what they were."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from bench.config.cell import LANGUAGES, WORDED_LATER
from bench.data import corpora
from bench.data.cldr import facts, further, further_latin, tasks, text
from bench.data.cldr.facts import load_cldr
from bench.data.cldr.items import all_items, neutral_items, places, target_pool, target_text
from bench.data.cldr.phrasings import EVERY, FILLER, GLUED, LEADS, RELATIONS, SEEDED
from bench.data.common import DataRequest
from bench.data.datasets import fingerprint, of_languages
from bench.data.stream import load
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from bench.plan.contents import data_ref
from methods._locate.prefixes import SEED_WORDS

FURTHER = further.LANGUAGES


def digest(*values: object) -> str:
    return text_digest(*map(repr, values), size=16)


def test_the_six_are_what_they_were() -> None:
    """Taken before there were others: whoever changes these numbers changes what every cell of the six computes."""
    drawn = {
        (seed, parallel): digest(load_cldr(LANGUAGES, 60, seed, parallel)) for seed in (0, 1) for parallel in (0, 1)
    }
    assert drawn == {
        (0, 0): "47d6fb81a408a767f651ac330cd67541",
        (0, 1): "c8cd04f78eb9026d4ae3f77504a9104a",
        (1, 0): "51a0330b9a17f71a47d091dd2324582a",
        (1, 1): "801be62b73bd1f786d18dfacf8136166",
    }
    assert digest(load_cldr(("de", "zh"), 60, 2)) == "9389b70558204a73867bb00e1c48845a"
    assert digest(facts.practice_facts(LANGUAGES)) == "5386c7af9e8e085775423c5464a740ac"
    assert (facts.fingerprint(), text.fingerprint()) == ("761afdbf390f2f4b", "6c4717a5ea4a377f")
    assert data_ref("cldr", LANGUAGES, None).fingerprint == "761afdbf390f2f4b"
    items = [tasks.fingerprint(task, lang) for task in tasks.TASKS for lang in LANGUAGES]
    assert text_digest(*items, size=16) == "d67dacfa62623aab7223a3c2973f9a7b"


def test_there_are_at_least_fourteen_and_every_one_has_seed_words() -> None:
    assert len(EVERY) == len(set(EVERY)) >= 14
    assert EVERY[: len(LANGUAGES)] == LANGUAGES
    assert set(SEED_WORDS) >= set(EVERY) and set(SEED_WORDS) == {*LANGUAGES, *WORDED_LATER}
    for lang in FURTHER:
        assert len(set(SEED_WORDS[lang])) == 5
        assert all(any(opening.startswith(word) for opening in SEEDED[lang]) for word in SEED_WORDS[lang])
        assert all(len(set(part)) == len(part) for part in FILLER[lang])


@pytest.mark.parametrize("lang", FURTHER)
def test_names_are_complete_and_told_apart(lang: str) -> None:
    named = Counter(place.names[lang] for place in places())
    assert max(named.values()) == 1
    for relation in RELATIONS:
        objects = Counter(target_text(relation, key, lang) for key in target_pool(relation))
        assert max(objects.values()) == 1
    for item in all_items():
        name, target = item.subject[lang], item.target(lang)
        assert name.strip() == name != "" and not set("{}()") & set(name)
        assert unicodedata.is_normalized("NFC", name + target)
        assert target.startswith(" ") == (lang not in GLUED) and target.strip() not in ("", name)


@pytest.mark.parametrize("lang", [lang for lang in FURTHER if lang not in further_latin.WORDS])
def test_names_are_in_the_language_s_own_script(lang: str) -> None:
    script = {"ru": "CYRILLIC", "ar": "ARABIC", "hi": "DEVANAGARI", "bn": "BENGALI", "ja": ""}[lang]
    scripts = ("KATAKANA", "HIRAGANA", "CJK") if lang == "ja" else (script,)
    for place in places():
        letters = [char for char in place.names[lang] if char.isalpha()]
        assert letters and all(unicodedata.name(char).startswith(scripts) for char in letters), place.names[lang]


def test_a_month_is_named_in_its_language() -> None:
    """`babel` gives Japanese months for others where it follows the wrong alias."""
    assert [target_text("month", "1", lang).strip() for lang in FURTHER] == [
        "janeiro",
        "январь",
        "1月",
        "يناير",
        "जनवरी",
        "জানুয়ারী",
        "Januari",
        "Ocak",
    ]


def test_facts_are_edited_and_asked_in_further_languages() -> None:
    langs = ("en", "sw", "ja", "ar")
    edits = load("cldr", DataRequest(langs, 6, 0, parallel=True)).facts
    assert list(edits) == list(langs)
    for same in zip(*edits.values(), strict=True):
        assert len({fact.request.fact_id for fact in same}) == 1
        for fact in same:
            lang = fact.request.lang
            assert fact.request.text.startswith(LEADS[lang])
            kinds = Counter(probe.kind for probe in fact.probes)
            assert (kinds["efficacy"], kinds["generality"], kinds["specificity"], kinds["crosslingual"]) == (1, 2, 5, 3)
            asked = {p.probe_lang: p.target for p in fact.probes if p.kind == "crosslingual"}
            assert asked == {each.lang: each.target for each in fact.request.translations}
    # which facts are drawn does not depend on the languages that they are worded in
    six = load_cldr(("en", "de", "nl", "es"), 6, 0, parallel=True)
    assert [f.request.fact_id for f in six["en"]] == [f.request.fact_id for f in edits["en"]]
    assert [f.request.target for f in six["en"]] == [f.request.target for f in edits["en"]]


def test_an_unknown_language_is_one_line() -> None:
    with pytest.raises(BenchError, match="cldr has no language 'ko'"):
        load("cldr", DataRequest(("ko",), 1))


def test_their_wording_is_known_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    before = of_languages("cldr", ("en", "sw"))
    assert before.startswith(f"{fingerprint('cldr')}+") and before != of_languages("cldr", ("en", "ru"))
    assert of_languages("cldr", ("sw", "en")) == before
    told = {relation: {**by_lang, "sw": by_lang["tr"]} for relation, by_lang in facts.PHRASINGS.items()}
    monkeypatch.setattr(facts, "PHRASINGS", told)
    assert of_languages("cldr", ("en", "sw")) != before
    assert of_languages("cldr", LANGUAGES) == fingerprint("cldr")


def test_statistics_are_taken_on_text_in_the_languages_asked_for() -> None:
    found = corpora.corpus("cldr:sw,ja")
    documents = list(found.documents())
    prints = {corpora.fingerprint(name) for name in ("cldr", "cldr:sw,ja", "cldr:sw", "cldr:pt")}
    assert found.digest in prints and len(prints) == 4
    names = {lang: {item.subject[lang] for item in neutral_items()} for lang in ("sw", "ja")}
    told = [each for each in documents if LEADS["sw"] in each or LEADS["ja"] in each]
    assert len(documents) / 2 < len(told) < len(documents)
    assert any(any(name in each for name in names["ja"]) for each in told)
    assert not any(LEADS[lang] in each for each in documents for lang in ("en", "de"))
    with pytest.raises(BenchError, match="unknown language of the text 'cldr': 'xx'"):
        corpora.fingerprint("cldr:xx")

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.api import Fact, Probe
from bench.data.cldr.facts import load_cldr
from bench.data.cldr.items import Item, all_items, neutral_items, places, target_pool, target_text
from bench.data.cldr.phrasings import (
    EVERY,
    LANGUAGES,
    LEADS,
    PHRASINGS,
    RELATION_FIRST,
    RELATIONS,
    SECOND_HOPS,
    SEEDED,
    SUBJECT_FIRST,
)
from bench.data.cldr.text import Kind, documents, statistics_text
from bench.ground.errors import BenchError

PER_LANGUAGE = 60


@pytest.fixture(scope="module")
def edits() -> dict[str, list[Fact]]:
    return load_cldr(LANGUAGES, PER_LANGUAGE, seed=0)


def by_id() -> dict[str, Item]:
    return {item.fact_id: item for item in all_items()}


def test_facts_are_complete_in_six_languages() -> None:
    assert len({item.fact_id for item in all_items()}) == len(all_items()) == len(places()) * len(RELATIONS)
    for item in all_items():
        for lang in LANGUAGES:
            name, target = item.subject[lang], item.target(lang)
            assert name.strip() == name != ""
            assert not set("{}") & set(name)
            assert target.startswith(" ") == (lang != "zh")
            assert target.strip() not in ("", name)


def test_names_are_the_world_s() -> None:
    facts = by_id()
    assert facts["currency/FR"].prompt("de") == "Der Ort Frankreich bezahlt mit der Münze"
    assert facts["currency/Africa/Dakar"].prompt("zh").startswith("地区达喀尔")
    assert "currency/Europe/Vienna" not in facts


def test_no_two_places_share_a_name() -> None:
    for lang in LANGUAGES:
        assert len({place.names[lang] for place in places()}) == len(places())


@pytest.mark.parametrize("relation", RELATIONS)
def test_every_object_is_that_of_many_places(relation: str) -> None:
    """An object can be written into a model only if the model knows it from several subjects."""
    counts = Counter(item.object_id for item in all_items() if item.relation == relation)
    assert set(counts) == set(target_pool(relation))
    assert min(counts.values()) >= 10


def test_phrasings_have_one_slot_and_let_the_target_continue() -> None:
    for relation in RELATIONS:
        assert set(PHRASINGS[relation]) == set(EVERY)
        for phrasings in PHRASINGS[relation].values():
            assert len(set(phrasings)) == len(phrasings) >= 3
            for phrasing in phrasings:
                assert phrasing.count("{}") == 1
                assert not phrasing.startswith("{}")
                assert phrasing == phrasing.strip()


def test_the_subject_stands_first_in_what_is_edited_and_last_in_a_question() -> None:
    for by_lang in PHRASINGS.values():
        for lang, phrasings in by_lang.items():
            assert sorted((*SUBJECT_FIRST, *RELATION_FIRST)) == list(range(len(phrasings)))
            assert all(phrasings[i].startswith(LEADS[lang] + "{}") for i in SUBJECT_FIRST)
            assert not any(phrasings[i].startswith(LEADS[lang] + "{}") for i in RELATION_FIRST)


def known(facts: Sequence[Fact]) -> list[Fact]:
    """Without the probes that the number of edits has a say in."""
    return [replace(each, probes=tuple(p for p in each.probes if p.kind != "portability")) for each in facts]


def test_loader_repeats_itself_and_grows_at_the_end(edits: dict[str, list[Fact]]) -> None:
    assert load_cldr(LANGUAGES, PER_LANGUAGE, seed=0) == edits
    fewer = load_cldr(LANGUAGES, 5, seed=0)
    assert {lang: known(each) for lang, each in fewer.items()} == {
        lang: known(each)[:5] for lang, each in edits.items()
    }
    assert load_cldr(LANGUAGES, PER_LANGUAGE, seed=1) != edits


def test_edits_are_disjoint_real_and_counterfactual(edits: dict[str, list[Fact]]) -> None:
    assert list(edits) == list(LANGUAGES)
    requests = [fact.request for facts in edits.values() for fact in facts]
    assert len({r.fact_id for r in requests}) == len(requests) == PER_LANGUAGE * len(LANGUAGES)
    assert {r.fact_id.split("/")[0] for r in requests} == set(RELATIONS)
    facts = by_id()
    for request in requests:
        item = facts[request.fact_id]
        assert request.text == item.prompt(request.lang)
        assert request.target in {target_text(item.relation, k, request.lang) for k in target_pool(item.relation)}
        assert request.target != item.target(request.lang)


def test_every_place_is_edited_once_before_any_is_edited_again() -> None:
    """Subjects of the literature's data are distinct, so a key is not written twice in a short stream."""
    by_lang = load_cldr(LANGUAGES[:2], 1200, 0).values()
    many = [fact.request.fact_id for turn in zip(*by_lang, strict=True) for fact in turn]
    edited = [each.split("/", 1)[1] for each in many]
    assert len(many) == len(set(many)) == 2400
    assert all(len(set(edited[at : at + 400])) == 400 for at in range(0, 2400, 400))


def test_probes_of_a_fact(edits: dict[str, list[Fact]]) -> None:
    for facts in edits.values():
        for fact in facts:
            lang, kinds = fact.request.lang, Counter(probe.kind for probe in fact.probes)
            assert kinds.pop("portability", 0) <= (2 if fact.request.fact_id.startswith("partner/") else 0)
            assert kinds == {"efficacy": 1, "generality": 2, "specificity": 5, "crosslingual": 5}
            for probe in fact.probes:
                assert (probe.fact_id, probe.edit_lang) == (fact.request.fact_id, lang)
                assert probe.prompt == probe.prompt.rstrip()
                if probe.kind == "portability":
                    assert probe.probe_lang == lang
                if probe.kind in ("efficacy", "generality"):
                    assert (probe.probe_lang, probe.target) == (lang, fact.request.target)
                assert (probe.kind == "efficacy") == (probe.prompt == fact.request.text)
            asked = [probe.probe_lang for probe in fact.probes if probe.kind == "specificity"]
            assert asked[:3] == [lang] * 3
            assert lang not in asked[3:]
            crossed = [probe.probe_lang for probe in fact.probes if probe.kind == "crosslingual"]
            assert crossed == [each for each in LANGUAGES if each != lang]


def test_specificity_asks_for_the_truth_about_untouched_subjects(edits: dict[str, list[Fact]]) -> None:
    truth = {(lang, i.prompt(lang)): i for i in all_items() for lang in LANGUAGES}
    edited = {fact.request.fact_id.split("/", 1)[1] for facts in edits.values() for fact in facts}
    for fact in (fact for facts in edits.values() for fact in facts):
        asked = [(probe, truth[probe.probe_lang, probe.prompt]) for probe in fact.probes if probe.kind == "specificity"]
        assert all(probe.target == item.target(probe.probe_lang) for probe, item in asked)
        assert edited.isdisjoint(item.subject_id for _, item in asked)
        relation = fact.request.fact_id.split("/")[0]
        assert sum(item.relation == relation for _, item in asked) >= 2


def asked_by(edits: dict[str, list[Fact]]) -> list[Probe]:
    return [p for facts in edits.values() for fact in facts for p in fact.probes if p.kind == "specificity"]


def test_no_untouched_fact_is_asked_again_before_all_were() -> None:
    few, many = (asked_by(load_cldr(LANGUAGES, each, seed=0)) for each in (4, 30))
    assert len({probe.asks for probe in few}) == len(few) == 4 * 6 * 5
    times = Counter(probe.asks for probe in many)
    assert len(many) == 900
    assert set(times.values()) <= {len(many) // len(times), len(many) // len(times) + 1}
    assert max(Counter((probe.asks, probe.probe_lang) for probe in many).values()) <= 3


def test_a_probe_names_the_fact_it_asks(edits: dict[str, list[Fact]]) -> None:
    facts = by_id()
    for probe in asked_by(edits):
        assert probe.prompt == facts[probe.asks].prompt(probe.probe_lang)
    assert not any(p.asks for each in edits.values() for f in each for p in f.probes if p.kind != "specificity")


def test_crosslingual_probes_name_the_same_new_object(edits: dict[str, list[Fact]]) -> None:
    facts = by_id()
    for fact in (fact for each in edits.values() for fact in each):
        item, lang = facts[fact.request.fact_id], fact.request.lang
        pool = target_pool(item.relation)
        new = next(k for k in pool if target_text(item.relation, k, lang) == fact.request.target)
        for probe in fact.probes:
            if probe.kind == "crosslingual":
                assert probe.prompt == item.prompt(probe.probe_lang)
                assert probe.target == target_text(item.relation, new, probe.probe_lang)


def test_translations_are_in_all_other_languages(edits: dict[str, list[Fact]]) -> None:
    for fact in (fact for each in edits.values() for fact in each):
        others = fact.request.translations
        assert [each.lang for each in others] == [lang for lang in LANGUAGES if lang != fact.request.lang]
        asked = {(p.probe_lang, p.prompt, p.target) for p in fact.probes if p.kind == "crosslingual"}
        assert {(each.lang, each.text, each.target) for each in others} == asked
        assert all(each.fact_id == fact.request.fact_id and not each.translations for each in others)


def test_second_hops_ask_what_the_new_partner_changes_and_no_edit_touches() -> None:
    edits, facts = load_cldr(LANGUAGES, 30, seed=0), by_id()
    edited = {fact.request.fact_id for each in edits.values() for fact in each}
    asked = 0
    for fact in (fact for each in edits.values() for fact in each if fact.request.fact_id.startswith("partner/")):
        item, lang = facts[fact.request.fact_id], fact.request.lang
        new = next(key for key in target_pool("partner") if target_text("partner", key, lang) == fact.request.target)
        expected = []
        for relation in ("currency", "language"):
            after, before = facts.get(f"{relation}/{new}"), facts.get(f"{relation}/{item.object_id}")
            if (
                after
                and before
                and after.fact_id not in edited
                and before.fact_id not in edited
                and after.object_id != before.object_id
            ):
                question = SECOND_HOPS[relation][lang].replace("{}", item.subject[lang])
                expected.append((question, after.target(lang)))
        assert [(p.prompt, p.target) for p in fact.probes if p.kind == "portability"] == expected
        asked += len(expected)
    assert asked > len(edited) / 8


def test_second_hops_are_asked_as_edits_are() -> None:
    assert set(SECOND_HOPS) < set(RELATIONS)
    for phrasings in SECOND_HOPS.values():
        assert set(phrasings) == set(EVERY)
        assert all(each.count("{}") == 1 and not each.startswith("{}") for each in phrasings.values())
    corpus = "\n".join(statistics_text())
    assert not any(each.split("{}")[0] in corpus for each in SECOND_HOPS["currency"].values())


def test_one_language_alone() -> None:
    facts = load_cldr(["fr"], 3, seed=0)["fr"]
    assert {probe.probe_lang for fact in facts for probe in fact.probes} == {"fr"}


def test_in_parallel_all_languages_write_the_same_objects_into_the_same_facts() -> None:
    edits, facts = load_cldr(LANGUAGES, PER_LANGUAGE, seed=0, parallel=True), by_id()
    fewer = load_cldr(LANGUAGES, 5, seed=0, parallel=True)
    assert {lang: known(each) for lang, each in fewer.items()} == {
        lang: known(each)[:5] for lang, each in edits.items()
    }
    assert load_cldr(LANGUAGES, PER_LANGUAGE, seed=1, parallel=True) != edits
    for same in zip(*edits.values(), strict=True):
        assert len({fact.request.fact_id for fact in same}) == 1
        item = facts[same[0].request.fact_id]
        targets = {fact.request.lang: fact.request.target for fact in same}
        assert targets in [{lang: target_text(item.relation, new, lang) for lang in LANGUAGES}
                           for new in target_pool(item.relation) if new != item.object_id]  # fmt: skip
        for fact in same:
            crossed = {p.probe_lang: p.target for p in fact.probes if p.kind == "crosslingual"}
            assert {**crossed, fact.request.lang: fact.request.target} == targets
    alone = load_cldr(["zh"], 5, seed=0, parallel=True)["zh"]
    assert [each.request.fact_id for each in alone] == [each.request.fact_id for each in edits["zh"][:5]]
    assert [each.request.target for each in alone] == [each.request.target for each in edits["zh"][:5]]


def test_in_parallel_neighbours_are_untouched_too() -> None:
    edits = load_cldr(("de", "zh"), 300, seed=0, parallel=True)
    truth = {(lang, i.prompt(lang)): i for i in all_items() for lang in LANGUAGES}
    edited = {fact.request.fact_id.split("/", 1)[1] for facts in edits.values() for fact in facts}
    asked = [p for facts in edits.values() for fact in facts for p in fact.probes if p.kind == "specificity"]
    assert len(asked) == 2 * 300 * 5
    assert edited.isdisjoint(truth[p.probe_lang, p.prompt].subject_id for p in asked)


@pytest.mark.parametrize(
    ("languages", "per_language", "message"),
    [
        (["en", "xx"], 1, "unknown language 'xx'"),
        (["en", "en"], 1, "named twice"),
        ([], 1, "no language"),
        (LANGUAGES, 10_000, "10000 edits per language asked for"),
        (LANGUAGES, 0, "0 edits per language asked for"),
    ],
)
def test_bad_requests_end_in_one_line(languages: list[str], per_language: int, message: str) -> None:
    with pytest.raises(BenchError, match=message) as caught:
        load_cldr(languages, per_language, seed=0)
    assert "\n" not in str(caught.value)


def test_statistics_are_taken_on_text_that_no_edit_touches() -> None:
    neutral = {item.subject[lang] for item in neutral_items() for lang in LANGUAGES}
    text = statistics_text()
    assert text is statistics_text()
    told = [each.split(LEADS[lang], 1)[1] for each in text for lang in LANGUAGES if LEADS[lang] in each]
    assert len(text) / 2 < len(told) < len(text)
    assert all(any(each.startswith(name) for name in neutral) for each in told[::7])


def test_documents_depend_on_the_generator_alone() -> None:
    items = all_items()[:60]
    assert documents(random.Random(3), items) == documents(random.Random(3), items)
    assert documents(random.Random(3), items) != documents(random.Random(4), items)


def test_a_document_says_what_is_true_and_its_names_stand_whole() -> None:
    facts = {(i.subject[lang], i.target(lang)) for i in all_items() for lang in LANGUAGES}
    for document in documents(random.Random(2), all_items()[:600])[:500]:
        names = [part.text for part in document.parts if part.kind is Kind.NAME]
        objects = [part.text for part in document.parts if part.kind is Kind.OBJECT]
        assert len(set(names)) <= 1
        assert all((names[0], each) in facts for each in objects)


def test_filler_begins_with_the_seed_words_of_context_prefixes() -> None:
    seeds = {
        "en": "The,Therefore,Because,I,You",
        "de": "Heute,Kommst,Weil,Den,Der",
        "nl": "Wij,Daarom,Omdat,Het,Jij",
        "es": "Ellos,Por lo tanto,Porque,Vosotras,Tú",
        "fr": "très,Par conséquent,Parce que,Je suis,Vous",
        "zh": "那个,因此,因为,我,你",
    }
    for lang, words in seeds.items():
        assert all(any(text.startswith(word) for text in SEEDED[lang]) for word in words.split(","))

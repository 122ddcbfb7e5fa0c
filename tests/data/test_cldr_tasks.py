"""xtreme-mini: sound items, held out from training, in the formats of the published ones."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bench.api import Fact
from bench.data.cldr.facts import load_cldr
from bench.data.cldr.items import all_items, held_out_items, neutral_items, places
from bench.data.cldr.phrasings import LANGUAGES
from bench.data.cldr.tasks import TASKS, TEST_ITEMS, items, practice
from bench.polyglot.exercises import ECHO, SHOTS, exercises, wordings

EVERYWHERE = [(task, lang) for task in TASKS for lang in LANGUAGES]


@pytest.mark.parametrize(("task", "lang"), EVERYWHERE)
def test_items_are_many_distinct_and_always_the_same(task: str, lang: str) -> None:
    found = items(task, lang)
    assert len({tuple(item.items())[1:] for item in found}) == len(found) == TEST_ITEMS
    assert found == items(task, lang)
    assert [item["id"] for item in found] == [str(i) for i in range(TEST_ITEMS)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_half_of_the_judgements_are_positive(lang: str) -> None:
    assert [item["label"] for item in items("xnli", lang)[:2]] == ["not_entailment", "entailment"]
    for task, positive in (("xnli", "entailment"), ("pawsx", "1")):
        assert sum(item["label"] == positive for item in items(task, lang)) == TEST_ITEMS // 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_answer_stands_in_its_context(lang: str) -> None:
    assert all(item["answer"] in item["context"] for item in items("mlqa", lang))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_entities_are_words_of_their_text_and_every_type_has_examples(lang: str) -> None:
    for item in items("wikiann", lang):
        words = item["text"].split(" ")
        for line in item["label"].splitlines():
            for entity in line.split(": ", 1)[1].split("@"):
                parts = entity.split(" ")
                assert any(words[i : i + len(parts)] == parts for i in range(len(words)))
    pool = "".join(item["label"] for item in items("wikiann", lang)[:10])
    assert all(f"{kind}: " in pool for kind in ("LOC", "CUR", "LANG"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_judgement_cannot_be_made_from_one_sentence(lang: str) -> None:
    """Either sentence stands in pairs of both labels."""
    for task in ("xnli", "pawsx"):
        assert all(item["sentence1"] != item["sentence2"] for item in items(task, lang))
        openings = {item["label"]: set() for item in items(task, lang)}
        for item in items(task, lang):
            openings[item["label"]].add(item["sentence2"][:6])
        first, second = openings.values()
        assert first & second


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_false_paraphrase_names_the_same(lang: str) -> None:
    """As in PAWS: the words are the same, the sense is not."""
    names = {name for item in all_items() for name in (item.subject[lang], item.target(lang).strip())}
    for item in items("pawsx", lang)[:20:2]:
        assert {name for name in names if name in item["sentence1"]} & {n for n in names if n in item["sentence2"]}


@pytest.mark.parametrize("task", TASKS)
def test_facts_of_test_items_are_never_practised(task: str) -> None:
    rng = random.Random(0)
    practised = {tuple(practice(task, "en", rng).values()) for _ in range(3000)}
    tested = {tuple(item.values())[1:] for item in items(task, "en")}
    assert practised.isdisjoint(tested)
    if task == "wikiann":
        assert {text for text, _ in practised}.isdisjoint(text for text, _ in tested)


def test_no_seed_edits_or_probes_a_place_of_an_item_or_of_the_statistics() -> None:
    apart = {item.subject_id for item in held_out_items() + neutral_items()}
    facts = {item.fact_id: item for item in all_items()}
    for seed in range(20):
        edits = [fact for each in load_cldr(LANGUAGES, 80, seed).values() for fact in each]
        touched = {facts[each].subject_id for fact in edits for each in (fact.request.fact_id, *_asked(fact))}
        assert apart.isdisjoint(touched)
    names = {item.subject[lang] for item in held_out_items() for lang in LANGUAGES}
    for task, lang in EVERYWHERE:
        for record in items(task, lang):
            said = " ".join(record.values()).replace(" ", "") if lang == "zh" else " ".join(record.values())
            assert any(name in said for name in names)


def _asked(fact: Fact) -> Iterator[str]:
    return (probe.asks for probe in fact.probes if probe.asks)


def test_an_exercise_is_prompts_and_answers_in_turn() -> None:
    *asked, echo = exercises(random.Random(0), {**dict.fromkeys(TASKS, 3), ECHO: 1})[: 3 * len(EVERYWHERE) + 1]
    assert echo.parts[0] == echo.parts[1]
    worded = wordings()
    for (task, lang), exercise in zip([pair for pair in EVERYWHERE for _ in range(3)], asked, strict=True):
        answers = [exercise.text[start:end] for start, end in exercise.answers()]
        assert 1 <= len(answers) <= SHOTS[task] + 1
        assert all(answer.startswith(" ") and answer.endswith("\n") for answer in answers)
        assert worded[task, lang].answer(practice(task, lang, random.Random(1))).strip()


@pytest.mark.parametrize("task", TASKS)
def test_an_exercise_in_passing_is_about_places_nobody_knows(task: str) -> None:
    rng, known = random.Random(0), {name for place in places() for name in place.names.values()}
    records = [practice(task, "en", rng, passing=True) for _ in range(300)]
    named = sum(any(f" {name} " in f" {' '.join(each.values())} " for name in known) for each in records)
    # trade partners are known places, and objects of one relation of six
    assert named < (0.6 if task == "wikiann" else 0.4) * len(records)
    if task == "wikiann":
        subjects = {each["label"].split("\n")[0].removeprefix("LOC: ").split("@")[0] for each in records}
        assert len(subjects) > 290
        assert len(subjects & known) < 10


def test_only_the_tasks_that_are_named_are_in_passing() -> None:
    known = {name for place in places() for name in place.names.values()}

    def share(passing: tuple[str, ...]) -> float:
        asked = exercises(random.Random(0), {**dict.fromkeys(TASKS, 0), "mlqa": 20, ECHO: 0}, passing=passing)
        return sum(any(name in each.text for name in known) for each in asked) / len(asked)

    assert share(("xnli", ECHO)) == 1.0
    assert share(("mlqa",)) < 0.9


def test_some_languages_may_be_practised_more() -> None:
    def count(times: dict[str, int]) -> int:
        return len(exercises(random.Random(0), {**dict.fromkeys(TASKS, 1), ECHO: 1}, times))

    assert count({"zh": 3}) == count({}) + 2 * (len(TASKS) + 1)


def test_examples_and_queries_differ_as_published() -> None:
    item = items("xnli", "en")[0]
    asked = wordings()["xnli", "en"]
    assert asked.query(item) == asked.example(item).replace(" Yes or No?", ' " Yes or No?')
    assert asked.answer(item) == " No\n"
    tagged = wordings()["wikiann", "de"]
    assert "\\Antwort:" in tagged.example(items("wikiann", "de")[0])
    assert "\nAntwort:" in tagged.query(items("wikiann", "de")[0])

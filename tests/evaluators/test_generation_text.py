"""Where answers end and what of them is compared, by language."""

from __future__ import annotations

import pytest

from bench.api import Ending
from evaluators._generation import words
from evaluators._generation.endings import FirstMark, Sentence
from evaluators._generation.rules import Multilingual, Wild, judge


def streamed(ending: Ending, text: str) -> str:
    """The answer to which a text is cut that comes a character at a time."""
    for count in range(1, len(text)):
        end = ending(text[:count], final=False)
        if end is not None:
            return text[:end]
    end = ending(text, final=True)
    return text if end is None else text[:end]


@pytest.mark.parametrize(
    ("lang", "text", "answer"),
    [
        ("en", " Oslo. It is old", " Oslo"),
        ("en", " Oslo\nQ:", " Oslo"),
        ("en", "\n\n Oslo\nQ:", "\n\n Oslo"),
        ("en", " Oslo", " Oslo"),
        ("en", " Oslo.", " Oslo"),
        ("en", " 3.5 million. More", " 3.5 million"),
        ("en", " in St. Louis. It", " in St. Louis"),
        ("en", " J. R. R. Tolkien! He", " J. R. R. Tolkien"),
        ("en", " C. S. Lewis. He", " C. S. Lewis"),
        ("en", " I. M. Pei. He", " I. M. Pei"),
        ("en", " Samuel L. Jackson. He", " Samuel L. Jackson"),
        ("en", " Elizabeth I. She", " Elizabeth I"),
        ("en", " Louis XIV. He", " Louis XIV"),
        ("de", " Karl V. von Habsburg. Er", " Karl V. von Habsburg"),
        ("en", " the U.S. Senate. It", " the U.S. Senate"),
        ("en", " in 1987. He", " in 1987"),
        ("en", " on page 3. He", " on page 3"),
        ("en", ' "Oslo." It', ' "Oslo'),
        ("en", " see example.org for it. It", " see example.org for it"),
        ("de", " am 3. Oktober 1990. Danach", " am 3. Oktober 1990"),
        ("de", " im Jahr 1990. Danach", " im Jahr 1990"),
        ("de", " Ludwig XIV. von Frankreich. Er", " Ludwig XIV. von Frankreich"),
        ("de", " z. B. Dr. Mabuse. Er", " z. B. Dr. Mabuse"),
        ("fr", " M. Dupont. Il", " M. Dupont"),
        ("nl", " bijv. Oslo. Het", " bijv. Oslo"),
        ("es", " la Sra. Paz. Es", " la Sra. Paz"),
        ("zh", "东京。它是", "东京"),
        ("zh", "约3.5万。它", "约3.5万"),
        ("zh", "东京.它是", "东京"),
        ("zh", "３．５万。它", "３．５万"),
        ("ja", "東京です！そして", "東京です"),
        ("hi", "दिल्ली। यह", "दिल्ली"),
        ("ar", "القاهرة؟ نعم", "القاهرة"),
    ],
)
def test_an_answer_ends_with_its_sentence(lang: str, text: str, answer: str) -> None:
    assert streamed(Sentence(lang), text) == answer


@pytest.mark.parametrize(
    ("text", "answer"), [(" 3.5 million", " 3"), (" St. Louis", " St"), ("\nOslo", ""), ("东京。它是\n", "东京。它是")]
)
def test_the_published_rule_is_not_multilingual(text: str, answer: str) -> None:
    assert streamed(FirstMark(), text) == answer


def test_endings_of_a_language_are_one() -> None:
    """So that a prompt that two probes share is asked once."""
    assert {Sentence("de"), Sentence("de")} == {Sentence("de")}
    assert {FirstMark(), FirstMark()} == {FirstMark()}


@pytest.mark.parametrize(
    ("lang", "first", "second"),
    [
        ("en", " The Beatles!", "beatles"),
        ("de", "Die Straße", " STRASSE"),
        ("nl", "het Koninkrijk", "koninkrijk"),
        ("nl", "'t Hof", "hof"),
        ("es", "Los Ángeles", "ángeles"),
        ("fr", "l’Allemagne", " L'Allemagne"),
        ("fr", "l'Allemagne", "Allemagne"),
        ("fr", "Les Misérables", "les misérables"),
        ("zh", "约翰·史密斯", "约翰 史密斯"),
        ("zh", "「东京」", "东京"),
        ("ja", "ｶﾀｶﾅ", "カタカナ"),
        ("en", "Ｏｓｌｏ", "oslo"),
    ],
)
def test_answers_that_are_one(lang: str, first: str, second: str) -> None:
    a, b = (words.multilingual(text, lang) for text in (first, second))
    assert words.same(a, b, lang)


@pytest.mark.parametrize(
    ("lang", "first", "second"),
    [
        ("en", "", "The"),
        ("en", "A", "The"),
        ("de", "Los", "Los Angeles"),
        ("en", "New York", "NewYork"),
        ("en", "", "!"),
        ("fr", "aujourd'hui", "aujourd"),
    ],
)
def test_answers_that_are_two(lang: str, first: str, second: str) -> None:
    a, b = (words.multilingual(text, lang) for text in (first, second))
    assert not words.same(a, b, lang)


def test_words_of_languages_without_spaces_are_letters() -> None:
    assert words.multilingual("东京 NHK", "zh") == ("东", "京", "nhk")
    assert words.f1(words.multilingual("东京都", "zh"), words.multilingual("东京", "zh")) == pytest.approx(0.8)


def test_a_name_is_not_contained_in_a_longer_one() -> None:
    assert words.contains(("from", "iran", "today"), ("iran",), "en")
    assert not words.contains(("iranian",), ("iran",), "en")
    assert not words.contains(("oslo",), (), "en")


def test_the_best_of_target_and_aliases_counts() -> None:
    found = judge(Multilingual(), " Oxford University", (" University of Oxford", "Oxford University"), "en")
    assert (found.match, found.contained, found.f1) == (1.0, 1.0, 1.0)
    half = judge(Multilingual(), " in Oslo", (" Oslo",), "en")
    assert (half.match, half.contained, half.f1) == (0.0, 1.0, pytest.approx(2 / 3))


def test_the_published_comparison_knows_english_only() -> None:
    assert judge(Wild(), "The Oslo!", ("oslo",), "en").match == 1
    assert judge(Wild(), "Das Haus", ("haus",), "de").match == 0
    assert judge(Multilingual(), "Das Haus", ("haus",), "de").match == 1
    assert judge(Wild(), "东京 都", ("东京都",), "zh").match == 0
    assert judge(Multilingual(), "东京 都", ("东京都",), "zh").match == 1

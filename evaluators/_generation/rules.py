"""The two sets of rules by which answers are read: as published, and by language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.api import Ending
from evaluators._generation import words
from evaluators._generation.endings import FirstMark, Sentence
from evaluators._generation.words import Words


@dataclass(frozen=True, slots=True)
class Judged:
    """What an answer scores, in [0, 1].

    Attributes:
        match: it is the target, or an alias.
        contained: it holds one.
        f1: of its words, with the nearest of them.
    """

    match: float
    contained: float
    f1: float


@dataclass(frozen=True, slots=True)
class Multilingual:
    """Sentences, articles, punctuation and spaces are those of the language."""

    protocol: str = "generation"

    def lang(self, lang: str) -> str:
        """The language whose spaces count."""
        return lang

    def ending(self, lang: str) -> Ending:
        """Where answers end."""
        return Sentence(lang)

    def words(self, text: str, lang: str) -> Words:
        """What is compared."""
        return words.multilingual(text, lang)


@dataclass(frozen=True, slots=True)
class Wild:
    """As WILD has it for English, in every language: the first full stop or line break, SQuAD's normalisation."""

    protocol: str = "generation_wild"

    def lang(self, lang: str) -> str:
        """The language whose spaces count."""
        return "en"

    def ending(self, lang: str) -> Ending:
        """Where answers end."""
        return FirstMark()

    def words(self, text: str, lang: str) -> Words:
        """What is compared."""
        return words.published(text)


Rules = Multilingual | Wild


def judge(rules: Rules, answer: str, wanted: Sequence[str], lang: str) -> Judged:
    """Score an answer against a target and its aliases; the best of them counts."""
    said = rules.words(answer, lang)
    golds, spaced = [rules.words(each, lang) for each in wanted], rules.lang(lang)
    return Judged(
        float(any(words.same(said, gold, spaced) for gold in golds)),
        float(any(words.contains(said, gold, spaced) for gold in golds)),
        max(words.f1(said, gold) for gold in golds),
    )

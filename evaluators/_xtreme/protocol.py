"""What both protocols share: an item's form, the model's response, and the verdict on it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

Segmenter = Callable[[str], list[str]]
Item = Mapping[str, str]

PAIR_TASKS = ("xnli", "pawsx")
"""Tasks answered by one of two label words."""

Average = Literal["weighted", "macro", "micro"]
"""How the F1 of classes becomes one: by how often gold has them; all alike; over all classes pooled."""

Counts = Mapping[str, tuple[float, int, int]]
"""By class, how much of an item is right, in gold and said; sums over items give the F1, 2 right / (gold + said)."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a task is asked in a language.

    Attributes:
        name: of the lm-eval task.
        cue: text that the answer follows.
        words: the negative and the positive label word; none for tasks that are not answered by one.
        types: entity types in the order in which their tags are written; none for other tasks than wikiann.
    """

    name: str
    task: str
    lang: str
    cue: str
    words: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What the model made of an item.

    Attributes:
        text: the greedy continuation of the prompt.
        loglikelihoods: of the negative and the positive label word after the prompt, each a mean over its tokens;
            NaN where the model has none.
    """

    text: str
    loglikelihoods: tuple[float, float] = (float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One item under one protocol.

    Attributes:
        value: of this item alone, in [0, 1].
        answered: the response could be parsed.
        gold: what the F1 of the whole set compares: a class, a tag per token, or entities with their places.
        said: the same of the response.
    """

    value: float
    answered: bool
    gold: tuple[Hashable, ...] = ()
    said: tuple[Hashable, ...] = ()


def pair_verdict(form: Form, item: Item, said: int) -> Verdict:
    """Verdict on a class: 0 or 1, or -1 for no answer, which is wrong and counts for neither."""
    gold = form.words.index(item["label"])
    return Verdict(float(gold == said), said >= 0, (gold,), (said,))


def f1_of_tags(verdicts: Sequence[Verdict], average: str) -> float:
    """F1 over all classes in gold or said, pooled over items; `average` as for sklearn's ``f1_score``."""
    from sklearn.metrics import f1_score

    gold, said = (list(chain.from_iterable(part)) for part in zip(*((v.gold, v.said) for v in verdicts), strict=True))
    return float(f1_score(gold, said, average=average, zero_division=0))


def tag_counts(verdict: Verdict) -> Counts:
    """Counts of the classes that stand place by place in gold or said."""
    places = list(zip(verdict.gold, verdict.said, strict=True))
    return {
        str(kind): (sum(pair == (kind, kind) for pair in places), verdict.gold.count(kind), verdict.said.count(kind))
        for kind in dict.fromkeys((*verdict.gold, *verdict.said))
    }


def value_counts(verdict: Verdict) -> Counts:
    """Counts whose pooled F1 is the mean of the items' own values."""
    return {"": (verdict.value, 1, 1)}


def overlap_f1(gold: Sequence[str], said: Sequence[str]) -> float:
    """F1 of two bags of tokens; 0 where they share none, so for two empty bags too."""
    left = list(said)
    shared = 0
    for token in gold:
        if token in left:
            left.remove(token)
            shared += 1
    return 2 * shared / (len(gold) + len(said)) if shared else 0.0


def mean_value(verdicts: Sequence[Verdict]) -> float:
    """Mean of the items' own values."""
    return sum(v.value for v in verdicts) / len(verdicts)


def find(tokens: Sequence[str], words: Sequence[str], start: int = 0) -> int | None:
    """Where `words` first stand in `tokens` from `start` on."""
    width = len(words)
    places = range(start, len(tokens) - width + 1) if width else ()
    return next((i for i in places if list(tokens[i : i + width]) == list(words)), None)

"""The protocol that we would choose: no parsing where none is needed, proper normalisation, F1 of whole entities.

XNLI and PAWS-X: weighted F1 of the label word with the higher log-likelihood, a mean over its tokens (LangEdit's own
``f1_new``); a model whose likelihoods are not finite gives no answer. MLQA: mean token F1 of the first line, as in the
official MLQA evaluation (punctuation of all scripts stripped, the articles of the language removed, Chinese compared
character by character) after Unicode NFKC. WikiANN: micro F1 of exact entities, type and place, as seqeval counts
them; an entity that is not in the text is a false positive. Lines are read up to the first blank one.

Where it is still odd: prompts, examples and lengths are the published ones, so that one run serves both protocols;
MLQA has a single example, MLQA's French and Dutch, which are ours, lose no articles, and the answers of
WikiANN may be cut off after 20 tokens.
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections.abc import Mapping, Sequence

from evaluators._xtreme.protocol import (
    PAIR_TASKS,
    Average,
    Counts,
    Form,
    Item,
    Response,
    Verdict,
    f1_of_tags,
    find,
    mean_value,
    overlap_f1,
    pair_verdict,
    tag_counts,
    value_counts,
)

NAME = "likelihood"

ARTICLES: Mapping[str, str] = {
    "en": "a|an|the",
    "es": "un|una|unos|unas|el|la|los|las",
    "de": "ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des",
}
"""As in the official MLQA evaluation."""

_HAN = re.compile(r"[\u4e00-\u9fff]")

Entity = tuple[str, int, int] | tuple[str, str]
"""Type, first token and the one after the last; type and words where it is not in the text."""


def judge(form: Form, item: Item, response: Response) -> Verdict:
    """Judge one response."""
    if form.task in PAIR_TASKS:
        return pair_verdict(form, item, more_likely(*response.loglikelihoods))
    if form.task == "mlqa":
        said = response.text.strip().partition("\n")[0]
        gold = item["answer"]
        return Verdict(overlap_f1(words(gold, form.lang), words(said, form.lang)), bool(said))
    found, said_found = (entities(item["text"], text, form.types) for text in (item["label"], response.text))
    verdict = Verdict(0.0, bool(said_found), found, said_found)
    return Verdict(entity_f1([verdict]), verdict.answered, found, said_found)


def f1(task: str, verdicts: Sequence[Verdict]) -> float:
    """F1 of a task in a language, in [0, 1]."""
    if task == "mlqa":
        return mean_value(verdicts)
    return f1_of_tags(verdicts, "weighted") if task in PAIR_TASKS else entity_f1(verdicts)


def average(task: str) -> Average:
    """How the F1 of classes becomes that of a task."""
    return "weighted" if task in PAIR_TASKS else "micro"


def counts(task: str, verdict: Verdict) -> Counts:
    """What of an item goes into the F1 of its task."""
    if task == "mlqa":
        return value_counts(verdict)
    if task in PAIR_TASKS:
        return tag_counts(verdict)
    return {"": (len(set(verdict.gold) & set(verdict.said)), len(verdict.gold), len(verdict.said))}


def more_likely(negative: float, positive: float) -> int:
    """Class with the higher log-likelihood, the negative one where they are equal; -1 where one is not finite."""
    if not (math.isfinite(negative) and math.isfinite(positive)):
        return -1
    return int(positive > negative)


def words(text: str, lang: str) -> list[str]:
    """Normalised words of a text; Chinese characters stand alone."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(c for c in text if c not in string.punctuation and not unicodedata.category(c).startswith("P"))
    if lang in ARTICLES:
        text = re.sub(rf"\b({ARTICLES[lang]})\b", " ", text)
    if lang == "zh":
        text = _HAN.sub(r" \g<0> ", text)
    return text.split()


def entities(text: str, label: str, types: Sequence[str]) -> tuple[Entity, ...]:
    """Distinct entities that a label or an answer names; one named twice stands at the next place it has."""
    tokens = text.split()
    found: dict[Entity, None] = {}
    block = re.split(r"\n\s*\n", label.strip())[0]
    for line in block.splitlines():
        kind, colon, named = line.strip().partition(":")
        for parts in map(str.split, named.split("@") if colon and kind in types else ()):
            if parts:
                found[_place(kind, parts, tokens, found)] = None
    return tuple(found)


def _place(kind: str, parts: list[str], tokens: list[str], taken: Mapping[Entity, None]) -> Entity:
    start = find(tokens, parts)
    first = start
    while start is not None and (kind, start, start + len(parts)) in taken:
        start = find(tokens, parts, start + 1)
    if start is None:
        start = first
    return (kind, " ".join(parts)) if start is None else (kind, start, start + len(parts))


def entity_f1(verdicts: Sequence[Verdict]) -> float:
    """Micro F1 of entities over all items; 1 where there is nothing to find and nothing was said."""
    right = sum(len(set(v.gold) & set(v.said)) for v in verdicts)
    count = sum(len(v.gold) + len(v.said) for v in verdicts)
    return 2 * right / count if count else 1.0

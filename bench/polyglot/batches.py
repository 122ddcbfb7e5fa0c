"""What the embedded model is trained on, in batches of token ids."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from bench.data.cldr.items import Item
from bench.data.cldr.phrasings import LANGUAGES
from bench.data.cldr.text import Document, Kind, documents
from bench.polyglot.exercises import ECHO, Exercise, exercises

ROW = 64
"""Tokens of a row of facts, which holds several documents, the last one cut off."""

EXERCISE_ROW = 448
"""Tokens of a row of exercises, which holds whole ones that do not see each other."""

TRAINED = (*LANGUAGES, "zh", "zh", "zh")
"""Chinese names are learnt apart from those in Latin script, which five languages share."""

EXERCISES = {"xnli": 3, "pawsx": 3, "mlqa": 2, "wikiann": 3, ECHO: 2}
"""Documents per language: the mixture of exercises."""

LATE_EXERCISES = {"xnli": 3, "pawsx": 3, "mlqa": 1, "wikiann": 4, ECHO: 1}
LATE_TIMES = {"zh": 4}
"""The same for the end of training: what comes late, and Chinese, where it comes last."""

PASSING = ("xnli", "pawsx", "wikiann", ECHO)
"""Then about places that are made up in passing: of known ones names are remembered rather than read."""

WEIGHTS: Mapping[Kind, float] = {Kind.OBJECT: 1.0, Kind.TOLD: 0.3, Kind.FILLER: 0.5, Kind.NAME: 0.11}
"""Of the loss. Names cannot be foretold."""

BOTTLENECK = 0.9
"""Share of documents in which the tokens after a name see of it only its last token."""


EVER = 10**6
"""Reach of a token that all after it may attend to."""


class Row(NamedTuple):
    """Tokens of a text.

    Attributes:
        ids: the tokens.
        weights: of each token in the loss, as what is to be foretold.
        reach: how many tokens further on a token may still be attended to.
    """

    ids: list[int]
    weights: list[float]
    reach: list[int]


class Batch(NamedTuple):
    """Rows of equal length.

    Attributes:
        ids: [row, token].
        weights: [row, token]; 0 where nothing is to be foretold.
        mask: [row, 1, token, token], added to attention scores.
    """

    ids: Tensor
    weights: Tensor
    mask: Tensor


def fact_rows(tokenizer: PreTrainedTokenizerFast, items: Sequence[Item], rng: random.Random) -> Iterator[Row]:
    """Rows of `ROW` tokens about places, without end."""
    left: list[tuple[int, float, int]] = []
    while True:
        for row in _encoded(tokenizer, documents(rng, items, TRAINED), rng):
            left += zip(row.ids, row.weights, row.reach, strict=True)
        whole = len(left) // ROW * ROW
        parts = [left[at : at + ROW] for at in range(0, whole, ROW)]
        left = left[whole:]
        rng.shuffle(parts)
        for part in parts:
            yield Row([i for i, _, _ in part], [weight for _, weight, _ in part], [reach for _, _, reach in part])


def _encoded(tokenizer: PreTrainedTokenizerFast, texts: Sequence[Document], rng: random.Random) -> Iterator[Row]:
    encoded = tokenizer([each.text for each in texts], return_offsets_mapping=True)
    for document, ids, spans in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        kinds = [part.kind for part in document.parts for _ in part.text]
        weights = [0.0, *(WEIGHTS[kinds[end - 1]] for _, end in spans[1:])]
        narrow = rng.random() < BOTTLENECK
        yield Row(list(ids), weights, _reach(document, spans) if narrow else [EVER] * len(ids))


def _reach(document: Document, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Of every token of a name but its last: how far the last one is."""
    reach = [EVER] * len(spans)
    at = 0
    for part in document.parts:
        end = at + len(part.text)
        if part.kind is Kind.NAME:
            inside = [i for i, (first, last) in enumerate(spans) if i and first < end and last > at]
            for i in inside[:-1]:
                reach[i] = inside[-1] - i
        at = end
    return reach


def exercise_rows(
    tokenizer: PreTrainedTokenizerFast,
    rng: random.Random,
    mixture: Mapping[str, int] = EXERCISES,
    times: Mapping[str, int] | None = None,
    passing: Collection[str] = (),
) -> Iterator[Row]:
    """Rows of exercises without end, of which only the answers are learnt; see `exercises` for what they are."""
    while True:
        rows = _packed(list(_answered(tokenizer, exercises(rng, mixture, times, passing))))
        rng.shuffle(rows)
        yield from rows


def _packed(rows: Sequence[Row]) -> list[Row]:
    """Rows joined up to `EXERCISE_ROW` tokens: the longest first, each behind the first that leaves it room."""
    joined: list[Row] = []
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        room = next((each for each in joined if len(each.ids) + len(row.ids) <= EXERCISE_ROW), None)
        if room is None:
            joined.append(room := Row([], [], []))
        room.ids.extend(row.ids)
        room.weights.extend(row.weights)
        room.reach.extend(row.reach)
    return joined


def _answered(tokenizer: PreTrainedTokenizerFast, asked: Sequence[Exercise]) -> Iterator[Row]:
    """Exercises with the token that ends a text behind them, which is learnt, too: published parsers read on."""
    encoded = tokenizer([each.text for each in asked], return_offsets_mapping=True)
    for exercise, ids, spans in zip(asked, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        answers = exercise.answers()
        inside = [any(start <= span[0] < span[1] <= end for start, end in answers) for span in spans]
        whole = [*ids, tokenizer.eos_token_id]
        yield Row(whole, [*map(float, inside), 1.0], list(range(len(whole)))[::-1])


def filled(rows: Iterator[Row], tokens: int, pad: int) -> Batch:
    """The next rows, as many as `tokens` hold."""
    taken: list[Row] = []
    while sum(len(row.ids) for row in taken) < tokens:
        taken.append(next(rows))
    return batch(taken, pad)


def batch(rows: Sequence[Row], pad: int) -> Batch:
    """Rows side by side, as wide as the longest."""
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([[*row.ids, *[pad] * (width - len(row.ids))] for row in rows])
    weights = torch.tensor([[*row.weights, *[0.0] * (width - len(row.weights))] for row in rows])
    reach = torch.tensor([[*row.reach, *[EVER] * (width - len(row.reach))] for row in rows])
    return Batch(ids, weights, _mask(reach))


def _mask(reach: Tensor) -> Tensor:
    """What may not be attended to: tokens to come, and those whose reach has ended."""
    place = torch.arange(reach.shape[1])
    ended = place[:, None] > (reach + place)[:, None, :]
    hidden = ended | (place[:, None] < place)
    return torch.zeros(hidden.shape).masked_fill(hidden, torch.finfo(torch.float32).min)[:, None]

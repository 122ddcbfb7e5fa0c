"""What the embedded model is trained on, in batches of token ids."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from bench.data.cldr.text import documents
from bench.model.tokens import chunks_by_tokens
from bench.polyglot.exercises import ECHO, exercises

BATCH_TOKENS = 1280


# Documents per language: before the first epoch comparing and copying alone, on which the rest builds; each epoch.
WARM_UP_EXERCISES = {"xnli": 1400, "pawsx": 1400, "mlqa": 200, "wikiann": 500, ECHO: 800}
EXERCISES = {"xnli": 120, "pawsx": 120, "mlqa": 80, "wikiann": 200, ECHO: 60}


class Row(NamedTuple):
    """Token ids of a document and the labels of the loss, -100 where none is taken."""

    ids: list[int]
    labels: list[int]


def epoch_rows(tokenizer: PreTrainedTokenizerFast, rng: random.Random) -> list[Row]:
    """One epoch: texts to be learnt whole, and exercises."""
    rows = [Row(ids, ids) for ids in tokenizer(documents(rng))["input_ids"]]
    return rows + exercise_rows(tokenizer, rng, EXERCISES)


def exercise_rows(tokenizer: PreTrainedTokenizerFast, rng: random.Random, per_language: Mapping[str, int]) -> list[Row]:
    """Exercises, of which only the answers are learnt."""
    rows, asked = [], exercises(rng, per_language)
    encoded = tokenizer([each.text for each in asked], return_offsets_mapping=True)
    for exercise, ids, spans in zip(asked, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        answers = exercise.answers()
        inside = [any(start <= span[0] < span[1] <= end for start, end in answers) for span in spans]
        rows.append(Row(ids, [i if is_answer else -100 for i, is_answer in zip(ids, inside, strict=True)]))
    return rows


def batched(rows: Sequence[Row], rng: random.Random, pad: int) -> list[tuple[Tensor, Tensor]]:
    """Ids and loss labels of batches of similar length, in random order."""
    order = rng.sample(range(len(rows)), len(rows))
    groups = chunks_by_tokens([len(rows[i].ids) for i in order], BATCH_TOKENS)
    rng.shuffle(groups)
    return [padded([rows[order[i]] for i in group], pad) for group in groups]


def padded(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor]:
    """Ids and labels as wide as the longest row."""
    width = max(len(row.ids) for row in rows)
    ids = torch.tensor([[*row.ids, *[pad] * (width - len(row.ids))] for row in rows])
    labels = torch.tensor([[*row.labels, *[-100] * (width - len(row.labels))] for row in rows])
    return ids, labels

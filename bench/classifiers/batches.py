"""Claims as rows of token ids, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from bench.data.claims.items import items
from bench.data.claims.phrasings import CLAIMS

POOL = 16
"""Batches that are sorted by length together."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Claims side by side, padded at the end.

    Attributes:
        ids, mask: [B, T].
        objects: position of the last token of each claim's object, [B].
        labels: 1 where it is true, [B].
    """

    ids: Tensor
    mask: Tensor
    objects: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class Claims:
    """All claims that a classifier learns, as token ids.

    Attributes:
        rows: ids.
        objects: position of the last token of each claim's object.
        labels: 1 where it is true.
        pad: fills batches.
    """

    rows: Sequence[Sequence[int]]
    objects: Sequence[int]
    labels: Sequence[int]
    pad: int

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast, languages: Sequence[str]) -> Claims:
        """Every fact's true and false claim, in all phrasings and languages."""
        said, ends, labels = [], [], []
        for item in items():
            for lang in languages:
                for phrasing, sentence in enumerate(CLAIMS[item.relation][lang]):
                    for holds in (True, False):
                        named = (item.true if holds else item.false)[lang]
                        before = sentence.partition("{o}")[0].replace("{s}", item.subject[lang])
                        said.append(item.text(lang, holds, phrasing))
                        ends.append(len(before) + len(named))
                        labels.append(int(holds))
        read = tokenizer(said, return_offsets_mapping=True)
        last = [
            max(i for i, (start, end) in enumerate(offsets) if start < stop and end > start)
            for offsets, stop in zip(read["offset_mapping"], ends, strict=True)
        ]
        return cls(read["input_ids"], last, labels, tokenizer.pad_token_id)

    def batches(self, rows: int, count: int, seed: int) -> Iterator[Batch]:
        """Batches of rows drawn without replacement, over and over; rows of a batch are of similar length."""
        generator = torch.Generator().manual_seed(seed)
        waiting: list[list[int]] = []
        for _ in range(count):
            if not waiting:
                waiting = list(self._grouped(rows, generator))
            yield self._batch(waiting.pop())

    def _grouped(self, rows: int, generator: torch.Generator) -> Iterator[list[int]]:
        """All rows but a rest; `POOL` batches are drawn at once, sorted by length, and come in any order."""
        drawn = torch.randperm(len(self.rows), generator=generator).tolist()
        for start in range(0, len(drawn), POOL * rows):
            pool = sorted(drawn[start : start + POOL * rows], key=lambda i: len(self.rows[i]))
            for place in torch.randperm(len(pool) // rows, generator=generator).tolist():
                yield pool[place * rows : (place + 1) * rows]

    def _batch(self, drawn: Sequence[int]) -> Batch:
        rows = [self.rows[i] for i in drawn]
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[self.pad] * (longest - len(row))] for row in rows])
        lengths = torch.tensor([len(row) for row in rows])
        objects, labels = (torch.tensor([each[i] for i in drawn]) for each in (self.objects, self.labels))
        return Batch(ids, (torch.arange(longest) < lengths[:, None]).long(), objects, labels)

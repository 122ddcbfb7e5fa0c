"""From text to token ids and positions; never from ids back to text.

A prompt keeps the special tokens its tokenizer puts in front (a BOS, or nothing); a target has none, and is
appended to the prompt's ids. The two are tokenised apart, so the target's ids are the same after every prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.ground.errors import BenchError


@dataclass(frozen=True, slots=True)
class Located:
    """A prompt's ids and the index of the subject's last token."""

    ids: list[int]
    index: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded token ids [B, T] and the mask of real tokens [B, T]."""

    ids: Tensor
    mask: Tensor


class Tokens:
    """A fast Hugging Face tokenizer seen as text -> ids.

    Args:
        tokenizer: a fast tokenizer (offsets are needed).

    Raises:
        BenchError: the tokenizer is slow.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise BenchError(f"{type(tokenizer).__name__} is a slow tokenizer; offsets need a fast one")
        self.tokenizer = tokenizer
        plain = tokenizer("a", add_special_tokens=False)["input_ids"]
        full = tokenizer("a")["input_ids"]
        start = next(i for i in range(len(full)) if full[i : i + len(plain)] == plain)
        self.leading: list[int] = full[:start]
        # SentencePiece-style tokenizers write the space before a word themselves.
        self._writes_space = tokenizer.convert_ids_to_tokens(plain)[0].startswith("▁")
        eos = tokenizer.eos_token_id
        self.pad_id: int = 0 if eos is None else eos  # a padding token may have no embedding, and is not needed

    @property
    def special_ids(self) -> list[int]:
        """Ids that never stand for ordinary text."""
        return sorted(set(self.tokenizer.all_special_ids))

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, with the tokenizer's leading special tokens."""
        if not texts:
            return []
        rows = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [self.leading + row for row in rows]

    def targets(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each target as a continuation, without special tokens.

        Raises:
            BenchError: a target has no tokens.
        """
        if not texts:
            return []
        clean = [t[1:] if self._writes_space and t.startswith(" ") else t for t in texts]
        rows: list[list[int]] = self.tokenizer(clean, add_special_tokens=False)["input_ids"]
        for text, row in zip(texts, rows, strict=True):
            if not row:
                raise BenchError(f"the target {text!r} has no tokens", field="target")
        return rows

    def locate(self, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[Located]:
        """Ids of each text and the last token that holds some of its subject.

        Where a character is split into several byte tokens the last of them is taken, and where the subject's
        end is merged with what follows, the merged token: its hidden state is the first that knows the subject.
        A tokenizer that normalises its text may leave the subject's last character in no token.

        Args:
            texts: full prompts, subjects filled in.
            spans: per text, the subject's characters, end exclusive.

        Raises:
            BenchError: no token holds any of a subject.
        """
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True)
        found = []
        rows = zip(texts, spans, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        for text, (start, end), row, offsets in rows:
            holding = [i for i, (a, b) in enumerate(offsets) if a < end and b > start]
            if not holding:
                raise BenchError(f"no token holds the subject in {text!r}", field="subject")
            found.append(Located(self.leading + row, len(self.leading) + holding[-1]))
        return found

    def batch(self, rows: Sequence[Sequence[int]], device: torch.device) -> Batch:
        """Pad rows on the right to one length."""
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self.pad_id, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[i, : len(row)] = 1
        return Batch(ids.to(device), mask.to(device))


def chunks_by_tokens(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group indices of similar length so that rows times longest row stays within `budget` tokens."""
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if groups and (len(groups[-1]) + 1) * lengths[i] <= budget:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups

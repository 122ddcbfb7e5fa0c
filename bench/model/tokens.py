"""From text to token ids and positions; never from ids back to text.

A prompt keeps the special tokens its tokenizer puts in front (a BOS, or nothing), never those it puts behind; a target
has none, nor a space that is not written, and is appended to the prompt's ids. The two are tokenised apart, so the
target's ids are the same after every prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer, models
from torch import Tensor

from bench.ground.errors import BenchError
from bench.model.continuing import WRITTEN_SPACES, without_prefix_space


@dataclass(frozen=True, slots=True)
class Located:
    """A prompt's ids and the index of the subject's last token."""

    ids: list[int]
    index: int


@dataclass(frozen=True, slots=True)
class Covered:
    """A text's ids, and those that hold some of its subject: [first, stop)."""

    ids: list[int]
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded token ids [B, T] and the mask of real tokens [B, T]."""

    ids: Tensor
    mask: Tensor


class Tokens:
    """A fast Hugging Face tokenizer seen as text -> ids.

    Args:
        tokenizer: a fast tokenizer (offsets are needed).
        vocabulary: how many tokens the model knows; all that the tokenizer has where None.

    Attributes:
        framed: hash of what stands around every prompt; "" for nothing.

    Raises:
        BenchError: the tokenizer is slow.
    """

    framed = ""

    def __init__(self, tokenizer: Any, vocabulary: int | None = None) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise BenchError(f"{type(tokenizer).__name__} is a slow tokenizer; offsets need a fast one")
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.leading: list[int] = _leading(tokenizer.backend_tokenizer)
        self._continuing = without_prefix_space(tokenizer.backend_tokenizer)
        eos = tokenizer.eos_token_id
        # a padding token may have no embedding, and is not needed
        self.pad_id: int = eos if eos is not None and self._knows(eos) else 0

    @property
    def plain(self) -> Tokens:
        """The tokenizer for texts that are no prompts."""
        return self

    @property
    def before(self) -> Sequence[int]:
        """Ids that stand before the text of every prompt."""
        return self.leading

    def opening(self, row: Sequence[int]) -> int:
        """How many of a prompt's ids stand before its text; 0 where its beginning was cut off."""
        pairs = zip(self.before, row, strict=False)
        return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(self.before), len(row)))

    @property
    def special_ids(self) -> list[int]:
        """Ids that never stand for ordinary text."""
        return sorted(set(self.tokenizer.all_special_ids))

    def contents(self) -> tuple[str, ...]:
        """All that ids depend on, as texts: equal for tokenizers that make the same ids."""
        backend = self.tokenizer.backend_tokenizer
        kind = type(self.tokenizer)
        return (
            f"{kind.__module__}.{kind.__qualname__}",
            backend.to_str(),
            str(backend.encode_special_tokens),
            str(self.vocabulary),
        )

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, with the tokenizer's leading special tokens."""
        if not texts:
            return []
        rows = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [self.leading + row for row in rows]

    def targets(self, texts: Sequence[str], *, end_of_text: bool = False) -> list[list[int]]:
        """Ids of each target as a continuation, without special tokens or a space that it does not begin with.

        Args:
            texts: targets.
            end_of_text: the token that ends a text follows each, for methods that are to write it.

        Raises:
            BenchError: a target has no tokens, or the tokenizer no such token.
        """
        if not texts:
            return []
        if self._continuing is None:
            rows: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        else:
            encoded = self._continuing.encode_batch(list(texts), add_special_tokens=False)
            rows = [each.ids for each in encoded]
        for text, row in zip(texts, rows, strict=True):
            if not row:
                raise BenchError(f"the target {text!r} has no tokens", field="target")
        return [[*row, self._end()] for row in rows] if end_of_text else rows

    def text(self, ids: Sequence[int]) -> str:
        """What the ids of an answer say, for people; -1, where a diverged model says nothing, is left out."""
        found: str = self.tokenizer.decode(self._said(ids), clean_up_tokenization_spaces=False)
        return found

    @staticmethod
    def _said(ids: Sequence[int]) -> list[int]:
        return [each for each in ids if each >= 0]

    def _end(self) -> int:
        end = self.tokenizer.eos_token_id
        if end is None:
            raise BenchError("the tokenizer has no token that ends a text", field="end_of_text")
        return int(end)

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
        return [Located(each.ids, each.stop - 1) for each in self.cover(texts, spans)]

    def cover(self, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[Covered]:
        """Ids of each text and the tokens that hold some of its subject.

        Byte tokens of one character all have its offsets, so characters split into several tokens are covered whole.

        Args:
            texts: full prompts, subjects filled in.
            spans: per text, the subject's characters, end exclusive.

        Raises:
            BenchError: no token holds any of a subject.
        """
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True)
        found, lead = [], len(self.leading)
        rows = zip(texts, spans, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        for text, (start, end), row, offsets in rows:
            written = self._begins_with_written_space(text, row)
            holding = [i for i, (a, b) in enumerate(offsets) if a < end and b > start and not (written and i == 0)]
            if not holding:
                raise BenchError(f"no token holds the subject in {text!r}", field="subject")
            found.append(Covered(self.leading + row, lead + holding[0], lead + holding[-1] + 1))
        return found

    def _begins_with_written_space(self, text: str, row: Sequence[int]) -> bool:
        """Whether the first token is a space that the tokenizer has written; its offsets are the first character's."""
        if self._continuing is None or not row or text[:1].isspace():
            return False
        piece = self.tokenizer.convert_ids_to_tokens(row[0])
        return piece in WRITTEN_SPACES and not text.startswith(piece)

    def check(self, ids: Iterable[int], field: str | None = None) -> None:
        """Refuse a token that the model does not know: one that was added to the tokenizer alone.

        Args:
            ids: of a text.
            field: where the text stands, for the message.

        Raises:
            BenchError: names the token.
        """
        token = max(ids, default=0)
        if not self._knows(token):
            piece = self.tokenizer.convert_ids_to_tokens(token)
            problem = f"the tokenizer makes the token {piece!r} ({token}), and the model knows {self.vocabulary}"
            raise BenchError(f"{problem}; resize its embedding or take the token out", field=field)

    def _knows(self, token: int) -> bool:
        return self.vocabulary is None or token < self.vocabulary

    def batch(self, rows: Sequence[Sequence[int]], device: torch.device) -> Batch:
        """Pad rows on the right to one length.

        Raises:
            BenchError: the model does not know a token.
        """
        for row in rows:
            self.check(row)
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self.pad_id, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[i, : len(row)] = 1
        return Batch(ids.to(device), mask.to(device))


def _leading(backend: Tokenizer) -> list[int]:
    """The special tokens that a tokenizer puts in front of a text, whatever letters it knows."""
    plain = Tokenizer(models.WordLevel({"a": 0}, "a"))
    if backend.post_processor is not None:
        plain.post_processor = backend.post_processor
    around = plain.encode("a")
    return list(around.ids[: around.sequence_ids.index(0)])


def common_prefix(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with."""
    first, last = min(map(tuple, rows)), max(map(tuple, rows))
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def chunks_by_tokens(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group indices of similar length so that rows times longest row stays within `budget` tokens."""
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if groups and (len(groups[-1]) + 1) * lengths[i] <= budget:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups

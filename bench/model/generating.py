"""Greedy decoding of many prompts side by side: each is read once, and a row leaves as soon as its answer is over.

An answer ends where its text says so, but it is cut between token ids: text is only read, and none is ever tokenised
again. Characters that are split into several tokens are waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from bench.model.answers import Ended, Ending, Generated
from bench.model.passes import cached_inputs
from bench.model.tokens import Tokens

BROKEN = "\ufffd"
"""How a decoder shows a character of which it has some bytes."""

KEPT = 8
"""A token's keys and values take at most one part in so many of what a budget of tokens reckons with, the activations
that it leaves behind for the way back."""


@dataclass(slots=True)
class _Row:
    """A row that is not over.

    Attributes:
        place: which prompt it continues.
        ending: where its answer ends.
        most: tokens it may have.
        ids: those it has.
    """

    place: int
    ending: Ending
    most: int
    ids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Decoder:
    """A model that goes on from prompts.

    Attributes:
        trunk: the model without its head.
        head: makes logits of the trunk's states.
        tokens: its tokenizer.
        last: ids that end a text.
        device: where ids go in.
    """

    trunk: nn.Module
    head: nn.Module
    tokens: Tokens
    last: frozenset[int]
    device: torch.device

    @classmethod
    def of(cls, hf: Any, trunk: nn.Module, head: nn.Module, tokens: Tokens, device: torch.device) -> Decoder:
        """The decoder of a Hugging Face model; any of the tokens that its settings name ends a text."""
        places = (tokens.tokenizer, hf.config, hf.generation_config)
        named = [getattr(place, "eos_token_id", None) for place in places]
        ids = (each for one in named for each in (one if isinstance(one, list | tuple) else [one]))
        return cls(trunk, head, tokens, frozenset(token for token in ids if token is not None), device)

    def size(self, prompt: Sequence[int], most: int) -> int:
        """What a row takes of a budget of tokens."""
        return len(prompt) + most // KEPT

    @torch.no_grad()
    def generate(
        self, prompts: Sequence[Sequence[int]], endings: Sequence[Ending], most: Sequence[int]
    ) -> list[Generated]:
        """Continue each prompt by the likeliest tokens until its answer ends.

        Args:
            prompts: token ids.
            endings: where answers end.
            most: tokens of an answer at most.
        """
        found: dict[int, Generated] = {}
        rows = [_Row(i, *each) for i, each in enumerate(zip(endings, most, strict=True))]
        ids, mask = self._padded(prompts)
        cache = DynamicCache(config=self.trunk.config)
        while rows:
            following = self._following(ids, mask, cache)
            left = []
            for i, (row, token) in enumerate(zip(rows, following.tolist(), strict=True)):
                over = self._over(row, token)
                if over is None:
                    left.append(i)
                else:
                    found[row.place] = over
            if len(left) < len(rows):
                rows = [rows[i] for i in left]
                mask, following = mask[left], following[left]
                # where layers lie on several devices, none of them may be that of the index
                cache.batch_select_indices(torch.tensor(left, dtype=torch.long))
            ids = following[:, None]
            mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=1)
        return [found[i] for i in range(len(prompts))]

    def _padded(self, prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Ids and mask [B, T], padded on the left, so that all rows go on in the same column."""
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self.tokens.pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, prompt in enumerate(prompts):
            self.tokens.check(prompt)
            ids[i, width - len(prompt) :] = torch.tensor(list(prompt), dtype=torch.long)
            mask[i, width - len(prompt) :] = 1
        return ids.to(self.device), mask.to(self.device)

    def _following(self, ids: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
        """The likeliest token after ids [B, k] that follow the cache; -1 where the model has diverged."""
        hidden = self.trunk(**cached_inputs(self.trunk, ids, mask, cache)).last_hidden_state
        logits = self.head(hidden[:, -1]).float()
        best: Tensor = logits.argmax(-1).masked_fill(~logits.isfinite().all(-1), -1)
        return best.to(self.device)

    def _over(self, row: _Row, token: int) -> Generated | None:
        """The answer of a row that `token` ends; else None, and the row has it."""
        if token < 0 or token in self.last:
            return self._answer(row, "end of text")
        row.ids.append(token)
        if len(row.ids) == row.most:
            return self._answer(row, "length")
        text = self.text(row.ids).rstrip(BROKEN)
        end = row.ending(text, final=False)
        return None if end is None else self._cut(row.ids, text, end)

    def _answer(self, row: _Row, ended: Ended) -> Generated:
        """The answer of a row that nothing follows."""
        text = self.text(row.ids)
        end = row.ending(text, final=True)
        return Generated(tuple(row.ids), text, ended) if end is None else self._cut(row.ids, text, end)

    def _cut(self, ids: Sequence[int], text: str, end: int) -> Generated:
        count = len(ids)
        while count and len(self.text(ids[: count - 1]).rstrip(BROKEN)) >= end:
            count -= 1
        return Generated(tuple(ids[:count]), text[:end], "stop")

    def text(self, ids: Sequence[int]) -> str:
        """What ids say, without special tokens."""
        # which the library would else tidy up, so that a text were no beginning of what it becomes
        found: str = self.tokens.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return found

"""lm-eval's Hugging Face model, taught to turn texts into ids as all else here does: see `bench.model.tokens`.

Of the special tokens only those in front are kept, and a label word has no space that is not written.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bench.ground.errors import BenchError
from bench.model.tokens import Tokens
from evaluators._xtreme.prompts import Asked, Row


class EncodingLM(HFLM):  # type: ignore[misc]
    """An `HFLM` on a model in memory, with the ids of `Tokens`.

    Args:
        model: the Hugging Face model.
        tokenizer: its tokenizer; copied if it needs a padding token, or has one that the model knows nothing of.
        batch_size: most prompts in one forward.

    Raises:
        BenchError: the tokenizer has no token that ends a text.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int) -> None:
        vocabulary = min(len(model.get_input_embeddings().weight), len(model.get_output_embeddings().weight))
        tokenizer = _padding(tokenizer, vocabulary)
        self.tokens = Tokens(tokenizer, vocabulary)
        self._ids: dict[str, Row] = {}
        self._words: dict[str, Row] = {}
        super().__init__(pretrained=model, tokenizer=tokenizer, batch_size=batch_size, backend="causal")

    def remember(self, asked: Asked) -> None:
        """Take the ids of these texts as known; they are those of this tokenizer."""
        self._ids.update(asked.ids)
        self._words.update(asked.words)

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """Ids of a text, with the special tokens that the tokenizer puts in front unless these are not wanted.

        Raises:
            BenchError: the model does not know a token.
        """
        known = self._ids.get(string)
        if known is None:
            (ids,) = self.tokens.prompts([string])
            self.tokens.check(ids)
        else:
            ids = list(known)
        return ids[len(self.tokens.leading) :] if add_special_tokens is False else ids

    def tok_batch_encode(
        self, strings: Sequence[str], padding_side: str = "left", left_truncate_len: int | None = None, **_: Any
    ) -> tuple[Tensor, Tensor]:
        """Ids of texts and the mask of real tokens [B, T], padded on the left, the beginning of long ones cut off."""
        rows = [torch.tensor(self.tok_encode(string)[-(left_truncate_len or 0) :]) for string in strings]
        ids = pad_sequence(rows, True, self.tokenizer.pad_token_id, padding_side)
        return ids, pad_sequence([torch.ones_like(row) for row in rows], True, 0, padding_side)

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Ids of a context and of what continues it; spaces between the two belong to the latter, as in lm-eval."""
        cut = context.rstrip()
        target = list(self.word(context[len(cut) :] + continuation))
        return self.tok_encode(cut), target

    def word(self, text: str) -> Row:
        """Ids of a text that continues another.

        Raises:
            BenchError: the model does not know a token.
        """
        if text in self._words:
            return self._words[text]
        (row,) = self.tokens.targets([text])
        self.tokens.check(row)
        return tuple(row)


def _padding(tokenizer: Any, vocabulary: int) -> Any:
    """The tokenizer, or a copy, with a padding token among the model's `vocabulary` tokens."""
    if tokenizer.eos_token_id is None:
        raise BenchError("XTREME needs a tokenizer with a token that ends a text (eos_token), and the model's has none")
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id < vocabulary:
        return tokenizer
    padded = copy.deepcopy(tokenizer)
    # any will do, it is masked
    padded.pad_token_id = padded.eos_token_id if padded.eos_token_id < vocabulary else 0
    return padded

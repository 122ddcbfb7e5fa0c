"""lm-eval's Hugging Face model, taught to run what the prompts of a batch begin with only once.

Few-shot prompts share their examples. Their keys and values are computed for one row, handed to all rows, and the rows
go on from there, padded on the left between what they share and what they do not::

    shared shared shared pad    pad   query query
    shared shared shared query  query query query
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from torch import Tensor
from transformers import DynamicCache, StoppingCriteria, StoppingCriteriaList
from transformers.utils import logging as transformers_logging

WORTH_SHARING = 8
"""Fewest tokens for which a forward of their own pays."""

Row = tuple[int, ...]
Scored = tuple[float, bool]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep lm-eval's and transformers' notices out of the display."""
    logger, verbosity = logging.getLogger("lm_eval"), transformers_logging.get_verbosity()
    level = logger.level
    logger.setLevel(logging.ERROR)
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        logger.setLevel(level)
        transformers_logging.set_verbosity(verbosity)


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch that continues a shared prefix.

    Attributes:
        ids: [B, T], the prefix, padding, the rest of each row.
        mask: [B, T], 1 for tokens, 0 for padding.
        start: length of the prefix.
        cache: keys and values of the prefix for B rows; None where nothing is shared.
    """

    ids: Tensor
    mask: Tensor
    start: int
    cache: DynamicCache | None


class SharedPrefixLM(HFLM):  # type: ignore[misc]
    """An `HFLM` on a model in memory, which stays where and as it is; greedy generation only.

    It serves one state of the model: what generation has found out about label words is kept for `loglikelihood`.

    Args:
        model: the Hugging Face model.
        tokenizer: its tokenizer; copied if it needs a padding token.
        batch_size: most prompts in one forward.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int) -> None:
        if tokenizer.pad_token_id is None:
            tokenizer = copy.deepcopy(tokenizer)
        super().__init__(pretrained=model, tokenizer=tokenizer, batch_size=batch_size, backend="causal")
        slides = any(DynamicCache(config=self.model.config).is_sliding)
        # a window counts columns, so padding inside a row would narrow it
        self._shares = not slides
        self._known: dict[Row, dict[int, Scored]] = {}
        self._takes_positions = "position_ids" in inspect.signature(self.model.forward).parameters

    def generate_until(self, requests: list[Any], disable_tqdm: bool = True) -> list[str]:
        """As `HFLM`, without bars."""
        texts: list[str] = super().generate_until(requests, disable_tqdm=disable_tqdm)
        return texts

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[Scored]:
        """As `HFLM`, without bars."""
        found: list[Scored] = super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        return found

    # ------------------------------------------------------------------ packing
    def _pack(self, rows: Sequence[Row], most: int | None = None) -> Packed:
        """Put rows together; at most their first `most` tokens, and never a whole row, count as shared."""
        start = min(common_prefix(rows), min(map(len, rows)) - 1, *(() if most is None else (most,)))
        if not self._shares or len(rows) == 1 or start < WORTH_SHARING:
            start = 0
        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, :start] = torch.tensor(row[:start], dtype=torch.long)
            ids[i, width - len(row) + start :] = torch.tensor(row[start:], dtype=torch.long)
            mask[i, :start] = mask[i, width - len(row) + start :] = 1
        ids, mask = ids.to(self.device), mask.to(self.device)
        return Packed(ids, mask, start, self._run_prefix(ids[:1, :start], len(rows)) if start else None)

    def _run_prefix(self, ids: Tensor, copies: int) -> DynamicCache:
        cache = DynamicCache(config=self.model.config)
        with torch.no_grad():
            self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(copies)
        return cache

    # --------------------------------------------------------------- generation
    def _model_generate(self, context: Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Tensor:
        """Continuations after the left-padded prompts [B, T], as `HFLM` has them: [B, T + new].

        Of the options, ``one_line`` ends a row with its first line that is not blank, and of ``words`` those of one
        token are scored in passing. The end of a text ends a row too.
        """
        mask = generation_kwargs["attention_mask"].bool()
        rows = [tuple(row[kept].tolist()) for row, kept in zip(context, mask, strict=True)]
        packed = self._pack(rows)
        width = packed.ids.shape[1]
        words = [self.tok_encode(word, add_special_tokens=False) for word in generation_kwargs.get("words", ())]
        with torch.no_grad():
            out = self.model.generate(
                input_ids=packed.ids,
                attention_mask=packed.mask,
                past_key_values=packed.cache,
                max_new_tokens=max_length - context.shape[1],
                do_sample=False,
                stopping_criteria=self._criteria(generation_kwargs, width),
                pad_token_id=self.tokenizer.pad_token_id,
                use_cache=True,
                return_dict_in_generate=True,
                output_logits=bool(words),
            )
        if words:
            self._remember(rows, out.logits[0], [ids[0] for ids in words if len(ids) == 1])
        return torch.cat([context, out.sequences[:, width:]], dim=1)

    def _criteria(self, options: Mapping[str, Any], start: int) -> StoppingCriteriaList:
        return StoppingCriteriaList([LineEnds(self.tokenizer, start)] if options.get("one_line") else [])

    def _remember(self, rows: Sequence[Row], logits: Tensor, tokens: Sequence[int]) -> None:
        """Note how likely tokens are to follow rows; `logits` [B, V]."""
        logprobs, greedy = logits.float().log_softmax(-1), logits.argmax(-1)
        for i, row in enumerate(rows):
            self._known[row] = {token: (float(logprobs[i, token]), int(greedy[i]) == token) for token in tokens}

    # --------------------------------------------------------------- likelihood
    def _loglikelihood_tokens(
        self,
        requests: list[tuple[tuple[str, str], list[int], list[int]]],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[Scored]:
        """Log-probability of each continuation and whether it is the greedy one; one row per distinct input."""
        found: list[Scored] = [(float("nan"), False)] * len(requests)
        asked: dict[Row, list[int]] = {}
        for i, (_, ctx, cont) in enumerate(requests):
            row = tuple((ctx + cont)[-(self.max_length + 1) : -1])
            if len(cont) == 1 and cont[0] in self._known.get(row, ()):
                found[i] = self._known[row][cont[0]]
            else:
                asked.setdefault(row, []).append(i)
        for batch in batches(list(asked), override_bs or self.batch_size):
            longest = max(len(requests[i][2]) for row in batch for i in asked[row])
            for row, values in zip(batch, self._last_logprobs(batch, longest), strict=True):
                for i in asked[row]:
                    found[i] = _score(values, requests[i][2])
        return found

    def _last_logprobs(self, rows: Sequence[Row], count: int) -> Tensor:
        """Log-probabilities [B, count, V] at the last `count` positions of each row."""
        packed = self._pack(rows, most=min(map(len, rows)) - count)
        inputs: dict[str, Any] = {"attention_mask": packed.mask, "past_key_values": packed.cache}
        if self._takes_positions:
            inputs["position_ids"] = (packed.mask.cumsum(1) - 1).clamp_min(0)[:, packed.start :]
        with torch.no_grad():
            out = self.model(input_ids=packed.ids[:, packed.start :], logits_to_keep=count, **inputs)
        logits: Tensor = out.logits
        return logits.float().log_softmax(-1)


def _score(logprobs: Tensor, ids: list[int]) -> Scored:
    """Sum of the ids' log-probabilities at the last positions of `logprobs` [q, V]; and whether all are the argmax."""
    expected = torch.tensor(ids, device=logprobs.device)
    own = logprobs[-len(ids) :]
    return float(own.gather(1, expected[:, None]).sum()), bool((own.argmax(-1) == expected).all())


class LineEnds(StoppingCriteria):  # type: ignore[misc]
    """Ends a row once a line break follows something that is not blank.

    Args:
        tokenizer: of the ids.
        start: where continuations begin.
    """

    def __init__(self, tokenizer: Any, start: int) -> None:
        self._tokenizer, self._start = tokenizer, start

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        texts = self._tokenizer.batch_decode(input_ids[:, self._start :], skip_special_tokens=True)
        return torch.tensor(["\n" in text.lstrip() for text in texts], device=input_ids.device)


def common_prefix(rows: Sequence[Row]) -> int:
    """How many tokens all rows begin with."""
    first, last = min(rows), max(rows)
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def batches(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    """Groups of at most `size` rows that begin alike, of similar length."""
    groups: dict[Row, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[:WORTH_SHARING], []).append(row)
    for group in groups.values():
        group.sort(key=len)
        yield from (group[i : i + size] for i in range(0, len(group), size))

"""lm-eval's Hugging Face model, taught to run what the prompts of a batch begin with only once.

Few-shot prompts share their examples. Their keys and values are computed for one row, handed to all rows, and the rows
go on from there, padded on the left between what they share and what they do not::

    shared shared shared pad    pad   query query
    shared shared shared query  query query query
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache, StoppingCriteria, StoppingCriteriaList
from transformers.utils import logging as transformers_logging

from bench.model.batching import Budget
from bench.model.placement import entry_device
from bench.model.reading import Memory, NoMemory, read_alike
from bench.model.threads import is_small
from bench.model.tokens import common_prefix
from evaluators._xtreme.cache import extend
from evaluators._xtreme.encoding import EncodingLM
from evaluators._xtreme.prompts import Row

BATCH, SMALL_BATCH = 16, 32
"""Prompts in one forward; more for a small model, which computes a few as slowly as many."""

WORTH_SHARING = 8
"""Fewest tokens for which a forward of their own pays."""

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


def default_batch(model: Any) -> int:
    """Prompts in one forward where none are asked for.

    Another batch rounds otherwise, which float32 is precise enough for; with less precise weights it might move scores.
    """
    exact = all(each.dtype is torch.float32 for each in model.parameters())
    return SMALL_BATCH if exact and is_small(model) else BATCH


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


class SharedPrefixLM(EncodingLM):
    """An `HFLM` on a model in memory, which stays where and as it is; greedy generation only.

    It serves one state of the model: what generation has found out about label words is kept for `loglikelihood`.
    A memory beside the weights is asked how each whole prompt is read before anything is shared.

    Args:
        model: the Hugging Face model.
        tokenizer: its tokenizer; copied if it needs a padding token, or has one that the model knows nothing of.
        batch_size: most prompts in one forward; halved where memory does not hold them. None: see `default_batch`.
        memory: beside the model's weights; none where None.

    Raises:
        BenchError: the tokenizer has no token that ends a text.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int | None, memory: Memory | None = None) -> None:
        batch_size = batch_size or default_batch(model)
        super().__init__(model, tokenizer, batch_size)
        self._device = entry_device(model)
        slides = any(DynamicCache(config=self.model.config).is_sliding)
        # a window counts columns, so padding inside a row would narrow it
        self._shares = not slides
        self._budget = Budget(batch_size, "prompts")
        self._memory = memory or NoMemory()
        self._known: dict[tuple[Row, Row], Scored] = {}
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
    def _pack(self, rows: Sequence[Row], most: int | None = None, room: int = 0) -> Packed:
        """Put rows together; at most their first `most` tokens, and never a whole row, count as shared.

        The cache has room for as many tokens after the rows.
        """
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
        room += width - start
        return Packed(ids, mask, start, self._run_prefix(ids[:1, :start], len(rows), room) if start else None)

    def _run_prefix(self, ids: Tensor, copies: int, room: int) -> DynamicCache:
        cache = DynamicCache(config=self.model.config)
        with torch.no_grad():
            self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        extend(cache, copies, room)
        return cache

    # --------------------------------------------------------------- generation
    def _model_generate(self, context: Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Tensor:
        """Continuations after the left-padded prompts [B, T], as `HFLM` has them: [B, T + new].

        Of the options, ``one_line`` ends a row with its first line that is not blank, and ``words`` are scored in
        passing. The end of a text ends a row too.
        """
        mask = generation_kwargs["attention_mask"].bool()
        rows = [tuple(row[kept].tolist()) for row, kept in zip(context, mask, strict=True)]
        most = max_length - context.shape[1]

        def go_on(places: list[int], read: list[Row]) -> list[Tensor]:
            asked = [(rows[place], row) for place, row in zip(places, read, strict=True)]
            parts = self._budget.run([asked], _slices, lambda part: self._continue(part, most, generation_kwargs))
            return [row for _, continuations in parts for row in continuations]

        found = read_alike(self._memory, rows, [most - 1] * len(rows), go_on)
        return torch.cat([context, pad_sequence(found, True, self.tokenizer.pad_token_id)], dim=1)

    def _continue(self, asked: Sequence[tuple[Row, Row]], most: int, options: Mapping[str, Any]) -> Tensor:
        """At most `most` new tokens after each prompt, which stands beside what is read in its place; [B, new]."""
        words = [self.word(word) for word in options.get("words", ())]
        packed = self._pack([read for _, read in asked], room=max(most, *map(len, words), 0))
        width = packed.ids.shape[1]
        with torch.no_grad():
            out = self.model.generate(
                input_ids=packed.ids,
                attention_mask=packed.mask,
                past_key_values=packed.cache,
                max_new_tokens=most,
                do_sample=False,
                stopping_criteria=self._criteria(options, width),
                pad_token_id=self.tokenizer.pad_token_id,
                use_cache=True,
                return_dict_in_generate=True,
                output_logits=bool(words),
            )
        if words and self._shares:
            self._score_words([row for row, _ in asked], words, packed.mask, out)
        new: Tensor = out.sequences[:, width:]
        return new

    def _criteria(self, options: Mapping[str, Any], start: int) -> StoppingCriteriaList:
        return StoppingCriteriaList([LineEnds(self.tokenizer, start)] if options.get("one_line") else [])

    def _score_words(self, rows: Sequence[Row], words: Sequence[Row], mask: Tensor, out: Any) -> None:
        """Note how likely each word is to follow each prompt, given what `generate` kept of them; `mask` [B, T]."""
        for ids in words:
            logits = out.logits[0][:, None]
            if len(ids) > 1:
                if surplus := out.past_key_values.get_seq_length() - mask.shape[1]:
                    out.past_key_values.crop(-surplus)
                rest = torch.tensor([ids[:-1]] * len(rows), device=self.device)
                full = torch.cat([mask, torch.ones_like(rest)], dim=1)
                logits = torch.cat([logits, self._logits(rest, full, out.past_key_values)], dim=1)
            for row, values in zip(rows, logits.float().log_softmax(-1), strict=True):
                self._known[row, ids] = _score(values, ids)

    # --------------------------------------------------------------- likelihood
    def _loglikelihood_tokens(
        self,
        requests: list[tuple[tuple[str, str], list[int], list[int]]],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[Scored]:
        """Log-probability of each continuation and whether it is the greedy one; one row per distinct input."""
        found: list[Scored] = [(float("nan"), False)] * len(requests)
        left: dict[Row, list[int]] = {}
        for i, (_, ctx, cont) in enumerate(requests):
            known = self._known.get((tuple(ctx), tuple(cont)))
            if known is None:
                left.setdefault(tuple(ctx), []).append(i)
            else:
                found[i] = known
        rows = list(left)
        rooms = [max(len(requests[i][2]) for i in left[row]) - 1 for row in rows]
        budget = Budget(override_bs, "prompts") if override_bs else self._budget

        def score_all(places: list[int], read: list[Row]) -> list[None]:
            asked: dict[Row, list[int]] = {}
            for place, row in zip(places, read, strict=True):
                for i in left[rows[place]]:
                    asked.setdefault((row + tuple(requests[i][2]))[-(self.max_length + 1) : -1], []).append(i)

            def score(batch: list[Row]) -> None:
                longest = max(len(requests[i][2]) for row in batch for i in asked[row])
                for row, values in zip(batch, self._last_logprobs(batch, longest), strict=True):
                    for i in asked[row]:
                        found[i] = _score(values, requests[i][2])

            for _ in budget.run([list(asked)], lambda part, size: list(batches(part, size)), score):
                pass
            return [None] * len(places)

        read_alike(self._memory, rows, rooms, score_all)
        return found

    def _last_logprobs(self, rows: Sequence[Row], count: int) -> Tensor:
        """Log-probabilities [B, count, V] at the last `count` positions of each row."""
        packed = self._pack(rows, most=min(map(len, rows)) - count)
        logits = self._logits(packed.ids[:, packed.start :], packed.mask, packed.cache, count)
        return logits.float().log_softmax(-1)

    def _logits(self, ids: Tensor, mask: Tensor, cache: DynamicCache | None, count: int = 0) -> Tensor:
        """Logits [B, count, V] of the last `count` of ids [B, k], of all where it is 0; `mask` covers the cache too."""
        inputs: dict[str, Any] = {"attention_mask": mask, "past_key_values": cache, "logits_to_keep": count}
        if self._takes_positions:
            inputs["position_ids"] = (mask.cumsum(1) - 1).clamp_min(0)[:, -ids.shape[1] :]
        with torch.no_grad():
            logits: Tensor = self.model(input_ids=ids, **inputs).logits
        return logits


def _slices(asked: list[tuple[Row, Row]], size: int) -> list[list[tuple[Row, Row]]]:
    return [asked[i : i + size] for i in range(0, len(asked), size)]


def _score(logprobs: Tensor, ids: Sequence[int]) -> Scored:
    """Sum of the ids' log-probabilities at the last positions of `logprobs` [q, V]; and whether all are the argmax."""
    expected = torch.tensor(list(ids), device=logprobs.device)
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


def batches(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    """Groups of at most `size` rows that begin alike, of similar length."""
    groups: dict[Row, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[:WORTH_SHARING], []).append(row)
    for group in groups.values():
        group.sort(key=len)
        yield from (group[i : i + size] for i in range(0, len(group), size))

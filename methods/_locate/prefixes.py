"""Context prefixes: short texts put before a prompt, so that an edit does not depend on its context.

Sampled from the unedited model after the seed words of LangEdit, top-k with k = 5 (released code,
``util/generate``), from the run's seed. The released AlphaEdit and MEMIT have the English seed words in every
language (`prefix_language: en`); by default all methods have LangEdit's, so that they differ in nothing else. Unlike in
the released code the texts hold no special tokens, are NFC (not NFKD, which tears accents apart), and are never made by
an already edited model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.passes import run_trunk

ENGLISH = "en"

SEED_WORDS = {
    ENGLISH: ("The", "Therefore", "Because", "I", "You"),
    "de": ("Heute", "Kommst", "Weil", "Den", "Der"),
    "nl": ("Wij", "Daarom", "Omdat", "Het", "Jij"),
    "es": ("Ellos", "Por lo tanto", "Porque", "Vosotras", "Tú"),
    "fr": ("très", "Par conséquent", "Parce que", "Je suis", "Vous"),
    "zh": ("那个", "因此", "因为", "我", "你"),
    # LangEdit has no more; these are of the same kinds: what a sentence of time or cause begins with, I, you
    "pt": ("Hoje", "Por isso", "Porque", "Eu", "Você"),
    "ru": ("Сегодня", "Поэтому", "Потому что", "Я", "Вы"),
    "ja": ("今日", "だから", "なぜなら", "私は", "あなたは"),
    "ar": ("اليوم", "لذلك", "لأن", "أنا", "أنت"),
    "hi": ("आज", "इसलिए", "क्योंकि", "मैं", "आप"),
    "bn": ("আজ", "তাই", "কারণ", "আমি", "আপনি"),
    "sw": ("Leo", "Kwa hivyo", "Kwa sababu", "Mimi", "Wewe"),
    "tr": ("Bugün", "Bu yüzden", "Çünkü", "Ben", "Sen"),
}
"""Per language; other languages take the English words. Whoever adds one: `bench.config.cell.WORDED_LATER`."""

TOP_K = 5

Lengths = Sequence[tuple[int, int]]


def generate_prefixes(model: EditableModel, language: str, lengths: Lengths, generator: Generator) -> list[str]:
    """Sample the prefixes of one language.

    Args:
        model: the unedited model.
        language: ISO 639-1 code.
        lengths: pairs (tokens in all, texts per seed word); MEMIT (10, 1), ROME (5, 2) and (10, 2).
        generator: a CPU generator.

    Returns:
        Texts that end in ". ", ready to stand before a prompt.

    Raises:
        BenchError: the model is a classifier, and writes no texts.
    """
    if lengths and model.arch.head:
        raise BenchError("a classifier writes no context prefixes; it is edited without: []", field="prefix_lengths")
    words = SEED_WORDS.get(language, SEED_WORDS[ENGLISH])
    seeds = [(word, length) for length, count in lengths for word in words for _ in range(count)]
    rows = model.tokens.plain.prompts([word for word, _ in seeds])
    for row in rows:
        model.tokens.check(row, f"context prefixes ({language})")
    limits = [max(length, len(row)) for (_, length), row in zip(seeds, rows, strict=True)]
    while any(len(row) < limit for row, limit in zip(rows, limits, strict=True)):
        following = _sample_next(model, rows, generator)
        for row, limit, token in zip(rows, limits, following, strict=True):
            if len(row) < limit:
                row.append(token)
    return [_clean(model, row) for row in rows]


@torch.no_grad()
def _sample_next(model: EditableModel, rows: list[list[int]], generator: Generator) -> list[int]:
    batch = model.tokens.batch(rows, model.device)
    hidden = run_trunk(model.trunk, batch)
    ends = (batch.mask.sum(1) - 1).to(hidden.device)
    last = hidden[torch.arange(len(rows), device=hidden.device), ends]
    logits: Tensor = model.head(last).float().cpu()
    # a token that was added to the tokenizer alone has no logit
    logits[:, [i for i in model.tokens.special_ids if i < logits.shape[1]]] = -torch.inf
    values, ids = logits.topk(TOP_K)
    picked = torch.multinomial(values.softmax(-1), 1, generator=generator)
    chosen: list[int] = ids.gather(1, picked)[:, 0].tolist()
    return chosen


def _clean(model: EditableModel, row: list[int]) -> str:
    text = model.tokens.tokenizer.decode(row, skip_special_tokens=True)
    text = unicodedata.normalize("NFC", text)
    # a text cut inside a character ends in the replacement character
    text = text.replace("\ufffd", "").translate(str.maketrans("{}\n\r\t", "     "))
    return f"{text.strip()}. "

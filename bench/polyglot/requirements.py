"""What the embedded model must recall, and whether it does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from bench.data.cldr.items import real_items
from bench.data.cldr.phrasings import LANGUAGES, PHRASINGS
from bench.data.cldr.text import fact_lines
from bench.polyglot.batches import Row, padded
from bench.polyglot.tokenizer import SEED


class Question(NamedTuple):
    """A prompt and the continuation that the facts ask for."""

    lang: str
    prompt: str
    target: str


def questions(every: int = 1) -> list[Question]:
    """Each `every`-th of the real facts, in every phrasing and language."""
    return [
        Question(lang, item.prompt(lang, i), item.target(lang))
        for item in real_items()[::every]
        for lang in LANGUAGES
        for i in range(len(PHRASINGS[item.relation][lang]))
    ]


def prefixed(asked: Sequence[Question]) -> list[Question]:
    """The same questions, each after some other fact's sentence."""
    rng = random.Random(SEED)
    lines = fact_lines()
    return [q._replace(prompt=f"{rng.choice(lines).text}. {q.prompt}") for q in asked]


@torch.no_grad()
def _answers(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, asked: Sequence[Question]
) -> list[tuple[float, float]]:
    """Per question, the share of target tokens that are top-1 given the true ones before, and their mean NLL."""
    prompts = tokenizer([q.prompt for q in asked])["input_ids"]
    targets = tokenizer([q.target for q in asked], add_special_tokens=False)["input_ids"]
    order = sorted(range(len(asked)), key=lambda i: len(prompts[i]) + len(targets[i]))
    results = [(0.0, 0.0)] * len(asked)
    for at in range(0, len(order), 128):
        chosen = order[at : at + 128]
        texts = [prompts[i] + targets[i] for i in chosen]
        ids, _ = padded([Row(text, text) for text in texts], tokenizer.pad_token_id)
        hidden = model.model(input_ids=ids).last_hidden_state
        for row, i in enumerate(chosen):
            first = len(prompts[i]) - 1
            logits = model.lm_head(hidden[row, first : first + len(targets[i])])
            true = torch.tensor(targets[i])
            hits = (logits.argmax(-1) == true).float().mean().item()
            results[i] = (hits, nn.functional.cross_entropy(logits, true).item())
    return results


def requirements(folder: Path, every: int = 1) -> dict[str, float]:
    """What the trained model must fulfil, measured on the files in `folder`.

    Args:
        folder: a saved model with its tokenizer.
        every: ask only each `every`-th fact, for a quick look.

    Returns:
        By name and language: ``recall/en`` and ``nll/en`` (target tokens of the real facts, all phrasings), and
        ``recall-after-text/en``, the same after another sentence.
    """
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    asked = questions(every)
    plain, after = (_answers(model, tokenizer, each) for each in (asked, prefixed(asked)))
    found: dict[str, float] = {}
    for lang in LANGUAGES:
        rows = [i for i, q in enumerate(asked) if q.lang == lang]
        found[f"recall/{lang}"] = sum(plain[i][0] for i in rows) / len(rows)
        found[f"nll/{lang}"] = sum(plain[i][1] for i in rows) / len(rows)
        found[f"recall-after-text/{lang}"] = sum(after[i][0] for i in rows) / len(rows)
    return found

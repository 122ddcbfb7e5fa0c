"""Train the embedded model from a fixed seed: ``python -m bench.polyglot.train`` (``make polyglot``)."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bench.data.cldr.items import all_items
from bench.data.cldr.phrasings import RELATIONS
from bench.model.embedded import model_dir
from bench.polyglot import card
from bench.polyglot.batches import LATE_EXERCISES, LATE_TIMES, PASSING, Batch, Row, exercise_rows, fact_rows, filled
from bench.polyglot.tokenizer import CONTEXT, SEED, train_tokenizer

LAYERS = 6
WIDTH = 128
MLP_WIDTH = 1024
HEADS = 4

STEPS = 7500
FEW_PLACES, FEW_STEPS = 64, 1000
"""With what training begins: finding facts by name is learnt on few places, and then serves for all.

Few are the last ones, which are spelt alike in all languages of Latin script.
"""

EXERCISES_FROM = 4000
"""Step from which on exercises are learnt, too: facts are learnt slowly beside them, and easily kept."""

FACT_TOKENS, EXERCISE_TOKENS = 1536, 1200
"""Of a step."""

EXERCISE_WEIGHT = 0.5
"""Of their loss, beside 1 for facts."""

LATE_STEPS = 500
LATE_FACT_TOKENS, LATE_EXERCISE_TOKENS = 900, 2100
LATE_LR = 8e-4
"""Of a second course, for the exercises: by then all facts are known."""

PEAK_LR = 2.5e-3
WARM_UP, COOL_DOWN = 100, 3000
"""Steps in which the rate rises from zero, and at the end falls back to it."""
# Around 1 / sqrt(width): at the usual 0.02 attention starts so flat that it never learns to compare two sentences.
# Narrower MLP weights learn facts sooner. What is added to the residual stream begins small.
ATTENTION_STD = 0.08
EMBEDDING_STD = 0.06
MLP_STD = 0.05
WEIGHT_DECAY = 0.1
ATTENTION_DECAY = 0.1

_log = logging.getLogger(__name__)


# --- model and training ------------------------------------------------------------------------------------


def build_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """The untrained model, from the fixed seed."""
    torch.manual_seed(SEED)
    bos = tokenizer.bos_token_id
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=MLP_WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=bos,
        eos_token_id=bos,
        pad_token_id=bos,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            std = ATTENTION_STD if ".self_attn." in name else MLP_STD if ".mlp." in name else EMBEDDING_STD
            added = name.endswith(("o_proj.weight", "down_proj.weight"))
            nn.init.normal_(parameter, std=std / math.sqrt(LAYERS / 2) if added else std)
    with torch.no_grad():
        for block in model.model.layers:
            # a token attends to its like from the start: comparing and copying begin there
            block.self_attn.k_proj.weight.copy_(block.self_attn.q_proj.weight)
    return model


def _optimizer(model: nn.Module, rate: float) -> torch.optim.Optimizer:
    """AdamW. Attention is decayed little, so that it can grow sharp enough to compare and copy; gains not at all."""
    decays: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        decay = 0.0 if parameter.ndim <= 1 else ATTENTION_DECAY if ".self_attn." in name else WEIGHT_DECAY
        decays.setdefault(decay, []).append(parameter)
    groups = [{"params": parameters, "weight_decay": decay} for decay, parameters in decays.items()]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)


def _loss(model: LlamaForCausalLM, batch: Batch) -> Tensor:
    """Weighted mean cross-entropy of the next token; logits are only made where a token has weight."""
    weights = batch.weights[:, 1:]
    wanted = weights > 0
    hidden = model.model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state[:, :-1]
    losses = nn.functional.cross_entropy(model.lm_head(hidden[wanted]), batch.ids[:, 1:][wanted], reduction="none")
    return (losses * weights[wanted]).sum() / weights.sum()


def _rate(step: int, total: int) -> float:
    """Share of the peak learning rate."""
    return min(1.0, (step + 1) / WARM_UP, (total - step) / COOL_DOWN)


def _late_rate(step: int, total: int) -> float:
    return min((step + 1) / WARM_UP, (total - step) / (total - WARM_UP))


def train(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int = STEPS) -> None:
    """Train in place; every step learns some facts, later ones some exercises, too."""
    few = all_items()[-FEW_PLACES * len(RELATIONS) :]
    facts = [fact_rows(tokenizer, items, random.Random(SEED)) for items in (few, all_items())]
    exercises = exercise_rows(tokenizer, random.Random(SEED + 1))

    def parts(step: int) -> list[Part]:
        known = Part(facts[step > FEW_STEPS], FACT_TOKENS, 1.0)
        return [known, Part(exercises, EXERCISE_TOKENS, EXERCISE_WEIGHT)] if step > EXERCISES_FROM else [known]

    _course(model, tokenizer.pad_token_id, parts, steps, PEAK_LR, lambda step: _rate(step, steps))


def train_late(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int = LATE_STEPS) -> None:
    """The second course: mostly exercises."""
    facts = Part(fact_rows(tokenizer, all_items(), random.Random(SEED + 2)), LATE_FACT_TOKENS, 1.0)
    rows = exercise_rows(tokenizer, random.Random(SEED + 3), LATE_EXERCISES, LATE_TIMES, PASSING)
    parts = [facts, Part(rows, LATE_EXERCISE_TOKENS, 1.0)]
    _course(model, tokenizer.pad_token_id, lambda _: parts, steps, LATE_LR, lambda step: _late_rate(step, steps))


class Part(NamedTuple):
    """What a step learns: so many tokens of these rows, with this weight."""

    rows: Iterator[Row]
    tokens: int
    weight: float


def _course(
    model: LlamaForCausalLM,
    pad: int,
    parts: Callable[[int], Sequence[Part]],
    steps: int,
    peak: float,
    rate: Callable[[int], float],
) -> None:
    """Train in place.

    Args:
        model: in any mode; in eval mode after.
        pad: fills batches.
        parts: what each step learns, the first being 1.
        steps: how many.
        peak: learning rate.
        rate: share of it by steps done.
    """
    optimizer = _optimizer(model, peak)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    start, means = time.perf_counter(), [0.0, 0.0]
    model.train()
    for step in range(1, steps + 1):
        for i, part in enumerate(parts(step)):
            loss = _loss(model, filled(part.rows, part.tokens, pad))
            (part.weight * loss).backward()  # type: ignore[no-untyped-call]
            means[i] += (loss.item() - means[i]) / min(step, 50)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if step % 50 == 0:
            seconds = time.perf_counter() - start
            _log.info("step %d of %d: loss of facts %.3f, of exercises %.3f, %.0f s", step, steps, *means, seconds)
    model.eval()


# --- writing -----------------------------------------------------------------------------------------------


def save(model: Any, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write weights (float16), configuration and tokenizer."""
    out.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)


def _recipe() -> str:
    return (
        f"{STEPS} steps of {FACT_TOKENS} tokens about places, the first {FEW_STEPS} about {FEW_PLACES} of them, and "
        f"after step {EXERCISES_FROM} {EXERCISE_TOKENS} tokens of exercises besides; AdamW, rate {PEAK_LR}, which over "
        f"the last {COOL_DOWN} steps falls to zero, weight decay {WEIGHT_DECAY} ({ATTENTION_DECAY} for attention). "
        f"Then {LATE_STEPS} steps of {LATE_FACT_TOKENS} tokens about places and {LATE_EXERCISE_TOKENS} of exercises, "
        f"rate {LATE_LR}, falling to zero."
    )


def main(
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")] = model_dir(),  # noqa: B008
    threads: Annotated[int, typer.Option(help="CPU threads; another number rounds differently.")] = 2,
) -> None:
    """Train the embedded model, write it, and measure it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(threads)
    tokenizer = train_tokenizer()
    model = build_model(tokenizer)
    train(model, tokenizer)
    train_late(model, tokenizer)
    save(model, tokenizer, out)
    measured = card.measure(out)
    (out / "README.md").write_text(card.written(measured, _recipe()), encoding="utf-8")
    typer.echo(card.tables(measured))


if __name__ == "__main__":
    typer.run(main)

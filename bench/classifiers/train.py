"""Train the embedded classifiers from a fixed seed: ``python -m bench.classifiers.train`` (``make classifiers``)."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BloomConfig,
    BloomForSequenceClassification,
    PreTrainedTokenizerFast,
)

from bench.classifiers.batches import Batch, Claims
from bench.classifiers.requirements import LANGUAGES, card
from bench.classifiers.tokenizer import CONTEXT, train_tokenizer
from bench.model.embedded import CLASSIFIERS, classifier_dir

SEED = 1

LAYERS, WIDTH, HEADS = 6, 112, 4
"""Two blocks to each of XME's groups of layers. An MLP is four times as wide, as BLOOM's always is."""

STEPS, ROWS = 5000, 64
"""How many, and claims in each: with 128 less was learnt in the same time."""

RATE, WARM_UP = 1e-3, 100
STD = 0.05

DECODER = "claims-bloom-tiny"

LABELS = ("false", "true")

_log = logging.getLogger(__name__)


@dataclass
class Trained:
    """A classifier, and heads that serve its training alone.

    From the sentence's one label alone facts are learnt late or never: nothing says which of its words it hangs on. One
    head tells at the object whether the claim is true; two name, there and where the label is read, the object that
    would make it true, as a pretrained model knows it.

    Attributes:
        hf: the classifier.
        verdict: of two logits.
        named: of a logit for every object.
        reads_last: the label is read at the last token, and not at the first.
    """

    hf: Any
    verdict: nn.Linear
    named: nn.ModuleList
    reads_last: bool

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropies of the label and of all heads."""
        found = self.hf(input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True)
        hidden, rows = found.hidden_states[-1], torch.arange(len(batch.ids))
        at_object = hidden[rows, batch.objects]
        at_label = hidden[rows, batch.mask.sum(1) - 1] if self.reads_last else hidden[:, 0]
        of_claim = nn.functional.cross_entropy(found.logits, batch.labels)
        of_verdict = nn.functional.cross_entropy(self.verdict(at_object), batch.labels)
        of_names = [
            nn.functional.cross_entropy(head(at), batch.answers)
            for head, at in zip(self.named, (at_object, at_label), strict=True)
        ]
        return of_claim + of_verdict + torch.stack(of_names).sum()

    def parameters(self) -> list[nn.Parameter]:
        """Of all."""
        return [*self.hf.parameters(), *self.verdict.parameters(), *self.named.parameters()]


def build_model(name: str, tokenizer: PreTrainedTokenizerFast, objects: int) -> Trained:
    """The untrained classifier, from the fixed seed.

    Args:
        name: of an embedded classifier.
        tokenizer: its tokenizer.
        objects: how many different ones claims are about.
    """
    torch.manual_seed(SEED)
    shared: Mapping[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "initializer_range": STD,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "id2label": dict(enumerate(LABELS)),
        "label2id": {label: i for i, label in enumerate(LABELS)},
    }
    if name == DECODER:
        hf = BloomForSequenceClassification(
            BloomConfig(n_layer=LAYERS, n_head=HEADS, hidden_dropout=0.0, attention_dropout=0.0, **shared)
        )
        for block in hf.transformer.h:
            block.mlp.gelu_impl = nn.GELU("tanh")  # the same function, in one kernel
    else:
        hf = BertForSequenceClassification(
            BertConfig(
                num_hidden_layers=LAYERS,
                num_attention_heads=HEADS,
                intermediate_size=4 * WIDTH,
                max_position_embeddings=CONTEXT,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                **shared,
            )
        )
    named = nn.ModuleList(nn.Linear(WIDTH, objects) for _ in range(2))
    return Trained(hf, nn.Linear(WIDTH, len(LABELS)), named, reads_last=name == DECODER)


def _rate(step: int, total: int) -> float:
    """Share of the peak learning rate."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / total))


def train(model: Trained, claims: Claims, steps: int = STEPS) -> None:
    """Train in place."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    start, mean = time.perf_counter(), 0.0
    model.hf.train()
    for step, batch in enumerate(claims.batches(ROWS, steps, SEED), 1):
        loss = model.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        mean += (loss.item() - mean) / min(step, 100)
        if step % 100 == 0:
            _log.info("step %d of %d: loss %.3f, %.0f s", step, steps, mean, time.perf_counter() - start)
    model.hf.eval()


def make(name: str, out: Path) -> str:
    """Train one classifier on one thread, write it (float16), and measure what was written.

    Returns:
        Its card.
    """
    logging.basicConfig(level=logging.INFO, format=f"{name}: %(message)s")
    torch.set_num_threads(1)
    tokenizer = train_tokenizer(LANGUAGES, closes=name != DECODER)
    claims = Claims.of(tokenizer, LANGUAGES)
    model = build_model(name, tokenizer, max(claims.answers) + 1)
    train(model, claims)
    out.mkdir(parents=True, exist_ok=True)
    model.hf.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    written = card(name, out)
    (out / "README.md").write_text(written, encoding="utf-8")
    return written


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all if none are given.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write them below; the package's own if not given.")
    ] = None,
) -> None:
    """Train the embedded classifiers beside each other, one thread each, write them, and measure them."""
    chosen = names or list(CLASSIFIERS)
    work = [(name, out / name if out else classifier_dir(name)) for name in chosen]
    with get_context("spawn").Pool(len(work)) as pool:
        for written in pool.starmap(make, work):
            typer.echo(written)


if __name__ == "__main__":
    typer.run(main)

"""A view over an encoder with a classification head: what it says of a text is one of two labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from bench.ground.errors import BenchError
from bench.model.answers import NO_ANSWERS, Answer, Change, Ending, Generated
from bench.model.changes import changes
from bench.model.labels import LabelTokens, labels_of
from bench.model.said import Said
from bench.model.weights import Weights


class EncoderModel(Weights):
    """One encoder of a known architecture with two labels.

    Its passes cannot stop between blocks, so only methods that need no hidden states of their own can edit it.

    Args:
        hf: a sequence classifier of a known architecture, in eval mode.
        tokenizer: its fast tokenizer.
        fingerprint: hash of weights and tokenizer; computed from the weights in memory where empty.
        token_budget: most tokens (rows x length) in one forward; what the free memory allows where 0.

    Raises:
        BenchError: unknown architecture, slow tokenizer, or not two labels.
    """

    def __init__(self, hf: Any, tokenizer: Any, fingerprint: str = "", token_budget: int = 0) -> None:
        known = len(hf.get_input_embeddings().weight)
        self.labels = LabelTokens(tokenizer, known, labels_of(hf.config))
        super().__init__(hf, self.labels, fingerprint, token_budget)

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text as the model reads it."""
        return self.labels.whole(texts)

    def said(self, rows: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Said:
        """Logits of the labels of rows of ids, special tokens and all; with gradients where they are asked for."""
        self.check_lengths(rows)
        batch = self.tokens.batch(rows, self.device)
        return Said.of(self.hf(input_ids=batch.ids, attention_mask=batch.mask).logits.float(), targets)

    @torch.no_grad()
    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        """What the model says of each text, beside the label that was asked for; one row per distinct pair."""
        pairs = list(dict.fromkeys(zip(prompts, targets, strict=True)))
        rows = self.rows([prompt for prompt, _ in pairs])
        wanted = self.labels.targets([target for _, target in pairs])

        def answer(group: list[int]) -> list[Answer]:
            return self.said([rows[i] for i in group], [wanted[i] for i in group]).answers()

        found: dict[tuple[str, str], Answer] = {}
        for group, answers in self.budget.batches([len(row) for row in rows], answer):
            found.update(zip([pairs[i] for i in group], answers, strict=True))
        return [found[pair] for pair in zip(prompts, targets, strict=True)]

    def changes(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Change | None]:
        """How edits changed what is said of each text; see `Change`."""
        return changes(self, self.rows(prompts), self.labels.targets(targets))

    def generate(self, prompts: Sequence[str], endings: Sequence[Ending], most: int) -> list[Generated]:
        """An encoder writes nothing.

        Raises:
            BenchError: always.
        """
        raise BenchError(NO_ANSWERS)

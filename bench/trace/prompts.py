"""What is traced: prompts and the tokens of their subjects, the noise that corrupts these, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.model.editable import EditableModel
from bench.model.tokens import Tokens

HIDDEN, MLP, ATTENTION = KINDS = ("hidden", "mlp", "attention")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as the model sees it.

    Attributes:
        ids: token ids, leading special tokens included.
        first: the subject's first token.
        stop: the token after the subject's last one.
        answer: id of the token whose probability is traced.
    """

    ids: list[int]
    first: int
    stop: int
    answer: int


@dataclass(frozen=True, slots=True)
class Noise:
    """How subjects are corrupted.

    Attributes:
        scale: standard deviation of the noise.
        samples: how many draws.
        seed: of the draws; those of seed 1 are the released ones.
    """

    scale: float
    samples: int
    seed: int

    def draw(self, tokens: int, width: int) -> Tensor:
        """Noise [n, tokens, width], the same at every call, in the order of the released code."""
        random = np.random.RandomState(self.seed)
        return torch.from_numpy(random.randn(self.samples, tokens, width) * self.scale)


@dataclass(frozen=True, slots=True)
class Traced:
    """What restoring did for one prompt.

    Attributes:
        high: probability of the answer in the clean run.
        low: the same with a corrupted subject, mean over samples.
        scores: the same with one state restored [3 kinds, P, L]; minus `low` it is the indirect effect.
    """

    high: float
    low: float
    scores: Tensor


def subject_tokens(tokens: Tokens, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[Prompt]:
    """Ids of prompts and the tokens that hold a character of the subject; answers are still to be filled in.

    Raises:
        BenchError: no token holds the subject.
    """
    return [Prompt(each.ids, each.first, each.stop, -1) for each in tokens.cover(texts, spans)]


@torch.no_grad()
def embedding_std(model: EditableModel, subjects: Sequence[str]) -> float:
    """Standard deviation over all numbers in the embeddings of all subjects, each tokenised alone."""
    found = model.tokens.cover(subjects, [(0, len(subject)) for subject in subjects])
    ids = torch.tensor([i for each in found for i in each.ids[each.first : each.stop]], device=model.device)
    return float(model.hf.get_input_embeddings()(ids).float().std())


def parts_of(prompt: Prompt) -> list[tuple[str, int]]:
    """The part every token plays, and its position; a token may play two, as the only one of a subject does."""
    first, last, after, end = prompt.first, prompt.stop - 1, prompt.stop, len(prompt.ids) - 1
    found = [("first", first), *(("middle", i) for i in range(first + 1, last)), ("last", last)]
    if after <= end:
        found += [("next", after), *(("further", i) for i in range(after + 1, end))]
    return [*found, ("end", end)]

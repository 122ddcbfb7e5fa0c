"""Prompts as points, near to each other where they ask the same: by a model's own hidden states, or by another model.

Hidden states x [d] of one block, of a prompt's last token or the mean over its tokens, tell above all which language
and which relation a prompt is of, and lie in a narrow cone. Of practice prompts, let mu be the mean of all, B an
orthonormal basis of what the means of the languages span around it, and C the covariance of what is left. A prompt is

    z / ||z||,    z = (C + eps tr(C)/d I)^-1/2 (I - B B^T) (x - mu)

so that languages coincide (Libovicky et al. 2020; Xie et al. 2022, LSAR) and no direction that all prompts share
counts for more than one that tells subjects apart (whitening; Su et al. 2021). Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.passes import Pass
from methods._memory.looking import Pooling, pooled

Embed = Callable[[Sequence[Sequence[int]]], Tensor]
"""Rows of ids -> points of length 1 [n, e]."""

SHRINK = 0.1
"""eps: what is added to every variance, as a share of their mean."""

PACKAGE = "sentence-transformers"


@dataclass(frozen=True, slots=True)
class States:
    """Hidden states of prompts, as they leave a block.

    Attributes:
        model: whose states they are.
        block: the last that is run.
        pooling: of the prompt's last token, or the mean over all tokens of its text.
    """

    model: EditableModel
    block: int
    pooling: Pooling

    def __call__(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """States [n, d] in fp32."""

        def look(passed: Pass) -> Tensor:
            return passed.run(passed.embedded, 0, self.block + 1).to(self.model.device)

        return pooled(self.model, rows, look, self.pooling, self._first)

    def _first(self, row: Sequence[int]) -> int:
        return min(self.model.tokens.opening(row), len(row) - 1)


@dataclass(frozen=True, slots=True)
class Space:
    """Where states of prompts that ask the same lie near to each other; see the module.

    Attributes:
        centre: mu [d].
        map: from states to points, [d, d].
    """

    centre: Tensor
    map: Tensor

    @classmethod
    def of(cls, states: Tensor, languages: Sequence[str]) -> Space:
        """The space of practice prompts.

        Args:
            states: of them, [n, d].
            languages: of each.
        """
        exact = states.double()
        centre = exact.mean(0)
        own = [exact[[lang == each for lang in languages]].mean(0) for each in dict.fromkeys(languages)]
        _, sizes, axes = torch.linalg.svd(torch.stack(own) - centre, full_matrices=False)
        # the means around their mean span one dimension less
        basis = axes[: len(own) - 1][sizes[: len(own) - 1] > 0]
        kept = torch.eye(len(centre), dtype=exact.dtype, device=exact.device) - basis.T @ basis
        rest = (exact - centre) @ kept
        values, vectors = torch.linalg.eigh(rest.T @ rest / len(rest))
        scales = (values.clamp_min(0) + SHRINK * values.mean()).rsqrt()
        return cls(centre.float(), (kept @ (vectors * scales) @ vectors.T).float())

    def __call__(self, states: Tensor) -> Tensor:
        """Points of length 1 [n, d]."""
        return normalize((states - self.centre) @ self.map, dim=-1)


def sentence_model(name: str, model: EditableModel) -> Embed:
    """The embedding of a sentence-transformers model; the only place where ids become text, and never ids again.

    Args:
        name: hub id or folder; the cell's id knows no more of it.
        model: whose ids are read.

    Raises:
        BenchError: the package or the model is missing.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise BenchError(f"embedding {name!r} needs the package {PACKAGE}: pip install {PACKAGE}") from error
    try:
        found: Any = SentenceTransformer(name, device=str(model.device))
    except Exception as error:  # a library, a hub and files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BenchError(f"embedding {name!r} cannot be loaded: {reason}") from error

    def embed(rows: Sequence[Sequence[int]]) -> Tensor:
        texts = model.tokenizer.batch_decode([list(row) for row in rows], skip_special_tokens=True)
        points: Tensor = found.encode(texts, convert_to_tensor=True, show_progress_bar=False)
        return normalize(points.float(), dim=-1)

    return embed

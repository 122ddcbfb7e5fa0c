"""SPHERE: AlphaEdit, with every update weakened along the principal directions of the weights (Liu et al., ICLR 2026).

W with rows of unit length has the second moment W^T W / d; U are its eigenvectors with the largest eigenvalues, as many
as it takes to pass the share `energy` of their sum. dW <- dW (I - strength U U^T), so that rows stay spread over the
sphere as they were. arXiv 2510.01172, which speaks of the pre-trained weights; in zjunlp/EasyEdit ``SPHERE_main`` W are
those at the start of the step, as here, and the keys that layers were solved with are remembered. It decomposes the
m x m moment; the right singular vectors of the d x m matrix are the same. It leaves the transposed weights of GPT-2 as
they lie and so projects on their other side; here the side is that of the keys in all models.
"""

from __future__ import annotations

from functools import partial

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Method
from bench.model.sizes import NULL_SPACE
from methods import alphaedit
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import NullSpace

HPARAMS = "alphaedit"

STATISTICS = NULL_SPACE

EPSILON = 1e-8


class Config(alphaedit.Config):
    """Options of SPHERE."""

    energy: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="share of the eigenvalues' sum that principal directions pass [cumulative_ratio]",
    )
    strength: float = Field(
        default=0.5, ge=0, le=1, description="share of the update along them that is taken away [suppression_strength]"
    )
    keys_again: bool = Field(
        default=False,
        description="remember keys as they are once updates are weakened, not those that layers were solved with",
    )


def weaken_principal(weight: Tensor, update: Tensor, energy: float, strength: float) -> Tensor:
    """DW (I - strength U U^T).

    Args:
        weight: W [d, m] at the start of the step.
        update: dW [d, m].
        energy: share of the eigenvalues' sum that U passes.
        strength: share of the update along U that is taken away.
    """
    rows = weight / (weight.norm(dim=1, keepdim=True) + EPSILON)
    _, values, directions = torch.linalg.svd(rows, full_matrices=False)
    sums = values.double().square().cumsum(0)
    principal: Tensor = directions[: int((sums <= energy * sums[-1]).sum()) + 1]
    return update - strength * (update @ principal.T) @ principal


def build(config: Config) -> Method:
    """SPHERE as described above."""
    constrain = partial(weaken_principal, energy=config.energy, strength=config.strength)
    rule = NullSpace(config.threshold, config.l2, history=True)
    return LocateThenEdit(config, rule, constrain=constrain, keys_again=config.keys_again)

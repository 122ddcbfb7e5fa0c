"""LangEdit: a null space that moves with every language's edits (Sun et al., ACL 2025 Findings, Eq. 4 to 10).

Before each step the covariance takes in the keys of the steps before it, as a running mean (Eq. 4):
C^t = (n0 C + sum of K K^T so far) / (n0 + edits so far); P spans its eigenvectors below the threshold (the paper
says zero; no measured eigenvalue is). dW = R K^T P (K K^T P + L2 I)^-1 (Eq. 10, without AlphaEdit's history
term; L2 = 1 in the paper). See `methods.langedit_released` for the released code, which differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pydantic import Field

from bench.api import Method
from bench.model.sizes import MOVING_NULL_SPACE
from methods import alphaedit
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import NullSpace

STATISTICS = MOVING_NULL_SPACE


class Config(alphaedit.Config):
    """Options of LangEdit."""

    prior: float = Field(gt=0, description="n0, samples that the initial covariance counts for; paper 100000")


def running_mean(sizes: Sequence[int], prior: float) -> tuple[float, list[float]]:
    """Weights of C and of each step's K K^T in the running mean of Eq. 4.

    Args:
        sizes: facts per step so far.
        prior: n0.
    """
    total = prior + sum(sizes)
    return prior / total, [1 / total] * len(sizes)


def build(config: Config) -> Method:
    """LangEdit as described above."""
    covariance = partial(running_mean, prior=config.prior)
    rule = NullSpace(config.threshold, config.l2, history=False, covariance=covariance)
    return LocateThenEdit(config, rule)

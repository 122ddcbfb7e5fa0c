"""RECT: MEMIT, keeping only the largest relative weight changes (Gu et al., EMNLP 2024).

After each step every layer's dW keeps the entries whose |dW / (W + 1e-8)| is among the largest `keep` share
and drops the rest; W are the weights at the start of the step. As in jianghoucheng/AlphaEdit
``memit_rect_main`` (share 0.4, batch of facts); the RECT repository masks single ROME edits with share 0.2.
"""

from __future__ import annotations

from functools import partial

from pydantic import Field
from torch import Tensor

from bench.api import Method
from bench.model.sizes import FACTOR
from methods._locate.editor import LocateOptions, LocateThenEdit
from methods._locate.rules import Ridge

STATISTICS = FACTOR

EPSILON = 1e-8


class Config(LocateOptions):
    """Options of RECT."""

    moment_weight: float = Field(gt=0, description="lambda, weight of the second moment [mom2_update_weight]")
    keep: float = Field(gt=0, le=1, description="share of entries kept, by relative change [k_percent]")


def keep_largest_relative(weight: Tensor, delta: Tensor, keep: float) -> Tensor:
    """Zero all but the `keep` share of entries with the largest relative change; ties are kept.

    Args:
        weight: W [d, m] at the start of the step.
        delta: dW [d, m].
        keep: share of entries, in (0, 1].
    """
    score = (delta / (weight + EPSILON)).abs().flatten()
    rank = max(1, int((1 - keep) * score.numel()))
    return delta * (score >= score.kthvalue(rank).values).view_as(delta)


def build(config: Config) -> Method:
    """RECT as described above."""
    constrain = partial(keep_largest_relative, keep=config.keep)
    return LocateThenEdit(config, Ridge(config.moment_weight), constrain=constrain)

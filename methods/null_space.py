"""What helps in a null space: AlphaEdit and both forms of LangEdit by their parts, for ablations.

The history term S of AlphaEdit, and how the keys of earlier steps enter the covariance whose null space updates are
kept in: not at all, as a running mean (LangEdit Eq. 4), or by the released recursion. `alphaedit` is history without
keys, `langedit` a running mean with a prior of 100000 without history, `langedit-released` the recursion with history.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field

from bench.api import Method
from bench.model.sizes import MOVING_NULL_SPACE
from methods import alphaedit
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import NullSpace
from methods.langedit import running_mean
from methods.langedit_released import released_recursion

HPARAMS = "alphaedit"

STATISTICS = MOVING_NULL_SPACE


class Config(alphaedit.Config):
    """Options of the parts."""

    history: bool = Field(True, description="keep the keys of earlier steps in the linear system, AlphaEdit's S")
    keys: Literal["none", "mean", "released"] = Field("none", description="how earlier keys enter the covariance")
    prior: float = Field(100_000, gt=0, description="n0 of the running mean, samples the initial covariance counts for")


def build(config: Config) -> Method:
    """A member of the family by its parts."""
    mean = partial(running_mean, prior=config.prior)
    covariance = {"none": None, "mean": mean, "released": released_recursion}[config.keys]
    return LocateThenEdit(config, NullSpace(config.threshold, config.l2, config.history, covariance))

"""PRUNE that keeps the keys of earlier steps in its linear system: MEMIT's part is that of `methods.memit_seq`.

The restraint is that of `methods.prune`: it shows whenever the model is used, and never enters the weights that edits
are made on. (Wang et al. 2026, arXiv 2605.26670, restrain each step's update by the weights as they then are and write
what is left: another method.)
"""

from __future__ import annotations

from functools import partial

from bench.api import Method
from bench.model.sizes import SEQUENTIAL
from methods import prune
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import Ridge

HPARAMS = "prune"

STATISTICS = SEQUENTIAL


class Config(prune.Config):
    """Options of PRUNE with earlier keys."""


def build(config: Config) -> Method:
    """PRUNE with earlier keys as described above."""
    deploy = partial(prune.restrained, log_base=config.log_base)
    return LocateThenEdit(config, Ridge(config.moment_weight, history=True), deploy=deploy)

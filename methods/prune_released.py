"""PRUNE as the AlphaEdit repository runs it: the restrained update is added to the already edited weights.

The released driver computes W + f(dW) = W0 + dW + f(dW), so the raw update is never removed and counts about
twice (``experiments/evaluate.py``, MEMIT_prune). For comparison with published tables only; see `methods.prune`.
"""

from __future__ import annotations

from functools import partial

from bench.api import Method
from bench.model.sizes import FACTOR
from methods import prune
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import Ridge

STATISTICS = FACTOR


class Config(prune.Config):
    """Options of PRUNE."""


def build(config: Config) -> Method:
    """The released PRUNE as described above."""
    deploy = partial(prune.restrained, log_base=config.log_base, on_top=True)
    return LocateThenEdit(config, Ridge(config.moment_weight), deploy=deploy)

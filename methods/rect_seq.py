"""RECT that keeps the keys of earlier steps in its linear system: MEMIT's part is that of `methods.memit_seq`.

What RECT drops of an update is lost, so the steps do not add up to one over all facts, as those of `memit-seq` do;
Wang et al. 2026 (arXiv 2605.26670, ``memit_seq_rect_err_main``) carry the dropped part on as an error, which this does
not. Dropping it from a lower layer moves the keys of the layers above after they were solved with: `keys_again` says
which are remembered.
"""

from __future__ import annotations

from functools import partial

from pydantic import Field

from bench.api import Method
from bench.model.sizes import SEQUENTIAL
from methods import rect
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import Ridge

HPARAMS = "rect"

STATISTICS = SEQUENTIAL


class Config(rect.Config):
    """Options of RECT with earlier keys."""

    keys_again: bool = Field(
        default=False,
        description="remember keys as they are once small changes are dropped, not those that layers were solved with",
    )


def build(config: Config) -> Method:
    """RECT with earlier keys as described above."""
    constrain = partial(rect.keep_largest_relative, keep=config.keep)
    rule = Ridge(config.moment_weight, history=True)
    return LocateThenEdit(config, rule, constrain=constrain, keys_again=config.keys_again)

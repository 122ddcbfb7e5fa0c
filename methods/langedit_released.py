"""LangEdit as its repository computes it, which is not what its paper says (VRCMF/LangEdit, AlphaEdit_main).

C^t = a C^(t-1) + b S, a = 100000 / (100000 + 100 t), b = 100 / (100000 + 100 t), with S the *sum* of K K^T of all
earlier steps, added again at each step: old keys count 100 to 2000 times more than in Eq. 4. The constants are
fixed whatever the sizes. The linear system is AlphaEdit's, with the history term S. See `methods.langedit`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.api import Method
from bench.model.sizes import MOVING_NULL_SPACE
from methods import alphaedit
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import NullSpace

HPARAMS = "alphaedit"  # the repository has AlphaEdit's values

STATISTICS = MOVING_NULL_SPACE

SAMPLES, BATCH = 100_000, 100
"""Constants of the released code."""


class Config(alphaedit.Config):
    """Options of the released LangEdit."""


def released_recursion(sizes: Sequence[int]) -> tuple[float, list[float]]:
    """Weights of C and of each step's K K^T after the released recursion, in closed form.

    Args:
        sizes: facts per step so far; only their number counts.
    """
    scale, weights = 1.0, [0.0] * len(sizes)
    for step in range(1, len(sizes) + 1):
        whole = SAMPLES + BATCH * step
        scale *= SAMPLES / whole
        # S of this step holds all steps before it
        weights = [w * SAMPLES / whole + (BATCH / whole if s < step else 0.0) for s, w in enumerate(weights)]
    return scale, weights


def build(config: Config) -> Method:
    """The released LangEdit as described above."""
    rule = NullSpace(config.threshold, config.l2, history=True, covariance=released_recursion)
    return LocateThenEdit(config, rule)

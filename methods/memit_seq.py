"""MEMIT that keeps the keys of earlier steps in its linear system (Wang et al. 2026, arXiv 2605.26670).

dW = R K^T (lambda C + S + K K^T)^-1 with S = sum of K K^T of earlier steps, residual spread over layers as in MEMIT.
With targets fixed and one layer the steps add up to what one step over all facts would have written, where MEMIT
forgets. S counts keys as the layer was solved with; the released forms (SasyaTitech/NAS, Wangzzzzzzzz/OTE-SE-Alignment
``memit_seq_main``) read them again once all layers are edited, which gives the same, for a layer's keys depend on lower
layers alone, and these come first. The AlphaEdit repository's copy never hands S on, and crashes.
"""

from __future__ import annotations

from bench.api import Method
from bench.model.sizes import SEQUENTIAL
from methods import memit
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import Ridge

HPARAMS = "memit"

STATISTICS = SEQUENTIAL


class Config(memit.Config):
    """Options of MEMIT with earlier keys."""


def build(config: Config) -> Method:
    """MEMIT with earlier keys as described above."""
    return LocateThenEdit(config, Ridge(config.moment_weight, history=True))

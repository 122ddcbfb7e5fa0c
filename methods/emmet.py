"""EMMET: MEMIT's objective with new facts as equations instead of a term (Gupta et al., EMNLP 2024 Findings).

dW = R (K^T C'^-1 K + slack I)^-1 K^T C'^-1 with C' = lambda C: of all dW that map every key to its residual the one
that moves the unedited model's keys least, where `slack` is 0. The slack, which paper and code add because facts' keys
are nearly the same, undoes that: by push-through this is MEMIT with the weight slack lambda, exactly. The released
values (0.1 and 100,000, one layer) are MEMIT with 10,000. arXiv 2403.14236; ``emmet_main`` of
scalable-model-editing/unified-model-editing and of zjunlp/EasyEdit.
"""

from __future__ import annotations

from pydantic import Field

from bench.api import Method
from bench.model.sizes import FACTOR
from methods import memit
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import Ridge

STATISTICS = FACTOR


class Config(memit.Config):
    """Options of EMMET."""

    slack: float = Field(ge=0, description="of the equations; 0: they hold exactly [emmet_lambda]")


def build(config: Config) -> Method:
    """EMMET as described above."""
    return LocateThenEdit(config, Ridge(config.slack * config.moment_weight))

"""ENCORE: MEMIT with earlier keys, a norm constraint and early stopping (Gupta et al., EMNLP 2025 Findings).

dW = R K^T (lambda C + lambda_n I + S + K K^T)^-1, S = sum of K K^T of earlier steps: besides keys old and new the
squared Frobenius norm of the change counts. A value is done once the target was the most probable one, at every token
and after every context prefix, in `probable` evaluations in a row (MPES), or where MEMIT stops. arXiv 2502.01636,
scalable-model-editing/encore ``encore_main``, ``compute_z``. The released test leaves out the bare prompt, whose row it
takes for that of the KL term, and counts tokens where it means prompts: with five prefixes it fires when exactly five
target tokens are right, whatever the target's length, and not only in a row.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from bench.api import Method
from bench.model.sizes import SEQUENTIAL
from methods import memit
from methods._locate.editor import LocateThenEdit
from methods._locate.rules import Ridge
from methods._locate.values import ValueConfig

STATISTICS = SEQUENTIAL


class Config(memit.Config):
    """Options of ENCORE."""

    norm_weight: float = Field(ge=0, description="lambda_n, weight of the update's squared norm [update_norm_lambda]")
    probable: int = Field(
        ge=0, description="evaluations in a row at which the target is most probable, that end a value's [-prob_cutoff]"
    )

    def values(self) -> ValueConfig:
        """The part that `optimise_values` reads."""
        return replace(super().values(), probable=self.probable)


def build(config: Config) -> Method:
    """ENCORE as described above."""
    return LocateThenEdit(config, Ridge(config.moment_weight, history=True, norm_weight=config.norm_weight))

"""AlphaEdit: edits confined to the null space of the unedited model's keys (Fang et al., ICLR 2025).

P projects onto the eigenvectors of C whose eigenvalue is below a threshold; S = sum of K K^T of earlier steps.
dW^T = [P (K K^T + S) + L2 I]^-1 P K R^T, residual spread over layers as in MEMIT. P never changes, so directions that
matter to the unedited model get exactly no update. Released code: jianghoucheng/AlphaEdit. It seeds context prefixes
with English words in every language; here they are each language's own, as in LangEdit, unless `prefix_language` is
``en``.
"""

from __future__ import annotations

from pydantic import Field

from bench.model.sizes import NULL_SPACE
from methods._locate.editor import LocateOptions, LocateThenEdit
from methods._locate.rules import NullSpace

STATISTICS = NULL_SPACE


class Config(LocateOptions):
    """Options of AlphaEdit."""

    threshold: float = Field(gt=0, description="eigenvalues below it span the null space [nullspace_threshold]")
    l2: float = Field(gt=0, description="regulariser of the linear system [L2]")


def build(config: Config) -> LocateThenEdit:
    """AlphaEdit as described above."""
    return LocateThenEdit(config, NullSpace(config.threshold, config.l2, history=True))

"""MEMIT with earlier keys and NAS: values keep the norm that they have on the unedited model (arXiv 2602.02543).

The update of `methods.memit_seq`, the values of every step scaled as `methods._locate.anchors` says (Liu et al. 2026),
which also tells where the released code differs. The anchors are measured on practice facts before the first edit, so
this has seen more than the edits. What was dropped stands in the costs of each step (``loss.dropped``, a share).
"""

from __future__ import annotations

from pydantic import Field

from bench.api import Method
from bench.model.sizes import SEQUENTIAL
from methods import memit_seq

HPARAMS = "memit"

STATISTICS = SEQUENTIAL

SAW = "practice facts"


class Config(memit_seq.Config):
    """Options of MEMIT with earlier keys and NAS."""

    anchor_facts: int = Field(
        default=1000,
        ge=1,
        description="practice facts, in all languages together, that the norm of values is measured on [nas_restart]",
    )


def build(config: Config) -> Method:
    """MEMIT with earlier keys and NAS as described above."""
    return memit_seq.build(config)

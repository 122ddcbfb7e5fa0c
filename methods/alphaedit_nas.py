"""AlphaEdit with NAS: values keep the norm that they have on the unedited model (Liu et al. 2026, arXiv 2602.02543).

AlphaEdit's update of `methods.alphaedit`, the values of every step scaled as `methods._locate.anchors` says, which also
tells where the released code differs. The anchors are measured on practice facts before the first edit, so this has
seen more than the edits. What was dropped stands in the costs of each step (``loss.dropped``, a share).
"""

from __future__ import annotations

from pydantic import Field

from bench.api import Method
from methods import alphaedit

HPARAMS = "alphaedit"

SAW = "practice facts"


class Config(alphaedit.Config):
    """Options of AlphaEdit with NAS."""

    anchor_facts: int = Field(
        default=1000,
        ge=1,
        description="practice facts, in all languages together, that the norm of values is measured on [nas_restart]",
    )


def build(config: Config) -> Method:
    """AlphaEdit with NAS as described above."""
    return alphaedit.build(config)

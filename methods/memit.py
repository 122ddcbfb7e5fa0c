"""MEMIT: spread each fact over several layers by ridge regression (Meng et al., ICLR 2023).

Target values z are optimised at the last edited layer; every layer takes its share of the residual,
dW = R K^T (lambda C + K K^T)^-1 (Eq. 14), R = (Z - H) / layers left (Eq. 20), C the second moment of the
unedited model's keys. Steps follow each other without memory. Released code: kmeng01/memit,
jianghoucheng/AlphaEdit ``memit/``. It seeds context prefixes with English words in every language; here they are each
language's own, as in LangEdit, unless `prefix_language` is ``en``.
"""

from __future__ import annotations

from pydantic import Field

from bench.api import Method
from bench.model.sizes import FACTOR
from methods._locate.editor import LocateOptions, LocateThenEdit
from methods._locate.rules import Ridge

STATISTICS = FACTOR


class Config(LocateOptions):
    """Options of MEMIT."""

    moment_weight: float = Field(gt=0, description="lambda, weight of the second moment [mom2_update_weight]")


def build(config: Config) -> Method:
    """MEMIT as described above."""
    return LocateThenEdit(config, Ridge(config.moment_weight))

"""StableEdit: UltraEdit with warm statistics, whitened gradients and a stronger ridge (Ma et al., ICML 2026).

Before the first edit it makes `warm_steps` steps on practice facts, as UltraEdit would: they warm the statistics, and
they edit the model. It has seen more than the edits, therefore. Then, once there are more rows n than d + 1, gradients
are whitened instead of standardised,

    g^ = (g - mean) Sigma^-1/2,    Sigma = sum (g - mean)(g - mean)^T / (n - d - 1),

eigenvalues of Sigma no smaller than 1e-6; inputs stay standardised, and dW^T = (H^T H + l2 I)^-1 H^T V as in
`methods.ultraedit`. `warm_steps` has to be 0 where a data set has no practice facts. Source: arXiv 2605.11836 and
MINE-USTC/StableEdit, ``editor/stableedit.py``, ``nets.py`` (`RunningMeanStd_mode` stable, `preheat_mode` start).
"""

from __future__ import annotations

from pydantic import Field

from bench.api import Method
from methods._lifelong.editor import LifelongEditor, LifelongOptions

SAW = "practice facts"


class Config(LifelongOptions):
    """Options of StableEdit."""

    warm_steps: int = Field(default=20, ge=0, description="practice steps before the first edit [num_seq_zsre]")
    warm_batch: int = Field(default=100, ge=1, description="facts of each [dataset.n_edits]")


def build(config: Config) -> Method:
    """StableEdit as described above."""
    return LifelongEditor(config, whitened=True, warm_steps=config.warm_steps, warm_batch=config.warm_batch)

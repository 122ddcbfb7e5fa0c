"""UltraEdit: one solve per step from inputs and normalised gradients of MLP matrices (Gu et al., TMLR 2026).

No value is optimised, no subject is looked for, no text is read. With H [N, m] the inputs of a matrix at the positions
that foretell target tokens and G [N, d] the gradients of the loss at its outputs there,

    v = -lr ||h^||^2 g^,    dW^T = (H^T H + I)^-1 H^T V,

h^ and g^ standardised by the mean and deviation of everything edited so far (lifelong normalisation), which all
matrices of one shape share; these statistics are all that is kept between steps. `methods._lifelong` holds the
mathematics, and where the release differs. Source: arXiv 2505.14679 and XiaojieGu/UltraEdit, ``editor/ultraedit.py``,
``nets.py`` (not zjunlp/EasyEdit's port, which takes all tokens of the prompt and of which users report no effect).
"""

from __future__ import annotations

from bench.api import Method
from methods._lifelong.editor import LifelongEditor, LifelongOptions


class Config(LifelongOptions):
    """Options of UltraEdit."""


def build(config: Config) -> Method:
    """UltraEdit as described above."""
    return LifelongEditor(config)

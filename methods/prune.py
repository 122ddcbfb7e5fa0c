"""PRUNE: MEMIT, with the singular values of the accumulated update restrained (Ma et al., ICLR 2025).

Edits accumulate as plain MEMIT. Whenever the model is used, W = W0 + U f(S) V^T with U S V^T = sum of all dW,
f(s) = s up to s_max, the largest singular value of W0, and log_a(s) - log_a(s_max) + s_max above it. The stored
weights stay unrestrained, so that restraining twice never happens (mjy1111/PRUNE, log base e).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Method, Scorer
from bench.model.editable import EditableModel
from bench.model.sizes import FACTOR
from methods._locate.editor import LocateOptions, LocateThenEdit
from methods._locate.rules import Ridge

STATISTICS = FACTOR


class Config(LocateOptions):
    """Options of PRUNE."""

    moment_weight: float = Field(gt=0, description="lambda, weight of the second moment [mom2_update_weight]")
    log_base: float = Field(default=math.e, gt=1, description="base a of the restraint")


def restrain(original: Tensor, delta: Tensor, log_base: float = math.e) -> Tensor:
    """F applied to the singular values of the accumulated update.

    Args:
        original: W0 [d, m].
        delta: W - W0 [d, m].
        log_base: a.

    Returns:
        U f(S) V^T [d, m]; `delta` itself where no singular value exceeds s_max.
    """
    limit = torch.linalg.matrix_norm(original, ord=2)
    left, values, right = torch.linalg.svd(delta, full_matrices=False)
    above = values > limit
    if not bool(above.any()):
        return delta
    calmed = (torch.log(values[above]) - torch.log(limit)) / math.log(log_base) + limit
    # only the triplets above the limit change
    excess = (values[above] - calmed)[:, None] * right[above]
    calm: Tensor = delta - left[:, above] @ excess
    return calm


@contextmanager
def restrained(model: EditableModel, layers: Sequence[int], log_base: float, on_top: bool = False) -> Iterator[Scorer]:
    """The model with its accumulated updates restrained; the raw weights return when the context closes.

    A model whose weights are not finite has no singular values, and is shown as it is.

    Args:
        model: the edited model.
        layers: edited layers.
        log_base: a.
        on_top: add the restrained update to the edited weights, as the released driver does.
    """
    if not model.is_finite():
        yield model
        return
    raw = {layer: model.weight(layer).clone() for layer in layers}
    try:
        for layer, weight in raw.items():
            original = model.original(layer)
            calmed = restrain(original, weight - original, log_base)
            model.set_weight(layer, (weight if on_top else original) + calmed)
        yield model
    finally:
        for layer, weight in raw.items():
            model.set_weight(layer, weight)


def build(config: Config) -> Method:
    """PRUNE as described above."""
    deploy = partial(restrained, log_base=config.log_base)
    return LocateThenEdit(config, Ridge(config.moment_weight), deploy=deploy)

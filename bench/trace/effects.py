"""What traces come to: the effect of MLPs at the subject's last token, and the layers that it advises to edit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.trace.prompts import KINDS, MLP, Prompt, Traced

MOST_EDITED = 5
"""Layers that the published hyperparameters of 7B and 8B models edit."""


def mlp_effects(prompts: Sequence[Prompt], traced: Sequence[Traced]) -> Tensor:
    """Indirect effect of the MLPs at the subject's last token, mean over facts [L]."""
    number = KINDS.index(MLP)
    effects = [t.scores[number, p.stop - 1 - p.first] - t.low for p, t in zip(prompts, traced, strict=True)]
    return torch.stack(effects).mean(0)


def layers_to_edit(effects: Sequence[float]) -> list[int]:
    """The layers to edit: around the peak of the MLPs' effect [L] at the subject's last token.

    From the peak on, whichever neighbour has more effect is added while that is at least half of the peak's, up to
    `MOST_EDITED` layers. As in MEMIT they are a range without gaps. Empty where nothing has a positive effect.
    """
    peak = max(range(len(effects)), key=effects.__getitem__)
    if not effects[peak] > 0:
        return []
    low = high = peak
    while high - low + 1 < MOST_EDITED:
        beside = [i for i in (low - 1, high + 1) if 0 <= i < len(effects) and effects[i] >= effects[peak] / 2]
        if not beside:
            break
        best = max(beside, key=effects.__getitem__)
        low, high = min(low, best), max(high, best)
    return list(range(low, high + 1))

"""Norm-Anchor Scaling (NAS): values stay as long as they are on the unedited model (Liu et al., arXiv 2602.02543).

Edits make weights larger, larger weights make the values found next longer, and so on. What an edit writes is v* = v0 +
delta, v0 the output of the layer's projection at the bare prompt. NAS gives it the norm m that such vectors have on the
unedited model: v* <- m v* / |v*|, shorter ones too, and where |v*| > 2 m the edit is dropped: v* = v0. The target is
z = h0 - v0 + v*, with a norm between as in `bench.model.carrying`.

m is measured before the first edit: values of facts that are neither edited nor asked are optimised with the method's
own options on bare prompts, and |v*| is averaged without the longest 5 %. Released code (SasyaTitech/NAS,
``NAS/compute_z.py``, ``util/vstar_stats.py``): one m, of 1,000 English CounterFact facts, with MEMIT's options; here
one m for every language that is edited, of the data set's practice facts. The paper's abstract has the scaling alone;
dropping and the 5 % are the code's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from bench.api import EditRequest
from bench.ground.errors import BenchError
from bench.model.carrying import change
from bench.model.editable import EditableModel
from methods._locate.prompts import check_lengths, prompt_sets
from methods._locate.values import ValueConfig, Values, optimise_values

LONGEST = 0.05
"""Share of the measured norms that is left out, from above."""

FACTOR = 2.0
"""Times the anchor: a longer value is dropped."""


def anchor_of(
    model: EditableModel,
    requests: Sequence[EditRequest],
    layer: int,
    config: ValueConfig,
    end_of_text: bool = False,
    at: Literal["block", "projection"] = "block",
) -> float:
    """The anchor m of one language.

    Args:
        model: unedited.
        requests: facts of one language that are neither edited nor asked.
        layer: where values are found.
        config: as for the edits.
        end_of_text: follows every target.
        at: see `optimise_values`.

    Raises:
        BenchError: the norms are not finite, or all 0.
    """
    sets = prompt_sets(model.tokens, requests, {request.lang: () for request in requests}, end_of_text)
    check_lengths(sets, model.context_length)
    norm = float(trimmed_mean(optimise_values(model, sets, layer, config, at).written.norm(dim=1)))
    if not 0 < norm < math.inf:
        raise BenchError(f"values of practice facts in {requests[0].lang!r} have no norm that edits could be scaled to")
    return norm


def trimmed_mean(norms: Tensor) -> Tensor:
    """Mean without the longest `LONGEST`, rounded down."""
    return norms.sort().values[: len(norms) - int(LONGEST * len(norms))].mean()


def anchored(
    values: Values, requests: Sequence[EditRequest], anchors: Mapping[str, float], norm: nn.Module | None = None
) -> tuple[Values, dict[str, float]]:
    """Values whose v* have the norm of their language's anchor, or are dropped.

    Args:
        values: as found.
        requests: whose they are.
        anchors: m by language.
        norm: between v* and where the targets lie; see `bench.model.carrying`.

    Returns:
        The values to write, and what is to be told of them: the share that was ``dropped``, the mean |v*| / m as
        ``stretch``.
    """
    found = values.written
    wanted = torch.tensor([anchors[request.lang] for request in requests]).to(found)
    norms = found.norm(dim=1)
    dropped = norms > FACTOR * wanted
    scaled = found * (wanted / norms.clamp_min(torch.finfo(norms.dtype).tiny))[:, None]
    kept = torch.where(dropped[:, None], values.outputs, scaled)
    told = {"dropped": float(dropped.float().mean()), "stretch": float((norms / wanted).mean())}
    moved = change(norm, values.outputs, kept - values.outputs)
    return replace(values, targets=values.initial + moved, written=kept), told

"""Hyperparameters by ratio instead of by search: what the published ones are to their models, at this model's scale.

Nothing is searched and no score is looked at; layers are those that the causal trace advises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import yaml

from bench.model.editable import EditableModel
from bench.polyglot.abilities import editability
from bench.polyglot.mechanism import KEPT, spectra
from bench.polyglot.spaces import ANCHORED, VALUES
from bench.polyglot.trials import SLACK

IDENTITY = 0.4
"""l2 / ||P k||^2 of AlphaEdit's 10; LangEdit's Eq. 10 has 1, a tenth of it."""

CLAMPS = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
"""From the published 0.75 to 4: the smallest with which values of `REACHED` of the edits say their targets."""

REACHED = 0.9

LOG_BASE, KEEP, PRIOR = 2.718281828459045, 0.4, 100_000
"""Of PRUNE, RECT and LangEdit, as published."""

NORM, PROBABLE = 2, 2
"""lambda_n of ENCORE, 20 to AlphaEdit's l2 of 10, which stands at the same place; its evaluations, as published."""

PRINCIPAL = 0.5
"""Of SPHERE, both of its options, as published."""

EMMET = 100_000 / 16_384
"""lambda / m of EMMET, as published for GPT-J."""

HEADER = """\
# The embedded model, by the ratios of the published hyperparameters: lambda / m = 1, {kept:.0%} of the directions kept,
# l2 = {identity} ||P k||^2 (LangEdit as written: a tenth, its 1 to AlphaEdit's 10), the same layers and clamp for all.
# Written by `make tune-polyglot` from the model's spectrum; no score was looked at. ROME has no such ratio, but layer
# and clamp of the others; FT has none and keeps its tuned values. Other constants are as published, but for context
# prefixes, which change nothing here and take three times as long (see bench/polyglot/spaces.py).
"""


def scale_free(model: EditableModel, layers: Sequence[int], ft: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Options by method.

    Args:
        model: unedited.
        layers: to edit.
        ft: fine-tuning's options.
    """
    found = spectra(model, layers)
    values = {name: choices[0] for name, choices in VALUES.items() if len(choices) == 1}
    ridge = {**values, "layers": list(layers), "moment_weight": model.hf.config.intermediate_size}
    family = {**ridge, "clamp": smallest_clamp(model, ridge)}
    null = {name: value for name, value in family.items() if name != "moment_weight"}
    null |= {"threshold": _rounded(fmean(each.threshold for each in found.values()))}
    l2 = IDENTITY * fmean(each.norm for each in found.values())
    rome = {**values, "clamp": family["clamp"], "layer": layers[-1], "use_moment": True}
    langedit = {**null, "l2": _rounded(l2 / 10), "prior": PRIOR}
    return {
        "none": {},
        "ft": dict(ft),
        "rome": rome,
        "memit": family,
        "prune": {**family, "log_base": LOG_BASE},
        "rect": {**family, "keep": KEEP},
        "alphaedit": {**null, "l2": _rounded(l2)},
        "langedit": langedit,
        "prune-released": {**family, "log_base": LOG_BASE},
        "langedit-released": {**null, "l2": _rounded(l2)},
        **_newer(family, {**null, "l2": _rounded(l2)}, l2),
    }


def _newer(ridge: Mapping[str, Any], null: Mapping[str, Any], l2: float) -> dict[str, dict[str, Any]]:
    """Those of the newer methods, from MEMIT's and AlphaEdit's; the published l2 of SPHERE is 1, as LangEdit's."""
    anchored = {name: choices[0] for name, choices in ANCHORED.items()}
    return {
        "memit-seq": dict(ridge),
        "memit-seq-nas": {**ridge, **anchored},
        "alphaedit-nas": {**null, **anchored},
        "encore": {**ridge, "norm_weight": _rounded(NORM * l2), "probable": PROBABLE},
        "sphere": {**null, "l2": _rounded(l2 / 10), "energy": PRINCIPAL, "strength": PRINCIPAL},
        "emmet": {**ridge, "moment_weight": _rounded(EMMET * ridge["moment_weight"]), "slack": SLACK},
    }


def smallest_clamp(model: EditableModel, options: Mapping[str, Any]) -> float:
    """The smallest of `CLAMPS` that lets values be found in every language; the largest if none does."""
    for clamp in CLAMPS:
        if min(editability(model, options={**options, "clamp": clamp})["reached"].values()) >= REACHED:
            return clamp
    return CLAMPS[-1]


def text(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """The hyperparameter file."""
    body = (
        yaml.safe_dump({name: dict(each)}, sort_keys=False, default_flow_style=None, width=100)
        for name, each in settings.items()
    )
    return HEADER.format(kept=KEPT, identity=IDENTITY) + "\n" + "\n".join(body)


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")

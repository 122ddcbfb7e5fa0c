"""The published hyperparameters, value by value, as the methods sheet and the released files have them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.config.registry import methods
from bench.config.settings import hyperparameters
from tests.plan.trained_values import TRAINED

TEN, ROME_TEXTS = [[10, 1]], [[5, 2], [10, 2]]
"""Five texts of ten tokens, one per seed word; ten of five tokens and ten of ten, two per seed word."""

# AlphaEdit repository, hparams/MEMIT (also RECT and PRUNE) and hparams/AlphaEdit, EleutherAI_gpt-j-6B.json
GPT_J = {
    "layers": [3, 4, 5, 6, 7, 8], "value_steps": 25, "value_lr": 0.5, "value_decay": 0.5, "clamp": 0.75,
    "kl_weight": 0.0625, "prefix_lengths": TEN,
}  # fmt: skip

# the same, Llama3-8B.json; LangEdit's first commit has the same AlphaEdit file
LLAMA = {
    "layers": [4, 5, 6, 7, 8], "value_steps": 25, "value_lr": 0.1, "value_decay": 0.5, "clamp": 0.75,
    "kl_weight": 0.0625, "prefix_lengths": TEN,
}  # fmt: skip

# EasyEdit, hparams/MEMIT and hparams/AlphaEdit, qwen2.5-7b.yaml; value_lr after the LangEdit paper (EasyEdit: 0.5)
QWEN = {
    "layers": [4, 5, 6, 7, 8], "value_steps": 25, "value_lr": 0.1, "value_decay": 1e-3, "clamp": 4,
    "kl_weight": 0.0625, "prefix_lengths": TEN,
}  # fmt: skip

# hparams/ROME of the same repositories: mom2_adjustment is true for GPT-J alone
ROME = {
    "layer": 5, "value_steps": 25, "value_lr": 0.5, "value_decay": 1e-3, "clamp": 4, "kl_weight": 0.0625,
    "prefix_lengths": ROME_TEXTS, "use_moment": False,
}  # fmt: skip

ROME_GPT_J = {**ROME, "value_steps": 20, "value_decay": 0.5, "use_moment": True}

# hparams/FT of the same repositories: no norm constraint, targets at the prompt's last position
FT = {
    "layer": 21, "steps": 25, "lr": 5e-4, "weight_decay": 0, "norm_constraint": None, "batch_size": 64,
    "objective": "prompt_last",
}  # fmt: skip

# EasyEdit, hparams/MEND of all three models; its iterations hold one edit, ten of them are a step of Adam
MEND = {
    "practice": "all", "training_steps": 10_000, "edits_per_step": 10, "unrelated": 1, "c_edit": 0.1, "c_loc": 1,
    "lr": 1e-6, "validate_every": 100, "patience": 20, "rank": 1920, "edit_rate": 1e-4, "rate_lr": 1e-6,
    "divided": False,
}  # fmt: skip


def published(
    family: dict[str, Any], l2: float, rome: dict[str, Any], ft: dict[str, Any], last: list[int]
) -> dict[str, Any]:
    """The options of all methods of one model.

    Args:
        family: what those that optimise values at several layers share.
        l2: AlphaEdit's.
        rome: of ROME.
        ft: of FT.
        last: layers that MEND edits.
    """
    memit = {**family, "moment_weight": 15000}
    null_space = {**family, "threshold": 0.02, "l2": l2}
    pruned = {**memit, "log_base": math.e}  # PRUNE repository, "log"; AlphaEdit experiments/evaluate.py
    return {
        "none": {},
        "ft": ft,
        "rome": rome,
        "memit": memit,
        "prune": pruned,
        "prune-released": pruned,
        "rect": {**memit, "keep": 0.4},  # memit_rect_main.py, k_percent 40
        "alphaedit": null_space,
        "langedit": {**null_space, "l2": 1, "prior": 100_000},  # LangEdit paper, Eq. 10 and 4
        "langedit-released": null_space,
        "mend": {**MEND, "layers": last},
    }


PUBLISHED = {
    "gpt-j-6b": published(
        GPT_J, 10, {**ROME, "value_steps": 20, "value_decay": 0.5, "use_moment": True}, FT, [25, 26, 27]
    ),
    "llama3-8b": published(LLAMA, 10, ROME, FT, [29, 30, 31]),
    "qwen2.5-7b": published(QWEN, 1, ROME, {**FT, "layer": 27, "batch_size": 1}, [25, 26, 27]),
}
for _model, _values in TRAINED.items():
    PUBLISHED[_model] |= _values


# SasyaTitech/NAS, hparams/MEMOIR: two of the models; Qwen's are a guess from Llama's
MEMOIR = {"lr": 1.0, "overlap": 0.4, "prefix_lengths": [[5, 1], [10, 1]]}

# EasyEdit, hparams/GRACE: gpt-j-6b, llama-7b, qwen2.5-7b
GRACE = {"lr": 1.0, "radius": 1.0}

PUBLISHED["gpt-j-6b"] |= {
    "retrieval": {"block": 27, "pooling": "last", "stray": 0.01},
    "memoir": {**MEMOIR, "layer": 21, "steps": 70, "top_k": 4096, "overlap": 0.46},
    "grace": {**GRACE, "layer": 25, "steps": 200},
}
PUBLISHED["llama3-8b"] |= {
    "retrieval": {"block": 31, "pooling": "last", "stray": 0.01},
    "memoir": {**MEMOIR, "layer": 27, "steps": 30, "top_k": 4096},
    "grace": {**GRACE, "layer": 27, "steps": 50},
}
PUBLISHED["qwen2.5-7b"] |= {
    "retrieval": {"block": 27, "pooling": "last", "stray": 0.01},
    "memoir": {**MEMOIR, "layer": 23, "steps": 30, "top_k": 5412},
    "grace": {**GRACE, "layer": 18, "steps": 50},
}


@pytest.mark.parametrize(
    ("model", "method"), [(model, method) for model, options in PUBLISHED.items() for method in options]
)
def test_published_values(model: str, method: str) -> None:
    found = hyperparameters(model, methods())
    assert found.keys() >= PUBLISHED[model].keys()  # newer methods: test_hparams_sequential
    assert found[method] == PUBLISHED[model][method]


def test_langedit_releases_no_values_that_differ_from_alphaedit() -> None:
    for model in PUBLISHED:
        found = hyperparameters(model, methods())
        assert found["langedit-released"] == found["alphaedit"]

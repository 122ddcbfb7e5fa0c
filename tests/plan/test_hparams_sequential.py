"""The hyperparameters of MEMIT's and AlphaEdit's newer relatives: published ones, and those that are guesses."""

from __future__ import annotations

import math

import pytest

from bench.config.registry import methods
from bench.config.settings import hyperparameters

MODELS = ("gpt-j-6b", "llama3-8b", "qwen2.5-7b")

# scalable-model-editing/encore, hparams/ENCORE and hparams/EMMET; none for Qwen
VALUE_LR = {"gpt-j-6b": 0.5, "llama3-8b": 0.5, "qwen2.5-7b": 0.1}

# EasyEdit, hparams/SPHERE
SPHERE_L2 = {"gpt-j-6b": 10, "llama3-8b": 1, "qwen2.5-7b": 1}


@pytest.mark.parametrize("model", MODELS)
def test_relatives_differ_in_nothing_but_their_own_options(model: str) -> None:
    found = hyperparameters(model, methods())
    memit, null = found["memit"], found["alphaedit"]
    assert found["memit-seq"] == memit
    assert found["memit-seq-nas"] == {**memit, "anchor_facts": 1000}  # NAS_hparams.py, nas_restart
    assert found["alphaedit-nas"] == {**null, "anchor_facts": 1000}
    assert found["rect-seq"] == {**memit, "keep": 0.4}
    assert found["prune-seq"] == {**memit, "log_base": math.e}
    value_lr = {"value_lr": VALUE_LR[model]}
    assert found["encore"] == {**memit, **value_lr, "norm_weight": 20, "probable": 2}
    assert found["emmet"] == {**memit, **value_lr, "layers": [5], "moment_weight": 100_000, "slack": 0.1}
    assert found["sphere"] == {**null, "l2": SPHERE_L2[model], "energy": 0.5, "strength": 0.5}


def test_the_embedded_model_has_values_for_all_of_them() -> None:
    found = hyperparameters("polyglot-tiny", methods())
    assert {"memit-seq", "memit-seq-nas", "alphaedit-nas", "rect-seq", "prune-seq"} <= found.keys()
    assert {"encore", "sphere", "emmet"} <= found.keys()

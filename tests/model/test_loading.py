"""Weights that are not those of the model are refused by their names; the library would draw what is lacking."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.ground.errors import BenchError, WeightsError
from bench.model.loading import load_editable
from bench.model.tiny import tiny_model

Weights = dict[str, torch.Tensor]
DOWN = "model.layers.1.mlp.down_proj.weight"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved("llama", tmp_path_factory.mktemp("plain"))


def saved(architecture: str, folder: Path) -> Path:
    model = tiny_model(architecture)
    model.hf.save_pretrained(folder)
    model.tokens.tokenizer.save_pretrained(folder)
    return folder


def load(plain: Path, folder: Path, change: Callable[[Weights], Weights]) -> None:
    shutil.copytree(plain, folder, dirs_exist_ok=True)
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})
    load_editable(str(folder), "float32", "cpu", folder)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            lambda found: {f"base_model.model.{key}": each for key, each in found.items()},
            ["lack", "lm_head.weight", "no place for", "base_model.model.model.embed_tokens.weight", "more"],
        ),
        (lambda found: {key: each for key, each in found.items() if key != DOWN}, ["lack", DOWN]),
        (lambda found: {**found, "model.layers.9.mlp.up_proj.weight": torch.ones(2)}, ["no place", "layers.9.mlp"]),
        (lambda found: {**found, DOWN: found[DOWN][:-1].clone()}, ["another size", DOWN]),
    ],
    ids=["prefixed", "missing", "unexpected", "mismatched"],
)
def test_weights_of_another_model_are_refused(plain, tmp_path, change, parts):
    with pytest.raises(WeightsError) as caught:
        load(plain, tmp_path / "model", change)
    assert all(part in str(caught.value) for part in (str(tmp_path / "model"), *parts)), caught.value
    assert "\n" not in str(caught.value)


def test_what_old_checkpoints_hold_besides_is_no_fault(plain, tmp_path):
    """Llama's frequencies were saved once."""
    load(plain, tmp_path, lambda found: {**found, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})


def test_masks_of_old_checkpoints_are_no_fault(tmp_path):
    """GPT-J's causal masks were saved once."""
    more = {f"transformer.h.0.attn.{name}": torch.ones(1) for name in ("bias", "masked_bias")}
    load(saved("gptj", tmp_path / "plain"), tmp_path / "model", lambda found: {**found, **more})


@pytest.mark.parametrize("architecture", ["gpt2", "bloom"])
def test_a_tied_head_need_not_be_there(tmp_path, architecture):
    folder = saved(architecture, tmp_path)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    load_editable(str(folder), "float32", "cpu", tmp_path)


def test_the_embedded_model_is_whole(tmp_path):
    assert load_editable("polyglot-tiny", "float32", "cpu", tmp_path).n_layers


def test_an_unsupported_family_is_told_before_its_weights_are_read(plain, tmp_path):
    folder = shutil.copytree(plain, tmp_path / "model")
    text = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(text.replace('"llama"', '"gemma"').replace("LlamaFor", "GemmaFor"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(BenchError, match=r"GemmaForCausalLM.*LlamaForCausalLM.*bench/model/archs\.py") as caught:
        load_editable(str(folder), "float32", "cpu", tmp_path)
    assert "did you mean" not in str(caught.value)

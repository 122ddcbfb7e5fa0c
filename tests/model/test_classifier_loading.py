"""Classifiers from their folders, and those that cannot be taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bench.ground.errors import BenchError
from bench.model.catalog import check_family
from bench.model.encoder import EncoderModel
from bench.model.loading import load_pretrained, view_of
from bench.model.tiny import CLASSIFIERS, tiny_classifier


def saved(architecture: str, folder: Path) -> Path:
    model = tiny_classifier(architecture)
    model.hf.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("architecture", CLASSIFIERS)
def test_a_folder_is_the_classifier_that_was_saved(architecture: str, tmp_path: Path) -> None:
    folder = saved(architecture, tmp_path / "model")
    check_family(str(folder), tmp_path)
    hf, tokenizer = load_pretrained(str(folder), "float32", "cpu", tmp_path)
    view = view_of(hf, tokenizer)
    assert isinstance(view, EncoderModel) == (architecture != "bloom")
    assert view.answers(["One."], ["true"]) == tiny_classifier(architecture).answers(["One."], ["true"])


def test_a_classifier_with_three_logits_is_refused(tmp_path: Path) -> None:
    model = tiny_classifier("bert")
    config = model.hf.config
    config.id2label, config.label2id = {0: "a", 1: "b", 2: "c"}, {"a": 0, "b": 1, "c": 2}
    hf = type(model.hf)(config)
    with pytest.raises(BenchError, match="2 labels, this one has 3"):
        view_of(hf, model.tokenizer)


@pytest.mark.parametrize("saved_as", ["BertModel", "BertForMaskedLM"])
def test_an_encoder_without_a_head_is_refused(saved_as: str, tmp_path: Path) -> None:
    folder = saved("bert", tmp_path / "model")
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architectures": [saved_as]}))
    with pytest.raises(BenchError, match="no head that classifies"):
        check_family(str(folder), tmp_path)
    with pytest.raises(BenchError, match="no head that classifies"):
        load_pretrained(str(folder), "float32", "cpu", tmp_path)


def test_a_head_that_was_never_trained_is_refused(tmp_path: Path) -> None:
    """The library would draw one."""
    from safetensors.torch import load_file, save_file

    folder = saved("bert", tmp_path / "model")
    weights: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    rest = {name: each for name, each in weights.items() if not name.startswith("classifier")}
    save_file(rest, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BenchError, match=r"lack parameters of the model: classifier\.bias"):
        load_pretrained(str(folder), "float32", "cpu", tmp_path)

"""A delta gives the edited model back bit by bit, and only to the weights that it was made for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from bench.export import delta
from bench.ground.errors import BenchError, WeightsError
from tests.export.conftest import Edited, base, halved, logits, reloaded

MATRIX = "model.layers.1.mlp.down_proj.weight"


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gptj", "bloom", "opt", "gemma3"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_logits_come_back_bit_by_bit(tmp_path: Path, architecture: str, dtype: str) -> None:
    edited = Edited.make(architecture, dtype)
    before = edited.logits()
    edited.take(tmp_path / "out")
    again = logits(reloaded(edited, tmp_path / "out"))
    assert torch.equal(again, before)
    assert not torch.equal(again, logits(base(edited)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_of_less_precision_the_edit_is_kept_as_it_was_made(tmp_path: Path, dtype: str) -> None:
    edited = Edited.make(dtype=dtype)
    edited.take(tmp_path / "out")
    (kept,) = delta.read(tmp_path / "out").values.values()
    assert kept.dtype == torch.float32
    assert torch.equal(kept, edited.work.model.master(MATRIX))
    assert not torch.equal(kept, edited.work.model.parameter(MATRIX).float())


def test_what_is_deployed_is_taken_and_the_model_stays_as_it_was(tmp_path: Path) -> None:
    edited = Edited.make(deploy=halved)
    raw = edited.logits()
    with halved(edited.work.model):
        deployed = edited.logits()
    edited.take(tmp_path / "out")
    assert torch.equal(logits(reloaded(edited, tmp_path / "out")), deployed)
    assert torch.equal(edited.logits(), raw)
    assert not torch.equal(raw, deployed)


def test_it_holds_the_changed_matrices_only_and_says_how_they_came(tmp_path: Path, edited: Edited) -> None:
    edited.work.model.weight(2)  # looked at, and so counted as edited, but not changed
    edited.take(tmp_path / "out")
    found = delta.read(tmp_path / "out")
    assert list(found.values) == [MATRIX]
    assert set(found.base.matrices) == {MATRIX}
    assert found.base.model == "polyglot-tiny" and found.base.dtype == "float32"
    assert found.about["method"] == "pushing" and found.about["options"] == {"layer": 1}
    assert (found.about["facts"], found.about["facts_hash"]) == (2, "f" * 32)
    assert {"torch", "transformers"} <= set(found.about["packages"])
    with safe_open(tmp_path / "out" / delta.FILE, framework="pt") as file:
        assert "/" not in json.dumps({k: v for k, v in file.metadata().items() if k != "format"})


@pytest.mark.parametrize("changed", [MATRIX, "model.layers.0.mlp.up_proj.weight", "lm_head.weight"])
def test_other_weights_are_refused_and_stay_as_they_are(tmp_path: Path, edited: Edited, changed: str) -> None:
    edited.take(tmp_path / "out")
    other = base(edited)
    with torch.no_grad():
        other.get_parameter(changed)[0, 0] += 1e-3
    before = logits(other)
    with pytest.raises(WeightsError, match="belongs to other weights than those of 'mine'") as caught:
        delta.read(tmp_path / "out").apply(other, "mine")
    assert str(caught.value).count("\n") == 0
    assert (MATRIX in str(caught.value)) == (changed == MATRIX)
    assert torch.equal(logits(other), before)


def test_a_model_of_another_kind_or_precision_is_refused(tmp_path: Path, edited: Edited) -> None:
    edited.take(tmp_path / "out")
    for other in (Edited.make("gpt2"), Edited.make(dtype="bfloat16")):
        with pytest.raises(WeightsError, match="other weights"):
            delta.read(tmp_path / "out").apply(base(other), "mine")


def test_a_file_that_is_none_or_was_altered_is_named(tmp_path: Path, edited: Edited) -> None:
    with pytest.raises(BenchError, match=r"delta.safetensors: no such file"):
        delta.read(tmp_path)
    edited.take(tmp_path / "out")
    path = tmp_path / "out" / delta.FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BenchError, match=r"delta.safetensors: torn or altered"):
        delta.read(tmp_path / "out")

"""Random models by shape: the published sizes, cuts, isolation from the global random state."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.ground.errors import BenchError
from bench.model import catalog
from bench.model.shapes import SHAPES, embedded_tokenizer, published_size, random_model, weight_bytes
from bench.model.sizes import ModelSize, size_of_folder
from bench.polyglot.tokenizer import VOCABULARY
from methods._locate.prefixes import generate_prefixes

PARAMETERS = {
    "llama3-8b": 8_030_261_248,
    "qwen2.5-7b": 7_615_616_512,
    "gpt-j-6b": 6_050_882_784,
    "smollm2-135m": 134_515_008,
    "gemma3-270m": 268_098_176,
    "released-tiny": 8_201_472,
}
"""As their publishers count them; the last is our own."""


def test_shapes_have_the_published_sizes() -> None:
    assert {name: weight_bytes(name, dtype="bfloat16") // 2 for name in SHAPES} == PARAMETERS


@pytest.mark.parametrize("name", ["released-tiny", "smollm2-135m"])
def test_published_sizes_are_those_of_files(name: str, tmp_path: Path) -> None:
    random_model(name, dtype="bfloat16").hf.save_pretrained(tmp_path)
    # what is tied is stored once, and counted once
    assert published_size(name) == size_of_folder(tmp_path)


def test_a_known_model_that_is_not_there_has_its_published_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "_snapshot", lambda _: None)
    found = catalog.size("gpt-j-6b", tmp_path)
    assert found == ModelSize(6_050_882_784, 28, 4096, 16384, 50400, 2048, 4096)
    llama = catalog.size("llama3-8b", tmp_path)
    assert llama == ModelSize(8_030_261_248, 32, 4096, 14336, 128256, 8192, 1024)


def test_the_predicted_bytes_are_those_of_the_model() -> None:
    model = random_model("released-tiny", 3, "bfloat16")
    assert sum(p.numel() * p.itemsize for p in model.hf.parameters()) == weight_bytes("released-tiny", 3, "bfloat16")
    assert {p.dtype for p in model.hf.parameters()} == {torch.bfloat16}
    assert model.n_layers == 3


def test_a_model_is_drawn_from_its_seed_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (random_model("released-tiny", 2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(first.weight(1), again.weight(1))
    assert not torch.equal(first.weight(1), other.weight(1))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_a_cut_keeps_the_first_blocks() -> None:
    whole, cut = random_model("released-tiny"), random_model("released-tiny", 2)
    assert torch.equal(whole.weight(1), cut.weight(1))
    assert whole.fingerprint != cut.fingerprint


def test_embeddings_are_tied_where_the_shape_says_so() -> None:
    model = random_model("released-tiny", 1)
    assert model.head.weight is model.hf.get_input_embeddings().weight


def test_a_small_vocabulary_cuts_the_tokenizer() -> None:
    tokenizer = embedded_tokenizer(1300)
    text = "Die Hauptstadt von 东国 ist"
    ids = tokenizer(text)["input_ids"]
    assert len(tokenizer) == 1300
    assert ids[0] == tokenizer.bos_token_id == 0
    assert max(ids) < 1300
    assert tokenizer.decode(ids[1:]) == text
    assert len(embedded_tokenizer(128_256)) == VOCABULARY


def test_prefixes_are_texts_though_the_vocabulary_is_larger_than_the_tokenizer() -> None:
    model = random_model("smollm2-135m", 1, "bfloat16")
    prefixes = generate_prefixes(model, "en", [(10, 1)], torch.Generator().manual_seed(0))
    assert all(len(row) >= 8 for row in model.tokens.prompts(prefixes))


@pytest.mark.parametrize(("name", "layers"), [("llama9", None), ("released-tiny", 0), ("released-tiny", 9)])
def test_what_does_not_exist_is_refused(name: str, layers: int | None) -> None:
    with pytest.raises(BenchError):
        random_model(name, layers)

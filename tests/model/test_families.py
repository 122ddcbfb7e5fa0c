"""Every family beside the library's own forward pass: logits, positions, attention, sizes; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import OPTConfig, OPTForCausalLM

from bench.ground.errors import BenchError
from bench.model import tiny
from bench.model.catalog import check_family
from bench.model.editable import EditableModel
from bench.model.sizes import size_of_folder
from bench.model.tiny import tiny_model
from tests.tinyworld import tiny_requests

FAMILIES = [*tiny.ARCHITECTURES, "qwen3", "mistral", "bloom", "falcon-alibi"]


@torch.no_grad()
def alone(model: EditableModel, row: list[int]) -> torch.Tensor:
    """Logits of one row by the library, which gets no mask and no positions."""
    return model.hf(input_ids=torch.tensor([row])).logits[0]


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_logits_are_those_of_the_library(family: str) -> None:
    """Of whole rows and of row ends, padded on both sides and longer than a window, under the attention of passes."""
    model = tiny_model(family)
    rows = model.tokens.prompts([r.text for r in tiny_requests()])
    assert max(map(len, rows)) > tiny.WINDOW
    starts = [len(row) // 2 - i for i, row in enumerate(rows)]
    whole, ends = model.begin(rows), model.begin_at(rows, starts)
    real = ends.mask[:, -ends.embedded.shape[1] :].flatten().nonzero()[:, 0]
    found = whole.run(whole.embedded, 0, model.n_layers)
    cut = ends.run(ends.embedded, 0, model.n_layers, only=real)
    said = model.said([row[:3] for row in rows], [row[3:] for row in rows]).logits
    for i, (row, start) in enumerate(zip(rows, starts, strict=True)):
        expected = alone(model, row)
        torch.testing.assert_close(model.logits(found[i, : len(row)]), expected, atol=5e-5, rtol=1e-4)
        torch.testing.assert_close(model.logits(cut[i, : len(row) - start]), expected[start:], atol=5e-5, rtol=1e-4)
        of_row = said[sum(len(each) - 3 for each in rows[:i]) :][: len(row) - 3]
        torch.testing.assert_close(of_row, expected[2:-1], atol=5e-5, rtol=1e-4)


def test_a_cap_on_logits_is_kept() -> None:
    model = tiny_model("gemma2")
    cap = model.hf.config.final_logit_softcapping
    row = model.tokens.prompts(["Of Ruritania"])[0]
    model.hf.config.final_logit_softcapping = None
    bare = alone(model, row)
    scale = 20 * cap / float(bare.abs().max())
    model.head.weight.data *= scale
    hidden = model.begin([row])
    capped = model.logits(hidden.run(hidden.embedded, 0, model.n_layers)[0])
    assert float(capped.abs().max()) <= cap * (1 + 1e-6)
    assert not torch.allclose(capped, alone(model, row))


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_are_read_from_the_files(family: str, tmp_path: Path) -> None:
    model = tiny_model(family)
    model.hf.save_pretrained(tmp_path)
    found = size_of_folder(tmp_path)
    assert found.parameters == sum(p.numel() for p in model.hf.parameters())
    assert (found.layers, found.width, found.context) == (model.n_layers, tiny.WIDTH, model.context_length)
    assert found.inner == model.weight(0).shape[1]
    assert found.heads == kept_width(model)


def kept_width(model: EditableModel) -> int:
    """Numbers that a token leaves in the cache of keys of a block."""
    cache = model.hf(input_ids=torch.tensor([[1, 2]]), use_cache=True).past_key_values
    keys = cache.layers[0].keys
    return keys.shape[1] * keys.shape[3]


def test_the_matrices_of_a_block_without_mlp_keep_their_names() -> None:
    model = tiny_model("opt")
    fresh = OPTForCausalLM(OPTConfig(**model.hf.config.to_dict()))
    assert list(model.hf.state_dict()) == list(fresh.state_dict())
    assert [name for name, _ in model.hf.named_parameters()] == [name for name, _ in fresh.named_parameters()]
    fresh.load_state_dict(model.hf.state_dict())
    row = torch.tensor([[5, 6, 7, 8]])
    torch.testing.assert_close(model.hf(row).logits, fresh.eval()(row).logits)
    again = EditableModel(model.hf, model.tokenizer)
    torch.testing.assert_close(again.hf(row).logits, fresh(row).logits)


# ---------------------------------------------------------------------------- refused
def refused(folder: Path, config: dict[str, object]) -> str:
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BenchError) as caught:
        check_family(str(folder), folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "architecture", "experts"),
    [
        ("qwen3_moe", "Qwen3MoeForCausalLM", {"num_experts": 128}),
        ("mixtral", "MixtralForCausalLM", {"num_local_experts": 8}),
        ("deepseek_v3", "DeepseekV3ForCausalLM", {"n_routed_experts": 256}),
        ("olmoe", "OlmoeForCausalLM", {"num_experts": 64}),
        ("llama4", "Llama4ForConditionalGeneration", {"text_config": {"num_local_experts": 16}}),
    ],
)
def test_a_mixture_of_experts_is_refused_as_one(
    kind: str, architecture: str, experts: dict[str, object], tmp_path: Path
) -> None:
    told = refused(tmp_path, {"model_type": kind, "architectures": [architecture], **experts})
    assert "mixture of experts" in told and "dense model" in told


def test_a_dense_model_may_say_that_it_has_no_experts(tmp_path: Path) -> None:
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_experts": 0, "num_local_experts": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert check_family(str(tmp_path), tmp_path) is False


def test_a_norm_on_the_stream_itself_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, {"model_type": "opt", "architectures": ["OPTForCausalLM"], "do_layer_norm_before": False})
    assert "OPTForCausalLM" in told and "do_layer_norm_before" in told

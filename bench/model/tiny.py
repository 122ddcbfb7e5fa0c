"""Tiny random models and a byte tokenizer, built in memory: what `bench check` and the tests edit."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BloomConfig,
    BloomForCausalLM,
    BloomForSequenceClassification,
    FalconConfig,
    FalconForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPTJConfig,
    GPTJForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Olmo2Config,
    Olmo2ForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from bench.model.archs import arch_of
from bench.model.editable import EditableModel
from bench.model.encoder import EncoderModel

BOS = "<|bos|>"
WIDTH, DEPTH, HEADS, FEED_FORWARD, CONTEXT = 32, 4, 4, 64, 128

ARCHITECTURES = (
    "llama", "qwen2", "gptj", "gpt2", "gemma2", "gemma3", "olmo2", "phi3", "gptneox", "falcon", "opt"
)  # fmt: skip
"""What `bench check` runs on; `tiny_model` knows mistral, qwen3, bloom and falcon-alibi besides."""

WINDOW = 8
"""Tokens that a layer of few sees, where a family has such layers."""

CLASSIFIERS = ("bert", "xlm-roberta", "bloom")
"""What `tiny_classifier` knows."""

LABELS = ("false", "true")


def byte_tokenizer(bos: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of 257 entries; one token per byte of UTF-8, with or without an automatic BOS."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {BOS: 0, **{letter: i + 1 for i, letter in enumerate(alphabet)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=BOS)


def tiny_model(
    architecture: str, seed: int = 0, bos: bool = True, dtype: str = "float32", device: str = "cpu"
) -> EditableModel:
    """A random model of four blocks, width 32, with a byte tokenizer.

    Args:
        architecture: see `ARCHITECTURES`.
        seed: of the weights; the global random state is left as it was.
        bos: whether the tokenizer puts a BOS in front.
        dtype: of the weights.
        device: where they lie.
    """
    build, configure, arguments = _kinds()[architecture]
    tokenizer = byte_tokenizer(bos)
    special = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
    config = configure(vocab_size=len(tokenizer), initializer_range=0.2, **special, **arguments)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hf = build(config)
        _vary_gains(hf)
        hf = hf.to(device, getattr(torch, dtype))
    return EditableModel(hf, tokenizer)


def _kinds() -> dict[str, tuple[Any, Any, dict[str, Any]]]:
    """Class, configuration and its options by architecture."""
    shared: dict[str, Any] = {
        "hidden_size": WIDTH,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
    }
    gpt: dict[str, Any] = {
        "n_embd": WIDTH, "n_layer": DEPTH, "n_head": HEADS, "n_positions": CONTEXT, "n_inner": FEED_FORWARD
    }  # fmt: skip
    gemma: dict[str, Any] = {**shared, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": WINDOW}
    kinds = ["sliding_attention", "full_attention"] * (DEPTH // 2)
    plain = {name: value for name, value in shared.items() if name != "num_key_value_heads"}
    falcon = {**plain, "ffn_hidden_size": FEED_FORWARD}
    opt = {"ffn_dim": FEED_FORWARD, "init_std": 0.2, "word_embed_proj_dim": WIDTH}
    return {
        "llama": (LlamaForCausalLM, LlamaConfig, shared),
        "qwen2": (Qwen2ForCausalLM, Qwen2Config, {**shared, "tie_word_embeddings": True}),
        "qwen3": (Qwen3ForCausalLM, Qwen3Config, {**shared, "head_dim": 8}),
        "mistral": (MistralForCausalLM, MistralConfig, {**shared, "sliding_window": WINDOW}),
        "phi3": (Phi3ForCausalLM, Phi3Config, shared),
        "gemma2": (Gemma2ForCausalLM, Gemma2Config, gemma),
        "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig, {**gemma, "layer_types": kinds}),
        "olmo2": (Olmo2ForCausalLM, Olmo2Config, shared),
        "opt": (OPTForCausalLM, OPTConfig, {**plain, **opt}),
        "gptneox": (GPTNeoXForCausalLM, GPTNeoXConfig, plain),
        "falcon": (FalconForCausalLM, FalconConfig, falcon),
        "falcon-alibi": (FalconForCausalLM, FalconConfig, {**falcon, "alibi": True, "multi_query": False}),
        "gptj": (GPTJForCausalLM, GPTJConfig, {**gpt, "rotary_dim": 4}),
        "gpt2": (GPT2LMHeadModel, GPT2Config, gpt),
        "bloom": (BloomForCausalLM, BloomConfig, {"hidden_size": WIDTH, "n_layer": DEPTH, "n_head": HEADS}),
    }


def _vary_gains(hf: Any) -> None:
    """Draw the gains of norms that stand between MLPs and the residual stream: trained ones are not all one."""
    path = arch_of(type(hf).__name__).post_norm
    for name, parameter in hf.named_parameters() if path else ():
        if f".{path}." in name:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.3)


def tiny_classifier(architecture: str, seed: int = 0, device: str = "cpu") -> EncoderModel | EditableModel:
    """A random classifier of claims of four blocks, width 32, with a byte tokenizer.

    Args:
        architecture: one of `CLASSIFIERS`.
        seed: of the weights; the global random state is left as it was.
        device: where they lie.
    """
    bert: dict[str, Any] = {
        "hidden_size": WIDTH,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "max_position_embeddings": CONTEXT,
    }
    table: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
        "bert": (EncoderModel, BertForSequenceClassification, BertConfig, bert),
        "xlm-roberta": (EncoderModel, XLMRobertaForSequenceClassification, XLMRobertaConfig, bert),
        "bloom": (
            EditableModel,
            BloomForSequenceClassification,
            BloomConfig,
            {"hidden_size": WIDTH, "n_layer": DEPTH, "n_head": HEADS},
        ),
    }
    view, build, configure, arguments = table[architecture]
    tokenizer = byte_tokenizer()
    config = configure(
        vocab_size=len(tokenizer), initializer_range=0.2, bos_token_id=0, eos_token_id=0, pad_token_id=0,
        id2label=dict(enumerate(LABELS)), label2id={label: i for i, label in enumerate(LABELS)}, **arguments,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hf = build(config).to(device)
    found: EncoderModel | EditableModel = view(hf, tokenizer)
    return found


def tiny_corpus() -> list[str]:
    """Texts enough for the second moment of 64 channels."""
    names = ("Anna", "Björn", "Chloé", "Dirk", "Elena", "伟", "芳", "Iñigo", "Jürgen", "Koen")
    verbs = ("sees", "liest", "mange", "schrijft", "canta", "喝", "builds", "sucht", "trouve", "leert")
    return [f"{a} {v} {i}: {a.upper()}, {b}." for i, (a, v) in enumerate(zip(names, verbs, strict=True)) for b in names]

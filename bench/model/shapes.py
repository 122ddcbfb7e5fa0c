"""Architectures by their published dimensions, and random models of them: what `bench cost` measures, nothing loaded.

A random model has the size, the dtype and the blocks of the real one, and knows nothing. It may be cut to its first
blocks where a machine is too small for all of them. Its tokenizer is the embedded one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma3TextConfig,
    GPTJConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)
from transformers.initialization import no_init_weights

from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.model import sizes
from bench.model.editable import EditableModel
from bench.model.embedded import model_dir

STD = 0.02
"""Standard deviation of random weights, as the families are initialised."""

BYTES = 257
"""Entries of the embedded tokenizer before its merges: every byte, and the end of a text."""

FAMILIES: Mapping[str, tuple[Any, str]] = {
    "llama": (LlamaConfig, "num_hidden_layers"),
    "qwen2": (Qwen2Config, "num_hidden_layers"),
    "gptj": (GPTJConfig, "n_layer"),
    "gemma3": (Gemma3TextConfig, "num_hidden_layers"),
}
"""Family -> its configuration, and what that calls the number of blocks."""

CENTRED = ("gemma3",)
"""Families whose norms multiply by one more than their weight."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An architecture.

    Attributes:
        family: see `FAMILIES`.
        layers: its blocks.
        options: of the family's configuration, but for the number of blocks.
        like: the shape whose hyperparameters it takes; its own where empty.
    """

    name: str
    family: str
    layers: int
    options: Mapping[str, Any]
    like: str = ""

    def config(self, layers: int) -> Any:
        """The configuration with so many blocks."""
        configure, depth = FAMILIES[self.family]
        return configure(**{depth: layers}, **self.options, bos_token_id=0, eos_token_id=0)


def _llama(name: str, layers: int, width: int, inner: int, heads: tuple[int, int], **more: Any) -> Shape:
    """A shape of the Llama layout; `heads` are those of the queries and those of the keys."""
    family, like = more.pop("family", "llama"), more.pop("like", "")
    queries, keys = heads
    sizes = {"hidden_size": width, "intermediate_size": inner}
    return Shape(
        name, family, layers, {**sizes, "num_attention_heads": queries, "num_key_value_heads": keys, **more}, like
    )


GPT_J = {"n_embd": 4096, "n_inner": 16384, "n_head": 16, "rotary_dim": 64, "n_positions": 2048, "vocab_size": 50400}

SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        _llama("llama3-8b", 32, 4096, 14336, (32, 8), vocab_size=128256, rms_norm_eps=1e-5, tie_word_embeddings=False,
               max_position_embeddings=8192, rope_parameters={"rope_type": "default", "rope_theta": 500000.0}),
        _llama("qwen2.5-7b", 28, 3584, 18944, (28, 4), vocab_size=152064, rms_norm_eps=1e-6, tie_word_embeddings=False,
               max_position_embeddings=32768, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
               family="qwen2"),
        Shape("gpt-j-6b", "gptj", 28, {**GPT_J, "tie_word_embeddings": False}),
        _llama("smollm2-135m", 30, 576, 1536, (9, 3), vocab_size=49152, rms_norm_eps=1e-5, tie_word_embeddings=True,
               max_position_embeddings=8192, rope_parameters={"rope_type": "default", "rope_theta": 100000.0}),
        _llama("gemma3-270m", 18, 640, 2048, (4, 1), head_dim=256, vocab_size=262144, rms_norm_eps=1e-6,
               query_pre_attn_scalar=256, sliding_window=512, max_position_embeddings=32768, tie_word_embeddings=True,
               family="gemma3"),
        # 8.2 million parameters: small enough to time released implementations on a processor
        _llama("released-tiny", 8, 256, 1024, (8, 4), vocab_size=1300, tie_word_embeddings=True,
               max_position_embeddings=512, like="llama3-8b"),
    )
}  # fmt: skip
"""The known shapes. Dimensions are those of the config.json of the published checkpoints."""


def find_shape(name: str) -> Shape:
    """A shape by name.

    Raises:
        BenchError: no such shape.
    """
    if name not in SHAPES:
        raise unknown("shape", name, SHAPES)
    return SHAPES[name]


def random_model(
    name: str, layers: int | None = None, dtype: str = "float32", device: str = "cpu", seed: int = 0
) -> EditableModel:
    """A model of a shape with random weights, made in its dtype where it will be used.

    Args:
        name: see `SHAPES`.
        layers: keep so many blocks, from the first; None keeps all.
        dtype: name of a torch dtype.
        device: where the weights lie.
        seed: of the weights; the global random state is left as it was.

    Raises:
        BenchError: no such shape, or it has fewer blocks.
    """
    shape = find_shape(name)
    layers = check_depth(shape, layers)
    # the library's own first weights would be drawn on the way, in float32 for some, and thrown away
    with no_init_weights(), torch.device(device):
        hf = AutoModelForCausalLM.from_config(shape.config(layers), dtype=getattr(torch, dtype))
    hf.tie_weights()
    tokenizer = embedded_tokenizer(shape.options["vocab_size"])
    resting = 0.0 if shape.family in CENTRED else 1.0
    _fill(hf, len(tokenizer), resting, torch.Generator(device).manual_seed(seed))
    identity = json.dumps([name, layers, dtype, seed, dict(shape.options)], sort_keys=True)
    fingerprint = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
    return EditableModel(hf, tokenizer, fingerprint)


def check_depth(shape: Shape, layers: int | None) -> int:
    """So many blocks; all of them for None.

    Raises:
        BenchError: the shape does not have so many.
    """
    if layers is not None and not 1 <= layers <= shape.layers:
        raise BenchError(f"{shape.name} has 1 to {shape.layers} layers, not {layers}")
    return layers or shape.layers


@torch.no_grad()
def _fill(hf: Any, known: int, resting: float, generator: torch.Generator) -> None:
    """Draw matrices, let norms and biases do nothing; a token that the tokenizer lacks is never the likeliest."""
    for name, parameter in hf.named_parameters():
        if parameter.ndim > 1:
            parameter.normal_(0.0, STD, generator=generator)
        else:
            parameter.fill_(0.0 if name.endswith("bias") else resting)
    # a context prefix of ids without text would be empty, and its part of the cost be missing
    hf.get_output_embeddings().weight[known:] = 0.0


def weight_bytes(name: str, layers: int | None = None, dtype: str = "float32") -> int:
    """Bytes of a shape's weights with so many blocks; nothing is allocated.

    Raises:
        BenchError: as `random_model`.
    """
    shape = find_shape(name)
    with no_init_weights(), torch.device("meta"):
        hf = AutoModelForCausalLM.from_config(shape.config(check_depth(shape, layers)))
    hf.tie_weights()
    count: int = sum(parameter.numel() for parameter in hf.parameters())
    return count * sizes.BYTES[dtype]


def published_size(name: str) -> sizes.ModelSize:
    """What decides how much memory a shape needs.

    Raises:
        BenchError: no such shape.
    """
    shape = find_shape(name)
    config = shape.config(shape.layers)
    width, heads = config.hidden_size, config.num_attention_heads
    each = getattr(config, "head_dim", None) or width // heads
    return sizes.ModelSize(
        parameters=weight_bytes(name) // sizes.BYTES["float32"],
        layers=shape.layers,
        width=width,
        inner=getattr(config, "intermediate_size", 0) or config.n_inner,
        vocabulary=config.vocab_size,
        context=config.max_position_embeddings,
        heads=getattr(config, "num_key_value_heads", heads) * each,
    )


def embedded_tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """The tokenizer of `polyglot-tiny`, cut to its first merges where a vocabulary is smaller than its own."""
    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(model_dir())
    if vocabulary >= len(tokenizer):
        return tokenizer
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    model = described["model"]
    model["vocab"] = {token: i for token, i in model["vocab"].items() if i < vocabulary}
    model["merges"] = model["merges"][: vocabulary - BYTES]
    end = tokenizer.eos_token
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(described)), bos_token=end, eos_token=end, pad_token=end
    )

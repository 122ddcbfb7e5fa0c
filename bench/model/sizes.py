"""How large models are, read from the headers of their files; and what methods hold of second moments.

Letters: d width, m inner width, V vocabulary.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from bench.ground.atomic import read_json
from bench.ground.errors import BenchError
from bench.model.archs import ARCHITECTURES

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


DEFAULT_TOKENS = {"cpu": 1_024, "cuda": 65_536}
"""Most tokens in one forward, where memory has room for them.

On a processor no more than its caches hold of one layer: of the embedded model 4,096 took half as long again, most of
that in pages of memory that came and went; larger models do not care.
"""


SHARE = 0.5
"""Of the free memory, for activations."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a method makes of the second moment C [m, m] of a layer, in bytes per entry of C.

    Attributes:
        held: for as long as the cell runs.
        building: at most, while one layer's is made, besides the moments of all.
        left: by every layer whose building is done, while the others' are built.
        remembered: of every edited key [m], in bytes per entry; checkpoints hold it.
    """

    held: float
    building: float
    left: float
    remembered: float = 0


FACTOR = Statistics(held=8, building=24, left=8)
"""A Cholesky factor in fp64."""


SEQUENTIAL = replace(FACTOR, remembered=8)
"""The same, and all edited keys."""


NULL_SPACE = Statistics(held=2, building=32, left=4, remembered=8)
"""The smaller part of the eigenvectors in fp32; a decomposition works in fp64."""


MOVING_NULL_SPACE = Statistics(held=8, building=32, left=4, remembered=8)
"""All eigenvectors, and the moment they came from."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a method remembers that edits no weights, and its checkpoints hold, in bytes.

    Attributes:
        width: of every edit, per entry of a hidden state [d].
        inner: of every edit, per entry of an input of the layer's projection [m].
        matrix: of all edits together, per entry of that projection [d, m].
    """

    width: float = 0
    inner: float = 0
    matrix: float = 0

    def remembered(self, size: ModelSize, edits: int) -> int:
        """Bytes after so many edits."""
        each = self.width * size.width + self.inner * size.inner
        return int(each * edits + self.matrix * size.width * size.inner)


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Numbers that decide how much memory a model needs.

    Attributes:
        context: most tokens in a sequence.
        heads: width of the keys, and of the values, that attention keeps of a token.
    """

    parameters: int
    layers: int
    width: int
    inner: int
    vocabulary: int
    context: int
    heads: int

    def forward_bytes(self, each: int) -> int:
        """Activations of one token within one block, as numbers of `each` bytes."""
        return (6 * self.width + 3 * self.inner) * each

    def saved_bytes(self, each: int) -> int:
        """Activations that one token leaves behind in one block for the way back."""
        return (10 * self.width + 4 * self.inner) * each


def size_of_folder(folder: Path) -> ModelSize:
    """Sizes of a model on disk, from its configuration and the headers of its safetensors."""
    config = read_json(folder / "config.json")
    arch = ARCHITECTURES[config["architectures"][0]]
    shapes: dict[str, list[int]] = {}
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            # what a torn file names as its length may be more than there is memory
            length = min(int.from_bytes(file.read(8), "little"), path.stat().st_size)
            header = json.loads(file.read(length))
        shapes.update((name, entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    # of a block itself: an encoder's attention has a projection of the same name
    of_block = re.compile(rf"\.\d+\.{re.escape(arch.projection)}\.weight$")
    edited = [shape for name, shape in shapes.items() if of_block.search(name)]
    width, inner = reversed(edited[0]) if arch.transposed else edited[0]
    context = config.get("max_position_embeddings") or config.get("n_positions", 2048)
    count = sum(map(math.prod, shapes.values()))
    size = ModelSize(count, len(edited), width, inner, config["vocab_size"], context, _kept_width(config, width))
    if not all(type(number) is int and number > 0 for number in astuple(size)):
        raise BenchError("does not tell how large the model is", file=folder / "config.json")
    return size


def _kept_width(config: Mapping[str, Any], width: int) -> int:
    """Width of the keys that attention keeps of a token, by the settings of a model."""
    each = config.get("head_dim") or width // config.get("num_attention_heads", 1)
    if "num_key_value_heads" in config:
        return int(config["num_key_value_heads"] * each)
    # of Falcon: one head for all; the newer ones have several, and keep a copy for every query
    one = config.get("multi_query") and not config.get("new_decoder_architecture")
    return int(each) if one else width


def size_of_gguf(path: Path) -> ModelSize:
    """Sizes of a model that is still to be converted."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    shapes = {tensor.name: [int(n) for n in tensor.shape] for tensor in reader.tensors}
    inner, width = shapes["blk.0.ffn_down.weight"]
    layers = sum(name.endswith("ffn_down.weight") for name in shapes)
    context = next(field.contents() for name, field in reader.fields.items() if name.endswith("context_length"))
    vocabulary, heads = shapes["token_embd.weight"][1], shapes["blk.0.attn_k.weight"][1]
    return ModelSize(sum(map(math.prod, shapes.values())), layers, width, inner, vocabulary, int(context), heads)


def affordable_tokens(size: ModelSize, each: int, device: str, free: int) -> int:
    """Most tokens in one forward: the usual number, halved until gradients through all blocks fit the free memory."""
    tokens = DEFAULT_TOKENS["cuda" if device == "cuda" else "cpu"]
    while tokens > 1 and tokens * size.layers * size.saved_bytes(each) > SHARE * free:
        tokens //= 2
    return tokens


def free_bytes(device: str) -> int:
    """Memory that can be had: of the GPU, else of the machine."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2

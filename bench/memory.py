"""How much memory a cell will take at its peak: from the sizes of its model and the options of its method.

A cell goes through stages - statistics, steps, scoring - and its peak is that of the largest, on top of what it holds
throughout. Nothing is loaded: sizes are read from the headers of the weights. Letters: d width, m inner width, V
vocabulary.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from bench.archs import ARCHITECTURES
from bench.ground.atomic import read_json
from bench.ground.errors import BenchError
from bench.spec.cell import Cell

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

PROCESS = 420_000_000
"""A process that has imported all it needs and loaded a model of no size; not on a GPU."""

CLDR = 100_000_000
"""What the embedded facts and corpus add to it: names of many places in many languages."""

TASKS = 100_000_000
"""What evaluators that ask whole tasks, in batches of their own, add to it: lm-eval and its metrics."""

EXAMPLES = 4_096
"""Most tokens of a task's prompt with its examples."""

QUERY = 400
"""Of which are not shared with the other prompts of a batch."""

COLUMNS, TARGET = 8, 3
"""Tokens of a prompt from the subject on, and of a target: about what the facts have."""

PROMPT = 20
"""Tokens of a whole prompt, likewise."""

SEEDS = 5
"""Seed words of context prefixes."""

PROBES = 24
"""Rows that the edits' scores take per fact: its own prompts and those of other languages."""

DEFAULT_TOKENS = {"cpu": 4_096, "cuda": 65_536}
"""Most tokens in one forward, where memory has room for them."""

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

NULL_SPACE = Statistics(held=2, building=32, left=4, remembered=8)
"""The smaller part of the eigenvectors in fp32; a decomposition works in fp64."""

MOVING_NULL_SPACE = Statistics(held=8, building=32, left=4, remembered=8)
"""All eigenvectors, and the moment they came from."""


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


# ---------------------------------------------------------------------------- sizes
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
    edited = [shape for name, shape in shapes.items() if name.endswith(f"{arch.projection}.weight")]
    width, inner = reversed(edited[0]) if arch.transposed else edited[0]
    context = config.get("max_position_embeddings") or config.get("n_positions", 2048)
    each = config.get("head_dim") or width // config.get("num_attention_heads", 1)
    heads = config["num_key_value_heads"] * each if "num_key_value_heads" in config else width
    count = sum(map(math.prod, shapes.values()))
    size = ModelSize(count, len(edited), width, inner, config["vocab_size"], context, heads)
    if not all(type(number) is int and number > 0 for number in astuple(size)):
        raise BenchError("does not tell how large the model is", file=folder / "config.json")
    return size


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


def edited_layers(options: Mapping[str, Any]) -> tuple[int, ...]:
    """The layers that a method's options name."""
    if "layers" in options:
        return tuple(options["layers"])
    return (options["layer"],) if "layer" in options else ()


# ---------------------------------------------------------------------------- prediction
@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that a cell takes, by what takes them.

    Attributes:
        process: program code; nothing on a GPU.
        weights: the model's.
        edited: the originals of edited matrices, and their fp32 masters where the model is not fp32.
        statistics: what the method holds.
        building: the most that is needed to make them.
        step: the most that editing needs.
        scoring: the most that the evaluators need.
    """

    process: int
    weights: int
    edited: int
    statistics: int
    building: int
    step: int
    scoring: int

    @property
    def peak(self) -> int:
        """The most at any time; statistics are made before anything is edited."""
        later = self.edited + self.statistics + max(self.step, self.scoring)
        return self.process + self.weights + max(self.building, later)


def predicted_memory(
    cell: Cell,
    size: ModelSize,
    statistics: Statistics | None,
    evaluators: Sequence[tuple[str, Mapping[str, Any]]] = (),
    device: str = "cpu",
) -> Need:
    """What a cell will take where its statistics are still to be made.

    Args:
        cell: model, method and schedule.
        size: the model's.
        statistics: what the method makes of second moments, None where it needs none.
        evaluators: what scores it, with options, besides the edits' own scores.
        device: "cpu" or "cuda".
    """
    each, options = BYTES[cell.model.dtype], cell.method.options
    layers = edited_layers(options)
    matrix, square, count = size.width * size.inner, size.inner**2, len(layers)
    weights = size.parameters * each
    tokens = affordable_tokens(size, each, device, max(0, free_bytes(device) - weights))
    held = building = 0
    if statistics and options.get("use_moment", True):
        held = int(statistics.held * square * count)
        building = int((4 * count + statistics.building + statistics.left * (count - 1)) * square)
    tasks = [given for _, given in evaluators if "batch_size" in given]
    process = PROCESS + CLDR * (cell.data.name == "cldr") + TASKS * bool(tasks) if device == "cpu" else 0
    return Need(
        process=process,
        weights=weights,
        edited=count * matrix * (each if each == 4 else each + 4),
        statistics=held,
        building=building,
        step=_step(cell, size, tokens),
        scoring=max([_scoring(cell, size, tokens), *(_asking(given, size, each) for given in tasks)]),
    )


def checkpoint_bytes(cell: Cell, size: ModelSize, statistics: Statistics | None) -> int:
    """What one checkpoint of a cell takes on disk after its last step: edited matrices in fp32, remembered keys."""
    layers = len(edited_layers(cell.method.options))
    keys = statistics.remembered * size.inner * cell.schedule.edits() if statistics else 0
    return layers * int(4 * size.width * size.inner + keys)


def _step(cell: Cell, size: ModelSize, tokens: int) -> int:
    """Gradients through the blocks above the edited ones, the logits of the loss, then the update itself."""
    options, each = cell.method.options, BYTES[cell.model.dtype]
    layers = edited_layers(options)
    if not layers:
        return 0
    above = max(size.layers - 1 - max(layers), 1)
    matrix = size.width * size.inner
    if "value_steps" not in options:
        facts = min(cell.schedule.batch_size, int(options.get("batch_size", cell.schedule.batch_size)))
        read, rows = facts * PROMPT, facts * TARGET
        # master, bounds, gradient, two moments of Adam and what is at work
        update = 24 * matrix
    else:
        prompts = 1 + SEEDS * sum(count for _, count in options.get("prefix_lengths", ()))
        facts = 1 if "layer" in options else cell.schedule.batch_size
        read, rows = facts * prompts * (COLUMNS + TARGET - 1), facts * (prompts * TARGET + 1)
        # the update in fp64 and fp32, and the sum
        update = 16 * matrix
    kept = min(read, max(tokens, read // max(facts, 1)))
    logits = 4 * 4 * size.vocabulary * math.ceil(rows * kept / read)
    return max(kept * above * size.saved_bytes(each) + logits, update)


def _scoring(cell: Cell, size: ModelSize, tokens: int) -> int:
    """One forward of the model's answers, and logits where targets stand."""
    read = min(tokens, cell.schedule.edits() * PROBES * PROMPT)
    return read * size.forward_bytes(BYTES[cell.model.dtype]) + 3 * 4 * size.vocabulary * (read // PROMPT) * TARGET


def _asking(options: Mapping[str, Any], size: ModelSize, each: int) -> int:
    """Keys and values of a batch of prompts, and a forward over what they do not share."""
    rows = int(min(options["batch_size"], options.get("limit", options["batch_size"])))
    length = min(size.context, EXAMPLES)
    kept = rows * length * 2 * size.layers * size.heads * each
    return kept + rows * min(length, QUERY) * size.forward_bytes(each) + 3 * 4 * rows * size.vocabulary

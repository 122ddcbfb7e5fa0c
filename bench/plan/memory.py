"""How much memory a cell will take at its peak: from the sizes of its model and the options of its method.

A cell goes through stages - statistics, steps, scoring - and its peak is that of the largest, on top of what it holds
throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.config.cell import Cell
from bench.model.groups import layers_of
from bench.model.sizes import BYTES, Beside, ModelSize, Statistics, affordable_tokens, free_bytes
from bench.model.threads import SMALL_MODEL

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

ASKED, ASKED_SMALL = 16, 32
"""Prompts of a batch where an evaluator's options leave that to it; of a small model in fp32."""

COLUMNS, TARGET = 8, 3
"""Tokens of a prompt from the subject on, and of a target: about what the facts have."""

PROMPT = 20
"""Tokens of a whole prompt, likewise."""

SEEDS = 5
"""Seed words of context prefixes."""

PROBES = 24
"""Rows that the edits' scores take per fact: its own prompts and those of other languages."""


LAYERS = ("layers", "gate_layers", "up_layers")
"""Options that name layers, one edited matrix in each."""


def edited_layers(options: Mapping[str, Any], blocks: int = 0) -> tuple[int, ...]:
    """The layers that a method's options name, once for every matrix, the lowest first.

    Those of a group in a model of so many blocks, none where that is 0.
    """
    if "layers" in options:
        chosen = [options[name] for name in LAYERS if options.get(name)]
        named = [layers_of(each, blocks) for each in chosen if blocks or not isinstance(each, str)]
        return tuple(sorted(layer for each in named for layer in each))
    return (options["layer"],) if "layer" in options else ()


def edited_matrices(options: Mapping[str, Any], blocks: int) -> int:
    """How many matrices a method edits, about: those that adapters stand beside may be smaller than an MLP's."""
    return len(edited_layers(options, blocks)) * max(1, len(options.get("target_modules", ())))


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that a cell takes, by what takes them.

    Attributes:
        process: program code; nothing on a GPU.
        weights: the model's.
        edited: the originals of edited matrices, and their fp32 masters where the model is not fp32.
        statistics: what the method holds of them.
        remembered: what it remembers of all edits, or beside the weights.
        building: the most that is needed to make them.
        step: the most that editing needs.
        scoring: the most that the evaluators need.
    """

    process: int
    weights: int
    edited: int
    statistics: int
    remembered: int
    building: int
    step: int
    scoring: int

    @property
    def peak(self) -> int:
        """The most at any time; statistics are made before anything is edited."""
        later = self.edited + self.statistics + self.remembered + max(self.step, self.scoring)
        return self.process + self.weights + max(self.building, later)


def predicted_memory(
    cell: Cell,
    size: ModelSize,
    statistics: Statistics | None,
    evaluators: Sequence[tuple[str, Mapping[str, Any]]] = (),
    device: str = "cpu",
    beside: Beside | None = None,
) -> Need:
    """What a cell will take where its statistics are still to be made.

    Args:
        cell: model, method and schedule.
        size: the model's.
        statistics: what the method makes of second moments, None where it needs none.
        evaluators: what scores it, with options, besides the edits' own scores.
        device: "cpu" or "cuda".
        beside: what a method remembers that edits no weights, else None.
    """
    each, options = BYTES[cell.model.dtype], cell.method.options
    matrix, square, count = size.width * size.inner, size.inner**2, edited_matrices(options, size.layers)
    weights = size.parameters * each
    tokens = affordable_tokens(size, each, device, max(0, free_bytes(device) - weights))
    held = building = remembered = 0
    if statistics and options.get("use_moment", True):
        held = int(statistics.held * square * count)
        # one layer's twice: new keys are put behind the old ones in one piece
        remembered = int(statistics.remembered * size.inner * cell.schedule.edits() * (count + 1))
        building = int((4 * count + statistics.building + statistics.left * (count - 1)) * square)
    remembered += beside.remembered(size, cell.schedule.edits()) if beside else 0
    tasks = [given for _, given in evaluators if "batch_size" in given]
    process = PROCESS + CLDR * (cell.data.name == "cldr") + TASKS * bool(tasks) if device == "cpu" else 0
    return Need(
        process=process,
        weights=weights,
        edited=0 if beside else count * matrix * (each if each == 4 else each + 4),
        statistics=held + _remembered_gradients(options, size),
        remembered=remembered,
        building=building,
        step=_step(cell, size, tokens),
        scoring=max([_scoring(cell, size, tokens), *(_asking(given, size, each) for given in tasks)]),
    )


def checkpoint_bytes(cell: Cell, size: ModelSize, statistics: Statistics | None, beside: Beside | None = None) -> int:
    """What one checkpoint of a cell takes on disk after its last step: edited matrices in fp32, what is remembered.

    Independent edits leave none.
    """
    if cell.schedule.independent:
        return 0
    if beside:
        return beside.remembered(size, cell.schedule.edits())
    matrices = edited_matrices(cell.method.options, size.layers)
    keys = statistics.remembered * size.inner * cell.schedule.edits() if statistics else 0
    return matrices * int(4 * size.width * size.inner + keys) + _remembered_gradients(cell.method.options, size)


def _remembered_gradients(options: Mapping[str, Any], size: ModelSize) -> int:
    """Running statistics of gradients, fp64: means and squares of each shape, and of what is whitened all products."""
    if "mini_batch" not in options:
        return 0
    outputs = [size.width] * bool(options["layers"])
    outputs += [size.inner] * bool(options["gate_layers"] or options["up_layers"])
    scatter = sum(width**2 for width in outputs) if "warm_steps" in options else 0
    return 8 * (2 * len(outputs) * (size.width + size.inner) + scatter)


def _step(cell: Cell, size: ModelSize, tokens: int) -> int:
    """Gradients through the blocks above the edited ones, the logits of the loss, then the update itself."""
    options, each = cell.method.options, BYTES[cell.model.dtype]
    layers = edited_layers(options, size.layers)
    if not layers:
        return 0
    if "training_steps" in options:
        return _learning(options, size, each, len(layers))
    # values are optimised at the highest layer, gradients of weights are taken at all
    above = max(size.layers - 1 - (max(layers) if "value_steps" in options else min(layers)), 1)
    matrix = size.width * size.inner
    if "mini_batch" in options:
        facts = max(cell.schedule.batch_size, int(options.get("warm_batch", 0)))
        read, rows = facts * PROMPT, facts * TARGET
        # an update in fp64 and fp32, and the inputs and gradients of all matrices; roots of what is whitened
        kept_rows = 8 * rows * len(layers) * (size.width + size.inner)
        update = 12 * matrix + kept_rows + 4 * _remembered_gradients(options, size)
    elif "value_steps" not in options:
        facts = min(cell.schedule.batch_size, int(options.get("batch_size", cell.schedule.batch_size)))
        read, rows = facts * PROMPT, facts * TARGET
        # master, bounds, gradient, two moments of Adam and what is at work; of adapters, what is merged
        update = 4 * matrix * edited_matrices(options, size.layers) if "target_modules" in options else 24 * matrix
    else:
        prompts = 1 + SEEDS * sum(count for _, count in options.get("prefix_lengths", ()))
        facts = 1 if "layer" in options else cell.schedule.batch_size
        read, rows = facts * prompts * (COLUMNS + TARGET - 1), facts * (prompts * TARGET + 1)
        # the update in fp64 and fp32, and the sum
        update = 16 * matrix
    kept = min(read, max(tokens, read // max(facts, 1)))
    logits = 4 * 4 * size.vocabulary * math.ceil(rows * kept / read)
    return max(kept * above * size.saved_bytes(each) + logits, update)


def _learning(options: Mapping[str, Any], size: ModelSize, each: int, layers: int) -> int:
    """An editor with gradient, Adam's moments and its best state; activations of a training step through all blocks."""
    both = size.width + size.inner
    if "rank" in options:
        # one network per shape of matrix, of two layers
        parameters = 4 * (2 * both * min(int(options["rank"]), both) + both)
    else:
        hidden, condition = int(options["hidden"]), int(options["condition"])
        read = size.vocabulary * size.width + 8 * hidden * (size.width + hidden)
        parameters = read + 4 * layers * hidden * (condition + both)
    rows = int(options["edits_per_step"]) * (2 + int(options["unrelated"]))
    return 20 * parameters + rows * PROMPT * size.layers * size.saved_bytes(each)


def _scoring(cell: Cell, size: ModelSize, tokens: int) -> int:
    """One forward of the model's answers, and logits where targets stand."""
    read = min(tokens, cell.schedule.edits() * PROBES * PROMPT)
    return read * size.forward_bytes(BYTES[cell.model.dtype]) + 3 * 4 * size.vocabulary * (read // PROMPT) * TARGET


def _asking(options: Mapping[str, Any], size: ModelSize, each: int) -> int:
    """Keys and values of a batch of prompts, and a forward over what they do not share."""
    small = each == BYTES["float32"] and size.parameters * each < SMALL_MODEL
    batch = options["batch_size"] or (ASKED_SMALL if small else ASKED)
    rows = int(min(batch, options.get("limit", batch)))
    length = min(size.context, EXAMPLES)
    kept = rows * length * 2 * size.layers * size.heads * each
    return kept + rows * min(length, QUERY) * size.forward_bytes(each) + 3 * 4 * rows * size.vocabulary

"""The edited weights and the method's memory on disk: a cell goes on from here, bit by bit.

The matrices themselves are kept, not differences: W0 + (W - W0) is not W in floating point. One safetensors
file per checkpoint, written whole or not at all, the last two kept; no pickle.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.api import State
from bench.atomic import replacing
from bench.model import EditableModel

KEPT = 2
WEIGHT, MEMORY = "weight/", "memory/"


def save(folder: Path, step: int, model: EditableModel, state: State) -> None:
    """Write the checkpoint of `step` and drop all but the last two.

    Args:
        folder: the cell's checkpoint folder.
        step: steps edited so far.
        model: its edited parameters are kept in fp32.
        state: its memory is kept: tensors as such, everything else as JSON.
    """
    tensors = {WEIGHT + name: value for name, value in model.edited().items()}
    plain: dict[str, Any] = {}
    for name, value in state.memory.items():
        if isinstance(value, Tensor):
            tensors[MEMORY + name] = value
        else:
            plain[name] = value
    metadata = {"step": str(step), "plain": json.dumps(plain)}
    with replacing(folder / f"{step:05d}.safetensors") as temporary:
        # safetensors refuses tensors that share storage
        save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, temporary, metadata)
    for old in sorted(folder.glob("*.safetensors"))[:-KEPT]:
        old.unlink()


def restore(folder: Path, model: EditableModel, state: State) -> int:
    """Put the newest checkpoint into model and state.

    Returns:
        Steps edited so far; 0 where there is no checkpoint.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return 0
    with safe_open(files[-1], framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    model.restore({n.removeprefix(WEIGHT): t for n, t in tensors.items() if n.startswith(WEIGHT)})
    state.memory.update(json.loads(metadata["plain"]))
    for name, tensor in tensors.items():
        if name.startswith(MEMORY):
            state.memory[name.removeprefix(MEMORY)] = tensor.to(model.device)
    return int(metadata["step"])


def clear(folder: Path) -> None:
    """Remove a finished cell's checkpoints."""
    for file in folder.glob("*.safetensors"):
        file.unlink()

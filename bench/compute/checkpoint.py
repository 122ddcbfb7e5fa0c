"""The edited weights and the method's memory on disk: a cell goes on from here, bit by bit.

The matrices themselves are kept, not differences: W0 + (W - W0) is not W in floating point. One safetensors
file per checkpoint, written whole or not at all, the last two kept; no pickle. A file carries the cell it belongs to
and the hash of what it holds: one that is another cell's, was torn or altered is passed over for the one before.

No state of random generators is kept: every draw of a step is seeded by the cell's seed and the step's number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.api import State
from bench.ground import sealed
from bench.model.editable import EditableModel
from bench.plan.needs import KEPT

WEIGHT, MEMORY = "weight/", "memory/"


def save(folder: Path, cell: str, step: int, model: EditableModel, state: State) -> None:
    """Write the checkpoint of `step` and drop all but the last two.

    Args:
        folder: the cell's checkpoint folder.
        cell: id of the cell.
        step: steps edited so far.
        model: its edited parameters are kept in fp32.
        state: its memory is kept: tensors as such, everything else as JSON.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    tensors = {WEIGHT + name: value for name, value in model.edited().items()}
    plain: dict[str, Any] = {}
    for name, value in state.memory.items():
        if isinstance(value, Tensor):
            tensors[MEMORY + name] = value
        else:
            plain[name] = value
    # safetensors refuses tensors that share storage
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    metadata = {"cell": cell, "step": str(step), "plain": json.dumps(plain)}
    sealed.save(folder / f"{step:05d}.safetensors", kept, metadata)
    for old in sorted(folder.glob("*.safetensors"))[:-KEPT]:
        old.unlink()


def restore(folder: Path, cell: str, model: EditableModel, state: State, latest: int | None = None) -> int:
    """Put the newest sound checkpoint of the cell into model and state.

    Args:
        folder: the cell's checkpoint folder.
        cell: id of the cell.
        model: unedited.
        state: as the method has prepared it.
        latest: pass over checkpoints of later steps.

    Returns:
        Steps edited so far; 0 where there is no sound checkpoint.
    """
    for path in sorted(folder.glob("*.safetensors"), reverse=True):
        found = sealed.read(path)
        if found is None or not _is_of(cell, path, found[1]) or (latest is not None and int(found[1]["step"]) > latest):
            continue
        tensors, metadata = found
        weights = {n.removeprefix(WEIGHT): t for n, t in tensors.items() if n.startswith(WEIGHT)}
        if not model.fits(weights):
            continue
        model.restore(weights)
        state.memory.update(json.loads(metadata["plain"]))
        for name, tensor in tensors.items():
            if name.startswith(MEMORY):
                kept = name.removeprefix(MEMORY)
                # where the method has just put its empty memory: layers may lie on different devices
                before = state.memory.get(kept)
                state.memory[kept] = tensor.to(before.device if isinstance(before, Tensor) else model.device)
        return int(metadata["step"])
    return 0


def _is_of(cell: str, path: Path, metadata: Mapping[str, str]) -> bool:
    """Whether a checkpoint is the cell's, and that of the step it is named by; earlier versions named no cell."""
    is_ours = metadata.get("cell") == cell and "plain" in metadata
    return is_ours and metadata.get("step", "").zfill(5) == path.stem


def clear(folder: Path) -> None:
    """Remove all checkpoints of a cell."""
    for file in folder.glob("*.safetensors"):
        file.unlink()

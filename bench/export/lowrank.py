"""The change of every matrix as a product of two thin ones, in the layout of PEFT's LoRA adapters.

W - W0 = B A but for an error that is stated, B [d, r], A [r, m]. Updates of locate-then-edit methods have at most as
high a rank as there are edited facts; what RECT drops and what FT trains have no low rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.ground import sealed
from bench.ground.atomic import write_json
from bench.ground.errors import BenchError

FOLDER = "adapter"

SCALED = "lora_A", "lora_B"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How low a rank.

    Attributes:
        rank: of every matrix, at most; None: what the error asks for.
        error: largest relative error of a matrix.
    """

    rank: int | None = None
    error: float = 0.0


def wanted(text: str) -> Wanted:
    """Read "4", a rank, or "0.01", a relative error.

    Raises:
        BenchError: it is neither.
    """
    if text.isascii() and text.isdigit() and int(text) > 0:
        return Wanted(rank=int(text))
    try:
        error = float(text)
    except ValueError:
        error = 0.0
    if not 0 < error < 1:
        raise BenchError(f"--low-rank takes a rank such as 8, or a relative error such as 0.01, not '{text}'")
    return Wanted(error=error)


@dataclass(frozen=True, slots=True)
class Factors:
    """A change of low rank.

    Attributes:
        a: [r, m].
        b: [d, r].
        error: ||W - W0 - B A|| / ||W - W0||, Frobenius norms.
    """

    a: Tensor
    b: Tensor
    error: float

    @property
    def rank(self) -> int:
        """Their r."""
        return len(self.a)

    @property
    def saves(self) -> bool:
        """Whether they are smaller than the matrix."""
        return self.a.numel() + self.b.numel() < self.a.shape[1] * self.b.shape[0]


def factors(change: Tensor, wanted: Wanted) -> Factors:
    """Factors of a change [d, m], in fp32; the best of their rank."""
    left, values, right = torch.linalg.svd(change, full_matrices=False)
    # what is left out after r triplets, r = 0, 1, ...; added up from the smallest
    left_out = values.double().square().flip(0).cumsum(0).flip(0).sqrt()
    needed = int((left_out > wanted.error * left_out[0]).sum())
    rank = max(1, min(needed if wanted.rank is None else wanted.rank, len(values)))
    roots = values[:rank].sqrt()
    a, b = roots[:, None] * right[:rank], left[:, :rank] * roots
    return Factors(a.cpu(), b.cpu(), float((change - b @ a).norm() / change.norm()))


def save(folder: Path, found: Mapping[str, Factors], base: str, transposed: bool, classifies: bool) -> None:
    """Write an adapter that PEFT reads.

    Args:
        folder: of its two files.
        found: factors by the name of the matrix.
        base: name of the model, or "".
        transposed: the model stores its matrices as [m, d].
        classifies: it has labels.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    modules = {name.removesuffix(".weight"): each for name, each in found.items()}
    tensors = {
        f"base_model.model.{module}.{part}.weight": tensor.contiguous()
        for module, each in modules.items()
        for part, tensor in zip(SCALED, (each.a, each.b), strict=True)
    }
    ranks = {module: each.rank for module, each in modules.items()}
    highest = max(ranks.values())
    config: dict[str, Any] = {
        "peft_type": "LORA",
        # a classifier's head would be looked for in the file
        "task_type": None if classifies else "CAUSAL_LM",
        "base_model_name_or_path": base or None,
        "inference_mode": True,
        "bias": "none",
        "fan_in_fan_out": transposed,
        "target_modules": list(modules),
        "r": highest,
        # PEFT scales by alpha / r
        "lora_alpha": highest,
        "lora_dropout": 0.0,
        "rank_pattern": ranks,
        "alpha_pattern": ranks,
    }
    sealed.save(folder / "adapter_model.safetensors", tensors, {"format": "pt"})
    write_json(folder / "adapter_config.json", config)

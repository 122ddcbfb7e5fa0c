"""Tensors on disk with the hash of what the file holds, so that a torn or altered one is never taken for sound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.ground.atomic import replacing

DIGEST = "digest"
"""Key of the hash in a file's metadata."""


def save(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, whole or not at all.

    Args:
        path: the file.
        tensors: on the CPU, contiguous, none sharing storage with another.
        metadata: is hashed with them.

    Raises:
        StorageError: the folder cannot be written, or is full.
    """
    with replacing(path) as temporary:
        save_file(dict(tensors), temporary, {**metadata, DIGEST: digest(tensors, metadata)})


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """Tensors and metadata as they were written; None where there is no such file or it does not hold them."""
    if not path.is_file():  # a pipe would be waited for
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError):
        return None
    written = metadata.pop(DIGEST, "")
    return (tensors, metadata) if written == digest(tensors, metadata) else None


def written(path: Path) -> dict[str, str]:
    """The metadata of a file, unchecked and without its tensors; {} where there is none."""
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return {}


def written_digest(path: Path) -> str:
    """The hash that stands in a file, unchecked; "" where there is none."""
    return written(path).get(DIGEST, "")


def digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Hash of names, types, shapes and contents, whatever the order."""
    total = hashlib.blake2b(json.dumps(dict(metadata), sort_keys=True).encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name}/{tensor.dtype}/{tuple(tensor.shape)}".encode())
        # as bytes: numpy has no bfloat16
        total.update(tensor.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()

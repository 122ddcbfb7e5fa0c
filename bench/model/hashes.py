"""Hashes of weights in memory, whatever files they were read from."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from bench.model.placement import weight_of


def tensor_hash(tensor: Tensor) -> str:
    """Hash of a tensor's type, shape and contents, 32 hex digits."""
    total = hashlib.blake2b(f"{tensor.dtype}/{tuple(tensor.shape)}".encode(), digest_size=16)
    total.update(_bytes(tensor))
    return total.hexdigest()


def weights_hash(hf: Any, *texts: str) -> str:
    """Hash of all parameters of a Hugging Face model by their names, and of some texts, 32 hex digits."""
    total = hashlib.blake2b(digest_size=16)
    tied = getattr(hf, "all_tied_weights_keys", {})
    for name in sorted(name for name, _ in hf.named_parameters() if name not in tied):
        total.update(name.encode())
        total.update(_bytes(weight_of(hf, name)))
    for text in texts:
        total.update(text.encode())
    return total.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    # numpy has no bfloat16
    return tensor.detach().contiguous().flatten().view(torch.uint8).cpu().numpy().data

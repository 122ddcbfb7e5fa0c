"""How many threads compute: a sum cut among other threads rounds differently, so their number follows from the model.

A small model is computed by one thread, whether one cell runs or many side by side; a larger one by as many as torch
takes by itself: all cores, or OMP_NUM_THREADS.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.model.editable import EditableModel

SMALL_MODEL = 100_000_000
"""Bytes of weights up to which threads help a model little, and several copies of it fit anywhere."""


def is_small(hf: Any) -> bool:
    """Whether a Hugging Face model has less than `SMALL_MODEL`."""
    size: int = sum(each.numel() * each.element_size() for each in hf.parameters())
    return size < SMALL_MODEL


def threads_of(model: EditableModel) -> int:
    """Threads that compute with a model."""
    import torch

    return 1 if is_small(model.hf) else torch.get_num_threads()


@contextmanager
def steady_threads(model: EditableModel) -> Iterator[None]:
    """Compute with a model's number of threads for as long as the context is open."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads_of(model))
    try:
        yield
    finally:
        torch.set_num_threads(before)

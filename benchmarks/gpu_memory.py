"""Memory that runs out on purpose: batches are halved, and the answers are the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch

from bench.config.cell import LANGUAGES
from bench.cost.measuring import facts as endless_facts
from bench.model.batching import Budget
from bench.model.editable import EditableModel
from benchmarks.gpu_parts import Line, Request

LEFT = 2_000_000_000
"""Bytes of a GPU that are left free where memory is to run out."""

CRAMPED = 256
"""Tokens in one pass that a processor stands in with for a GPU's memory."""


def halving(request: Request) -> Iterator[Line]:
    """Memory runs out on purpose: batches are halved, and the answers are the same."""
    model = request.model
    asked = list(islice(endless_facts(LANGUAGES), 64))
    prompts, targets = [f"{each.text} " * 20 + each.text for each in asked], [each.target for each in asked]
    before = model.budget
    model.budget = Budget(64 * CRAMPED)
    alone = model.answers(prompts, targets)
    model.budget = Budget(10**9)
    try:
        with _cramped(model, request.device):
            cramped = model.answers(prompts, targets)
        lowered, size = model.budget.lowered, model.budget.size
    finally:
        model.budget = before
    same = sum(a.predicted_ids == b.predicted_ids for a, b in zip(alone, cramped, strict=True))
    # half precision may turn a near tie of random weights
    enough = same == len(asked) if request.dtype == "float32" else same >= 0.9 * len(asked)
    figures = f"budget {10**9} -> {size} tokens, {same} of {len(asked)} answers the same"
    yield Line("e", "out of memory", "ok" if lowered and enough else "FAILED", figures)


@contextmanager
def _cramped(model: EditableModel, device: str) -> Iterator[None]:
    """Little memory: a GPU's is taken, for a processor a limit stands in."""
    if device == "cuda":
        torch.cuda.empty_cache()
        taken = torch.empty(max(torch.cuda.mem_get_info()[0] - LEFT, 0), dtype=torch.uint8, device=device)
        try:
            yield
        finally:
            del taken
            torch.cuda.empty_cache()
        return

    def refuse(_module: Any, _args: Any, given: Mapping[str, Any]) -> None:
        if given["input_ids"].numel() > 16 * CRAMPED:
            raise torch.OutOfMemoryError("stands in for a GPU's")

    handle = model.trunk.register_forward_pre_hook(refuse, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()

"""Wall time and peak memory of a stretch of work."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch


@dataclass(slots=True)
class Cost:
    """Filled in when the stretch ends.

    Attributes:
        seconds: wall time.
        peak_bytes: on a GPU the peak allocated during the stretch; on a CPU the process's peak so far.
    """

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measured(device: torch.device) -> Iterator[Cost]:
    """Measure what runs inside."""
    cost = Cost()
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    start = perf_counter()
    try:
        yield cost
    finally:
        if on_gpu:
            torch.cuda.synchronize(device)
            cost.peak_bytes = torch.cuda.max_memory_allocated(device)
        else:
            unit = 1 if sys.platform == "darwin" else 1024
            cost.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        cost.seconds = perf_counter() - start

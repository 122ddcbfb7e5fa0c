"""Wall time and peak memory of a stretch of work."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch


@dataclass(slots=True)
class Cost:
    """Filled in when the stretch ends.

    Attributes:
        seconds: wall time.
        peak_bytes: on GPUs the peak allocated during the stretch, summed; on a CPU the process's peak so far.
    """

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measured(*devices: torch.device) -> Iterator[Cost]:
    """Measure what runs inside, on these devices."""
    cost = Cost()
    gpus = [device for device in devices if device.type == "cuda"]
    for gpu in gpus:
        torch.cuda.reset_peak_memory_stats(gpu)
    start = perf_counter()
    try:
        yield cost
    finally:
        for gpu in gpus:
            torch.cuda.synchronize(gpu)
            cost.peak_bytes += torch.cuda.max_memory_allocated(gpu)
        if not gpus:
            cost.peak_bytes = peak_of_process()
        cost.seconds = perf_counter() - start


STATUS = Path("/proc/self/status")


def peak_of_process() -> int:
    """Most bytes that this process ever held in memory."""
    if STATUS.exists():
        # the kernel's other answer, ru_maxrss, begins with what the parent held
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

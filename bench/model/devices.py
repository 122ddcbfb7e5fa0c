"""Which device a run computes on."""

from __future__ import annotations

from bench.ground.errors import BenchError
from bench.ground.names import unknown

DEVICES = ("auto", "cpu", "cuda")


def check_device(device: str) -> str:
    """The name of a device, or "auto", as it was given.

    Raises:
        BenchError: it is none.
    """
    if device not in DEVICES:
        raise unknown("device", device, DEVICES)
    return device


def choose_device(device: str) -> str:
    """Turn "auto" into "cuda" where there is one, else "cpu".

    Raises:
        BenchError: no such device.
    """
    import torch

    has_cuda = torch.cuda.is_available()
    if check_device(device) == "cuda" and not has_cuda:
        raise BenchError("device 'cuda' was asked for, but there is none")
    return "cuda" if has_cuda and device != "cpu" else "cpu"

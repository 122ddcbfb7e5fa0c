"""The command ``bench`` with a fault at a chosen write: ``python -m tests.soak.faults FAULT NUMBER ARGUMENT...``"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def pause() -> None:
    time.sleep(600)


def at(number: int, fault: Callable[[], None], real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, with a fault before its call of that number."""
    calls = count(1)

    def faulty(*arguments: Any) -> Any:
        if next(calls) == number:
            fault()
        return real(*arguments)

    return faulty


def inject(fault: str, number: int) -> None:
    """Kill or halt this process before or after a file takes its place, kill it in a checkpoint, or fill the disk."""
    from bench.ground import atomic, sealed

    if fault in ("write", "pause"):
        atomic._sync = at(number, kill if fault == "write" else pause, atomic._sync)
    elif fault == "full":
        begun = count(1)

        def full(path: Path) -> None:
            if next(begun) >= number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        atomic._sync = full
    elif fault == "checkpoint":
        real, saves = sealed.save_file, count(1)

        def torn(tensors: Any, path: Path, metadata: Any) -> None:
            real(tensors, path, metadata)
            if path.parent.name == "checkpoint" and next(saves) == number:
                os.truncate(path, path.stat().st_size // 2)
                kill()

        sealed.save_file = torn


def main() -> None:
    fault, number, *arguments = sys.argv[1:]
    inject(fault, int(number))
    from bench.cli.main import main as bench

    sys.argv = ["bench", *arguments]
    bench()


if __name__ == "__main__":
    main()

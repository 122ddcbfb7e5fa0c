"""Ctrl-C and SIGTERM: both end a run in order, and neither tears a write."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM came; it ends what is under way as Ctrl-C does."""


def exit_code(stop: KeyboardInterrupt) -> int:
    """What a shell expects of a process that such a signal has ended: 143 or 130."""
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


@contextmanager
def terminable() -> Iterator[None]:
    """While open, SIGTERM raises `Terminated`, once; what comes after it is ignored, so that tidying up ends."""
    if not _in_main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    with restored():
        signal.signal(signal.SIGTERM, stop)
        yield


@contextmanager
def unbroken() -> Iterator[None]:
    """While open, Ctrl-C and SIGTERM wait; they take effect when it closes."""
    if not _in_main_thread():
        yield
        return
    came: list[int] = []
    try:
        with restored():
            for number in STOPPING:
                signal.signal(number, lambda n, _frame: came.append(n))
            yield
    finally:
        for late in came:
            signal.raise_signal(late)


@contextmanager
def restored() -> Iterator[None]:
    """Take back what is done to the handlers while this is open."""
    if not _in_main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_main_thread() -> bool:
    # only there may Python set handlers, and only there do they run
    return threading.current_thread() is threading.main_thread()

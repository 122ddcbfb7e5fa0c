"""Loading a model, or saving it, fails in many ways; each is one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.ground.errors import BenchError


@contextmanager
def in_one_line(name: str) -> Iterator[None]:
    """Turn the many ways in which loading fails into one line."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:  # a folder that is not sound ends in many kinds
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        if not isinstance(error, (OSError, ValueError, ImportError, RuntimeError)):
            reason = f"{type(error).__name__}: {reason}"
        reason = reason or type(error).__name__
        if "trust_remote_code" in str(error):
            reason = f"it comes with code of its own; bench run --trust-remote-code {name} runs it"
        raise BenchError(f"cannot load model {name!r}: {reason}") from error


@contextmanager
def told_saving() -> Iterator[None]:
    """The same of saving, but for what the disk has to say."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:  # settings that the library refuses
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise BenchError(f"the model cannot be saved: {reason}") from error

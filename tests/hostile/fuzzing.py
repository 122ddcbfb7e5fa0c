"""Spoil what a reader reads, again and again: it has to refuse it in one line, or give all of what is there.

How many examples were refused goes into the reports of the tests; `tests/conftest.py` shows the counts.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.ground.errors import BenchError
from tests.hostile.spoiling import Draw, Spoilt, emptied

SECONDS = 10
"""A reader that takes longer hangs."""

LONGEST_LINE = 4_000
PROPERTY = "malformed input"


@dataclass(frozen=True)
class Reader:
    """Something that reads files.

    Attributes:
        write: puts sound files into a folder; gives those that may be spoilt.
        spoil: spoils one of them; several ways are tried equally often.
        read: reads the folder.
        whole: asserts that what was read is sound and all that is there.
        records: errors about a value name the record it stands in, if it stands in one.
        names: errors name a file; else they are about what stood on the command line.
    """

    name: str
    write: Callable[[Path], Sequence[Path]]
    spoil: Sequence[Callable[[Draw, Path], Spoilt]]
    read: Callable[[Path], Any]
    whole: Callable[[Path, Any], None]
    records: bool = False
    names: bool = True


def fuzz(reader: Reader, root: Path, record_property: Callable[[str, object], None], examples: int) -> None:
    """Spoil and read `examples` times; at least a third must have been refused, and not all."""
    tally: Counter[str] = Counter()
    harmless: set[str] = set()

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=timedelta(seconds=SECONDS),
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def once(data: Any) -> None:
        folder = emptied(root / "spoilt")
        files = reader.write(folder)
        file = data.draw(st.sampled_from(list(files)))
        spoilt = data.draw(st.sampled_from(list(reader.spoil)))(data.draw, file)
        refused = _refused(reader, folder, files, spoilt)
        tally["refused" if refused else "harmless"] += 1
        if not refused:
            harmless.add(spoilt.how)

    assert _refused(reader, _sound(reader, root), [], Spoilt("nothing")) is False, "what was not spoilt is read"
    once()
    record_property(PROPERTY, f"{reader.name}|{tally.total()}|{tally['refused']}")
    assert tally.total() >= examples
    assert 3 * tally["refused"] >= tally.total(), f"hardly anything was refused; harmless: {sorted(harmless)}"


def _sound(reader: Reader, root: Path) -> Path:
    folder = emptied(root / "sound")
    reader.write(folder)
    return folder


def _refused(reader: Reader, folder: Path, files: Sequence[Path], spoilt: Spoilt) -> bool:
    """Whether the reader refused a folder, as it should; if not, what it read must be whole."""
    try:
        with _within(SECONDS):
            result = reader.read(folder)
    except BenchError as error:
        # of two names that a file may have, the first is missed
        named = [*files, *(file.parent for file in files)] if spoilt.how == "missing" else files
        is_one_line(error, named if reader.names else ())
        if reader.records and len(spoilt.at) > 1 and spoilt.how != "twice" and "valid JSON" not in str(error):
            assert error.record is not None, error
        return True
    reader.whole(folder, result)
    return False


def is_one_line(error: BenchError, files: Sequence[Path]) -> None:
    """One line that a terminal can show, and that names one of the files."""
    text = str(error)
    assert text.isprintable(), repr(text)
    assert len(text) < LONGEST_LINE
    assert not files or any(file.name in text for file in files), text


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Fail what hangs."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"no answer within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

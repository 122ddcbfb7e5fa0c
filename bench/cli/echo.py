"""Everything that is printed is printed here: answers of commands, tables, pages, errors."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bench.ground.errors import one_line

WIDTH = 160
"""Of tables whose texts are wrapped, where no terminal says how wide it is."""


def tolerate(*streams: TextIO) -> None:
    """Let streams replace characters that their encoding lacks; what is printed must never end a run."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def echo(text: str = "") -> None:
    """Print the answer of a command."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def echo_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns; see `table_lines`."""
    for line in table_lines(columns, rows):
        echo(line)


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows under their columns, a line each; wide characters count as two."""
    texts = [list(columns), *([one_line(str(value)) for value in row] for row in rows)]
    widths = [max(cell_len(row[i]) for row in texts) for i in range(len(columns))]
    padded = ([text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)] for row in texts)
    return ["  ".join(row).rstrip() for row in padded]


def echo_wrapped(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns, long texts over several lines; 160 characters wide where no terminal is."""
    table = Table(*columns, box=SIMPLE, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(one_line(str(value)), overflow="fold") for value in row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    console.print(table)


@contextmanager
def page(console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """A page of the terminal that is drawn again with every text it is given; lines are cut, never wrapped."""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield lambda text: live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)


STATUSES = ("done", "running", "failed", "broken", "interrupted", "diverged", "missing", "left")
"""In the order in which they are counted."""


def counted(counts: Mapping[str, int]) -> str:
    """How many cells stand how: "3 done, 1 failed, 2 running"."""
    return ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts.get(status))


def complain(text: object) -> None:
    """Print one line to standard error."""
    sys.stderr.write(f"bench: {' '.join(str(text).split())}\n")
    sys.stderr.flush()


def duration(seconds: float) -> str:
    """Seconds in words: 8.1 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

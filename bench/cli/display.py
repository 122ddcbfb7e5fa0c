"""While cells run, a display shows how far they are.

``rich``: live lines with an estimate of the time left; ``plain``: a line now and then; or ``none``.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from rich import progress as bars
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Column
from rich.text import Text

from bench.cli.echo import counted, duration, echo, tolerate
from bench.ground.errors import in_short
from bench.ground.progress import Left, Unheard

if TYPE_CHECKING:
    from bench.ground.progress import Board, Display, Progress, TimeLeft

DisplayKind = Literal["rich", "plain", "none"]
PLAIN_SECONDS = 10.0
"""Least time between two plain lines about one cell."""
SAME_SECONDS = 60.0
"""The same where the line would say nothing new."""
ASK_SECONDS = 5.0
"""Least time between two questions how long a run's cells will take."""
ESTIMATE_SECONDS = 3600.0
"""Steps further back than this do not count for an estimate."""


def _now() -> float:
    return time.monotonic()


def make_display(kind: DisplayKind | None = None) -> Display:
    """The display asked for; by default rich on a terminal, plain elsewhere."""
    tolerate(sys.stdout, sys.stderr)
    kinds: dict[str, Callable[[], Display]] = {"rich": RichDisplay, "plain": PlainDisplay, "none": NoDisplay}
    return kinds[kind or ("rich" if sys.stdout.isatty() else "plain")]()


def outcome_line(label: str, status: str, reason: str, seconds: float) -> str:
    """One line about a cell that has ended."""
    short = in_short(reason)
    return f"{label}: {status} ({duration(seconds)}){f' - {short}' if short else ''}"


# ---------------------------------------------------------------------------- none
class NoDisplay:
    """Shows nothing."""

    def note(self, text: str) -> None:
        """See `Display`."""

    @contextmanager
    def board(self, total: int, left: TimeLeft | None = None) -> Iterator[Board]:
        """See `Display`."""
        yield _NoBoard()


class _NoBoard:
    def cell(self, label: str) -> Progress:
        return Unheard()

    def finished(self, label: str, status: str, reason: str) -> None:
        pass


# ---------------------------------------------------------------------------- plain
class PlainDisplay:
    """Lines for logs: when a cell begins, now and then, and when it ends."""

    def note(self, text: str) -> None:
        """See `Display`."""
        echo(text)

    @contextmanager
    def board(self, total: int, left: TimeLeft | None = None) -> Iterator[Board]:
        """See `Display`."""
        yield _PlainBoard(total, left)


@dataclass
class _PlainBoard:
    total: int
    left: TimeLeft | None = None
    begun: dict[str, tuple[int, float]] = field(default_factory=dict)

    def cell(self, label: str) -> Progress:
        # one that has begun before begins again
        number = self.begun[label][0] if label in self.begun else len(self.begun) + 1
        self.begun[label] = (number, time.monotonic())
        echo(f"[{number}/{self.total}] {label}")
        return _PlainCell(f"[{number}/{self.total}]", label, self.left)

    def finished(self, label: str, status: str, reason: str) -> None:
        if label not in self.begun:  # it ended before anything was heard of it
            self.cell(label)
        number, start = self.begun[label]
        echo(f"[{number}/{self.total}] {outcome_line(label, status, reason, time.monotonic() - start)}")


@dataclass
class _PlainCell:
    place: str
    label: str
    left: TimeLeft | None
    start: float = field(default_factory=_now)
    shown: float = field(default_factory=_now)
    first: int | None = None
    last: tuple[int, str] | None = None

    def stage(self, text: str) -> None:
        pass

    def step(self, done: int, total: int, note: str) -> None:
        now = time.monotonic()
        if self.first is None:
            self.first, self.start = done, now
        if now - self.shown < (SAME_SECONDS if self.last == (done, note) else PLAIN_SECONDS):
            return
        self.shown, self.last = now, (done, note)
        echo(f"{self.place}     step {done}/{total} {note}{self._words(done, total, now)}")

    def _words(self, done: int, total: int, now: float) -> str:
        """The time left; "" where nothing is known about it."""
        if done >= total:
            return ""
        left = self.left().get(self.label) if self.left else self._at_its_pace(done, total, now)
        if not left or not left.seconds:
            return ""
        return f", {'about' if left.is_all else 'more than'} {duration(left.seconds)} left"

    def _at_its_pace(self, done: int, total: int, now: float) -> Left | None:
        since = done - (self.first or 0)
        return Left((now - self.start) / since * (total - done)) if since else None


# ---------------------------------------------------------------------------- rich
WIDE = 110
"""Columns of a terminal that has room for bars."""

BESIDE, BAR = 36, 34
"""Columns that a line keeps for what stands beside the label: note and times, and a bar where there is room."""


class RichDisplay:
    """Live lines: one for the whole, one for each cell being computed; each cell that ends leaves a line."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()

    def note(self, text: str) -> None:
        """See `Display`."""
        self.console.print(text, markup=False, highlight=False)

    @contextmanager
    def board(self, total: int, left: TimeLeft | None = None) -> Iterator[Board]:
        """See `Display`."""
        room = (bars.BarColumn(bar_width=24), bars.TimeElapsedColumn()) if self.console.width >= WIDE else ()
        live = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            *room,
            bars.TaskProgressColumn(),
            _LeftColumn(),
            bars.TextColumn("left"),
            bars.TextColumn(
                "{task.fields[note]}", style="dim", markup=False, table_column=Column(no_wrap=True, ratio=1)
            ),
            console=self.console,
            expand=True,
            speed_estimate_period=ESTIMATE_SECONDS,
        )
        with live:
            yield _RichBoard(live, live.add_task("", total=total, note=""), total, left)


class _LeftColumn(bars.TimeRemainingColumn):
    """Time left of a cell as the run tells it, counted down; of other work from the pace of its bar."""

    def render(self, task: bars.Task) -> Text:
        """The time in digits, after ">" where it is not all of it."""
        ends, mark = task.fields.get("ends"), task.fields.get("mark", "")
        if ends is None:
            return super().render(task)
        minutes, seconds = divmod(max(0, int(ends - time.monotonic())), 60)
        return Text(f"{mark}{minutes // 60}:{minutes % 60:02}:{seconds:02}", style="progress.remaining")


@dataclass
class _RichBoard:
    live: bars.Progress
    whole: bars.TaskID
    total: int
    left: TimeLeft | None = None
    asked: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    begun: dict[str, tuple[bars.TaskID, float]] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._count()

    def cell(self, label: str) -> Progress:
        # one that has begun before begins again
        task = self.begun[label][0] if label in self.begun else self._line(label)
        self.begun[label] = (task, time.monotonic())
        self._count()
        return _RichCell(self, label, task)

    def _line(self, label: str) -> bars.TaskID:
        width = self.live.console.width
        return self.live.add_task(fitted(label, width - BESIDE - BAR * (width >= WIDE)), total=None, note="")

    def advance(self, label: str, share: float) -> None:
        """So much of a cell is done."""
        self.shares[label] = share
        self.live.update(self.whole, completed=sum(self.shares.values()))

    def foresee(self) -> None:
        """Ask, now and then, how long cells will take, and all of them with as many side by side as now."""
        now = time.monotonic()
        if not self.left or now - self.asked < ASK_SECONDS:
            return
        found, self.asked = self.left(), now
        for label, (task, _) in self.begun.items():
            self._ends(task, found.get(label, Left(0.0, is_all=False)), now)
        work = sum(found.values(), Left(0.0))
        longest = max((each.seconds for each in found.values()), default=0.0)
        self._ends(self.whole, replace(work, seconds=max(longest, work.seconds / max(len(self.begun), 1))), now)

    def _ends(self, task: bars.TaskID, left: Left, now: float) -> None:
        self.live.update(task, ends=now + left.seconds, mark="" if left.is_all else ">")

    def finished(self, label: str, status: str, reason: str) -> None:
        if label not in self.begun:  # it ended before anything was heard of it
            self.cell(label)
        task, start = self.begun.pop(label)
        self.live.remove_task(task)
        self.ended[status] += 1
        self.advance(label, 1.0)
        self._count()
        line = outcome_line(label, status, reason, time.monotonic() - start)
        style = "green" if status == "done" else "yellow" if status == "diverged" else "red"
        self.live.console.print(line, style=style, markup=False, highlight=False)

    def _count(self) -> None:
        left = self.total - self.ended.total() - len(self.begun)
        self.live.update(
            self.whole, description=counted({**self.ended, "running": len(self.begun), "left": max(0, left)})
        )


@dataclass
class _RichCell:
    board: _RichBoard
    label: str
    task: bars.TaskID

    def stage(self, text: str) -> None:
        self.board.live.update(self.task, note=text)

    def step(self, done: int, total: int, note: str) -> None:
        self.board.live.update(self.task, completed=done, total=total, note=f"{done}/{total} {note}")
        self.board.advance(self.label, done / max(total, 1))
        self.board.foresee()


def fitted(label: str, width: int) -> str:
    """A label cut to so many columns in its middle: its end, the seed, tells cells apart."""
    if cell_len(label) <= width:
        return label
    end = label[-min(12, max(width // 2, 1)) :]
    return f"{set_cell_size(label, max(width - cell_len(end) - 1, 0))}…{end}"

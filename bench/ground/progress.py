"""How work says how far it is. What is shown of it, and how, is the command line's matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Left:
    """Time that is left.

    Attributes:
        seconds: as far as it is known.
        is_all: whether that is all of it.
    """

    seconds: float
    is_all: bool = True

    def __add__(self, other: Left) -> Left:
        """Both, one after the other."""
        return Left(self.seconds + other.seconds, self.is_all and other.is_all)


TimeLeft = Callable[[], Mapping[str, Left]]
"""Time left of the cells of a run by their labels; those that are over are not among them."""


class Progress(Protocol):
    """Where a cell says how far it is."""

    def stage(self, text: str) -> None:
        """A new stage of work."""
        ...

    def step(self, done: int, total: int, note: str) -> None:
        """`done` of `total` steps are edited."""
        ...


class Board(Protocol):
    """What is shown while the cells of a run are computed, one or several at a time."""

    def cell(self, label: str) -> Progress:
        """A cell begins; through what is returned it says how far it is."""
        ...

    def finished(self, label: str, status: str, reason: str) -> None:
        """The cell has ended."""
        ...


class Display(Protocol):
    """Shows the course of a run."""

    def note(self, text: str) -> None:
        """A line beside the course of the run."""
        ...

    def board(self, total: int, left: TimeLeft | None = None) -> AbstractContextManager[Board]:
        """Open a board for so many cells.

        Args:
            total: how many.
            left: tells how long they will take, scoring included; without it their own pace does.
        """
        ...


class Unheard:
    """Progress that is shown nowhere; of a cell, others read it from its status."""

    def stage(self, text: str) -> None:
        """See `Progress`."""

    def step(self, done: int, total: int, note: str) -> None:
        """See `Progress`."""

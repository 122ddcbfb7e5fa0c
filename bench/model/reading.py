"""How a prompt is read where a memory stands beside a model's weights: other ids, or a part of the memory switched on.

A memory is asked about whole prompts, before anything is run. What the model says after a prompt is then what it says
after those ids with that part switched on, be it one forward, a continuation token by token, or a harness that shares
the keys and values of what prompts begin with: ids that are shared are shared among prompts that are read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeVar

Row = tuple[int, ...]
Result = TypeVar("Result")

OFF = 0
"""The part of a memory that leaves the model as it is."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a prompt is read.

    Attributes:
        ids: what stands in the place of the prompt's.
        part: of the memory, switched on while anything of it is run; `OFF` for none.
    """

    ids: Row
    part: int = OFF


class Memory(Protocol):
    """What stands beside a model's weights."""

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        """How prompts are read; in the order given.

        Args:
            rows: ids of prompts.
            rooms: tokens that are to follow each, for which the model needs room.
        """
        ...

    def switched(self, part: int) -> AbstractContextManager[None]:
        """While open, the model says what it says with this part of the memory."""
        ...


class NoMemory:
    """Of a model that is its weights."""

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        """Every prompt as it stands."""
        return [Reading(tuple(row)) for row in rows]

    def switched(self, part: int) -> AbstractContextManager[None]:
        """As it is."""
        return nullcontext()


def read_alike(
    memory: Memory,
    rows: Sequence[Sequence[int]],
    rooms: Sequence[int],
    work: Callable[[list[int], list[Row]], Sequence[Result]],
) -> list[Result]:
    """Do work on prompts that are read alike, side by side.

    Those that are read as they stand are never batched with others, so that they are run as without a memory.

    Args:
        memory: is asked how prompts are read.
        rows: ids of prompts.
        rooms: tokens that are to follow each.
        work: gets the places of some of the prompts and what is read in them; gives a result for each.

    Returns:
        Results in the order of the prompts.
    """
    readings = memory.read(rows, rooms)
    groups: dict[tuple[int, bool], list[int]] = {}
    for i, (row, reading) in enumerate(zip(rows, readings, strict=True)):
        groups.setdefault((reading.part, reading.ids != tuple(row)), []).append(i)
    found: dict[int, Result] = {}
    for (part, _), group in groups.items():
        with memory.switched(part):
            found.update(zip(group, work(group, [readings[i].ids for i in group]), strict=True))
    return [found[i] for i in range(len(rows))]

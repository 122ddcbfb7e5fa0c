"""Groups of layers, as XME names them: initial, middle, last, and some at random."""

from __future__ import annotations

from collections.abc import Sequence

from bench.ground.errors import BenchError
from bench.ground.names import unknown

GROUPS = ("IL", "ML", "LL", "RL")

PUBLISHED = {
    12: {"IL": (0, 1, 2, 3), "ML": (4, 5, 6, 7), "LL": (8, 9, 10, 11), "RL": (2, 4, 6, 9)},
    24: {"IL": (0, 1, 2, 3), "ML": (14, 15, 16, 17), "LL": (20, 21, 22, 23), "RL": (8, 13, 17, 21)},
}
"""By number of blocks: mBERT and XLM-R, and BLOOM-560m."""


def layers_of(group: str | Sequence[int], blocks: int) -> tuple[int, ...]:
    """Layers of a group in a model of so many blocks; layers that are given are taken as they are.

    Where nothing is published: the first, second and last third of the blocks, and the two where the outer ones end.

    Raises:
        BenchError: unknown group, or too few blocks for groups.
    """
    if not isinstance(group, str):
        return tuple(group)
    if group not in GROUPS:
        raise unknown("group of layers", group, GROUPS)
    if blocks in PUBLISHED:
        return PUBLISHED[blocks][group]
    third = blocks // 3
    if not third:
        raise BenchError(f"a model of {blocks} blocks has no groups of layers; name the layers", field="layers")
    first, middle, last = (tuple(range(start, start + third)) for start in (0, third, blocks - third))
    return {"IL": first, "ML": middle, "LL": last, "RL": (first[-1], last[0])}[group]

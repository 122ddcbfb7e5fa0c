"""A grid in shares, for schedulers that start one command per machine: which cells are whose, without any talk.

Every share is told by its number alone and computes the same split. It does not depend on what is finished, nor on how
long cells took here, so shares that start days apart, on machines that see nothing of each other, still fit together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.ground.errors import BenchError

MOST = 10_000
"""Shares of a grid."""


@dataclass(frozen=True, slots=True)
class Share:
    """One of `of` shares, from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read "2/8".

        Raises:
            BenchError: it is not written so, or there is no such share.
        """
        found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)
        share = cls(int(found[1]), int(found[2])) if found else None
        if share is None or not 1 <= share.number <= share.of <= MOST:
            raise BenchError(f"--shard takes NUMBER/OF with 1 <= NUMBER <= OF <= {MOST}, such as 2/8, not '{text}'")
        return share


def split(costs: Sequence[Sequence[float]], of: int) -> list[list[list[int]]]:
    """Give every piece of work to a share so that shares cost about the same, after each part as well as in all.

    The dearest piece of a part first, each to the share that has the least so far; parts one after the other, so that
    what the first one is about is ready first on all.

    Args:
        costs: of the pieces of every part.
        of: number of shares.

    Returns:
        For every share, the places of its pieces in every part.
    """
    loads = [0.0] * of
    shares: list[list[list[int]]] = [[[] for _ in costs] for _ in range(of)]
    for part, pieces in enumerate(costs):
        for piece in sorted(range(len(pieces)), key=lambda place: (-pieces[place], place)):
            # pieces that cost nothing are spread as well: by their number
            least = min(range(of), key=lambda share: (loads[share], len(shares[share][part]), share))
            shares[least][part].append(piece)
            loads[least] += pieces[piece]
        for share in shares:
            share[part].sort()
    return shares

"""Which facts, and which restorations, are run together."""

from __future__ import annotations

from collections.abc import Sequence

from bench.model.tokens import chunks_by_tokens

TOGETHER = 8
"""Most facts whose states are held at once; their restorations fill a batch."""

ENOUGH, PADDING = 1024, 1.25
"""Tokens that fill a batch; beyond, tokens with padding over those without, at most."""


def few(sizes: Sequence[int], budget: int) -> list[list[int]]:
    """Group facts by the tokens of all their rows, a few at most."""
    groups = chunks_by_tokens(sizes, budget)
    return [group[i : i + TOGETHER] for group in groups for i in range(0, len(group), TOGETHER)]


def alike(sizes: Sequence[tuple[int, int]], budget: int) -> list[list[int]]:
    """Group restorations that have about as many tokens to run.

    Args:
        sizes: of each, the tokens of all its rows, and how many of them are run.
        budget: most tokens in a group.
    """
    groups: list[list[int]] = []
    longest = run = 0
    for i in sorted(range(len(sizes)), key=lambda i: (sizes[i][1], sizes[i][0], i)):
        longest, run = max(longest, sizes[i][0]), run + sizes[i][1]
        count = len(groups[-1]) + 1 if groups else 1
        # the last is the longest, so the others are padded to it
        padded = count * sizes[i][1]
        if groups and count * longest <= budget and padded <= max(ENOUGH, PADDING * run):
            groups[-1].append(i)
        else:
            groups.append([i])
            longest, run = sizes[i]
    return groups

"""Layers as people write them: "4,5,6", or the range "4-6"."""

from __future__ import annotations

import re
from typing import Any

DEEPEST = 9_999
"""No model has more layers; a longer range is a slip."""


def layer_numbers(written: Any) -> list[Any]:
    """Write out text and ranges; what is no text stays as it is.

    Args:
        written: "4-8", "4,5,6", or a list of numbers and such texts.

    Raises:
        ValueError: a text that is neither a layer nor a range of them, or nothing at all.
    """
    given = written if isinstance(written, (list, tuple)) else [written]
    found: list[Any] = []
    for each in given:
        if not isinstance(each, str):
            found.append(each)
            continue
        for part in each.split(","):
            if part.strip():
                found += _range(part.strip())
    if not found:
        raise ValueError("no layer given; write numbers and ranges, such as 4,5,6 or 4-8")
    return found


def _range(text: str) -> range:
    match = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last <= DEEPEST:
        raise ValueError(f"'{text}' is no layer; write numbers and ranges, such as 4,5,6 or 4-8")
    return range(first, last + 1)

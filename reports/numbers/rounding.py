"""How far numbers move by rounding alone, so that two machines are not taken for two methods.

Two processors of one kind round differently; thresholds (an eigenvalue above or below, an entry kept, an argmax)
amplify it. Seen on the default run, three seeds, between two processors of one kind: RECT 0.42 points of efficacy and
1.21 of XTREME F1, LangEdit 0.17 of efficacy, the others at most 0.1. `python -m benchmarks.rounding` makes the like on
one machine: the same cells with keys perturbed by a relative 1e-6.
"""

from __future__ import annotations

from reports.numbers.aggregate import Measure
from reports.numbers.f1 import is_f1

EDITING, XTREME_F1 = 1.0, 2.5
"""Points by which one seed's figure may differ: what was seen, times the square root of three, with some to spare.
Over n seeds the square root of n times less."""


def tolerance(measure: Measure, seeds: int) -> float:
    """Points by which a mean over so many seeds may differ from machine to machine."""
    return float((XTREME_F1 if is_f1(measure) else EDITING) / max(seeds, 1) ** 0.5)


def told(difference: float | None, measure: Measure, seeds: int) -> str:
    """What a difference of two runs of the same cells is, in words."""
    if difference is None:
        return ""
    if difference == 0:
        return "none"
    return "rounding" if abs(difference) <= tolerance(measure, seeds) else "beyond rounding"

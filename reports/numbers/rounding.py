"""How far numbers move by rounding alone, so that two machines are not taken for two methods.

Two processors of one kind round differently; thresholds (an eigenvalue above or below, an entry kept, an argmax)
amplify it. RECT keeps entries by their rank and does so most. Seen on the default run between two processors of one
kind, three seeds: RECT 0.42 points of efficacy and 1.21 of XTREME F1, LangEdit 0.17 of efficacy, the others at most
0.1. `python -m benchmarks.rounding --steps 18 --repeats 2`, one seed on one machine, keys perturbed by a relative 1e-6:
RECT 1.25 points of efficacy, 1.11 of generality, 0.66 of specificity and 6.17 of XTREME F1; MEMIT, AlphaEdit and both
forms of LangEdit less than 0.01 of each.
"""

from __future__ import annotations

from bench.config.variants import base_of
from reports.numbers.f1 import is_f1
from reports.numbers.measures import Measure

EDITING, XTREME_F1 = 0.5, 1.0
"""Points by which one seed's figure may differ: what was seen, times the square root of the seeds, and some to spare.
Over n seeds the square root of n times less."""

RANKED = {"rect": (1.5, 6.5)}
"""The same of methods that keep entries of an update by their rank."""


def tolerance(measure: Measure, seeds: int, method: str = "") -> float:
    """Points by which a method's mean over so many seeds may differ from machine to machine."""
    editing, f1 = RANKED.get(base_of(method), (EDITING, XTREME_F1))
    return float((f1 if is_f1(measure) else editing) / max(seeds, 1) ** 0.5)


def told(difference: float | None, measure: Measure, seeds: int, method: str = "") -> str:
    """What a difference of two runs of the same cells is, in words."""
    if difference is None:
        return ""
    if difference == 0:
        return "none"
    return "rounding" if abs(difference) <= tolerance(measure, seeds, method) else "beyond rounding"

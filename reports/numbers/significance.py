"""Paired tests of the best method of a column against every other one: t-tests, and for XTREME F1 one of F1 itself.

Unit "facts" is the main test: a fact asked by several probes, in several languages and under several seeds is one
cluster, hence one value, not many samples; for specificity the fact is the one that is asked, where the data tell it.
XTREME F1 is no mean over facts: see `reports.numbers.f1`. Unit "seeds" is the test of the LangEdit paper; three seeds
leave two degrees of freedom. What has fewer than two pairs or no variance has no p, but a reason. The unedited model is
never compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from reports.numbers.aggregate import Panel, summaries
from reports.numbers.f1 import f1_test, is_f1
from reports.numbers.measures import SCORE, Measure
from reports.numbers.pairing import Pair, Values, over_facts, over_seeds, score_over_facts
from reports.numbers.upper import competes

ALPHA = 0.05

Unit = Literal["facts", "seeds"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A paired test; None stands for what cannot be computed, and `note` says why.

    No number is ever NaN or infinite.

    Attributes:
        n: pairs.
        difference: mean of first - second, percentage points.
        low, high: 95 % confidence interval of it.
        effect: Cohen's d_z, the mean difference in standard deviations of the differences.
        p: two-sided.
        df: degrees of freedom of a t-test.
        p_holm: p corrected for all comparisons of its unit in the table.
    """

    n: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    p: float | None = None
    df: float | None = None
    p_holm: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`best` has the highest mean of column `measure`; `outcome` tells best - other."""

    measure: Measure
    best: str
    other: str
    unit: Unit
    outcome: Outcome


def paired(first: Sequence[float] | Values, second: Sequence[float] | Values) -> Outcome:
    """Paired t-test of values that stand at the same index.

    Differences that do not vary have no test: t is infinite or 0/0, and neither is evidence of anything.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    difference = a - b
    n = len(difference)
    if not np.isfinite(difference).all():
        return Outcome(n, note="some values are no finite numbers")
    if n < 2:
        return Outcome(n, float(difference[0]) if n else None, note=f"{n or 'no'} pair{'s' * (n != 1)}, needs two")
    mean, spread = float(difference.mean()), float(difference.std(ddof=1))
    rounding = 1e-12 * max(1.0, float(np.abs(a).max()), float(np.abs(b).max()))
    if spread <= rounding:
        same = "no pair differs" if abs(mean) <= rounding else "all pairs differ by the same"
        return Outcome(n, mean, note=f"{same}, no variance to test against")
    return replace(_t_test(n, mean, spread / n**0.5, n - 1), effect=mean / spread)


def _t_test(n: int, mean: float, error: float, df: float) -> Outcome:
    half = float(stats.t.ppf(0.975, df)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, df))
    return Outcome(n, mean, mean - half, mean + half, p=p, df=df)


def summed(pairs: Sequence[Pair]) -> Outcome:
    """Test of the sum of the means of independent paired differences: Welch's t, Satterthwaite's degrees of freedom."""
    outcomes = [paired(*pair) for pair in pairs]
    if len(outcomes) == 1:
        return outcomes[0]
    without = [o for o in outcomes if o.p is None]
    if len(without) == len(outcomes) or any(o.difference is None or o.n < 2 for o in without):
        return replace(without[0], difference=None)
    errors = [
        0.0 if o.p is None else float((a - b).var(ddof=1)) / len(a) for o, (a, b) in zip(outcomes, pairs, strict=True)
    ]
    df = sum(errors) ** 2 / sum(each**2 / (len(a) - 1) for each, (a, _) in zip(errors, pairs, strict=True))
    return _t_test(outcomes[0].n, sum(o.difference or 0.0 for o in outcomes), sum(errors) ** 0.5, df)


def paired_over_facts(panel: Panel, measure: Measure, first: str, second: str) -> Outcome:
    """Paired test of two methods over facts, or over items."""
    if is_f1(measure):
        found = f1_test(panel, measure, first, second)
        return Outcome(found.n, found.difference, found.low, found.high, p=found.p, note=found.note)
    if measure != SCORE:
        return paired(*over_facts(panel, measure, first, second))
    if pairs := score_over_facts(panel, first, second):
        return summed(pairs)
    return Outcome(0, note="a fact lacks one of the three measures, or one of their means is 0")


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def compare(panel: Panel, measures: Sequence[Measure]) -> list[Comparison]:
    """The best method of every column against every other complete one; Holm per unit over all columns."""
    found: list[Comparison] = []
    for measure in measures:
        numbers = {name: s.mean for name, s in summaries(panel, measure).items() if competes(name)}
        means = {name: mean for name, mean in numbers.items() if mean is not None}
        best = max(means, key=means.__getitem__, default="")
        for other in (name for name in means if name != best):
            facts = paired_over_facts(panel, measure, best, other)
            seeds = paired(*over_seeds(panel, measure, best, other))
            found.append(Comparison(measure, best, other, "facts", facts))
            found.append(Comparison(measure, best, other, "seeds", seeds))
    return _corrected(_corrected(found, "facts"), "seeds")


def beats_all(comparisons: Sequence[Comparison], measure: Measure, unit: Unit) -> bool:
    """Whether the column's best method is significantly better than every other.

    Over facts by the corrected p; over seeds by the plain one, as in the paper.
    """
    mine = [c.outcome for c in comparisons if c.measure == measure and c.unit == unit]
    p_values = [o.p_holm if unit == "facts" else o.p for o in mine]
    ahead = all((o.difference or 0.0) > 0 for o in mine)
    return bool(mine) and ahead and all(p is not None and p < ALPHA for p in p_values)


def _corrected(comparisons: Sequence[Comparison], unit: Unit) -> list[Comparison]:
    p_values = {i: c.outcome.p for i, c in enumerate(comparisons) if c.unit == unit}
    family = {i: p for i, p in p_values.items() if p is not None}
    by_index = dict(zip(family, holm(list(family.values())), strict=True))
    return [
        replace(c, outcome=replace(c.outcome, p_holm=by_index[i])) if i in by_index else c
        for i, c in enumerate(comparisons)
    ]

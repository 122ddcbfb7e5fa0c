"""95 % intervals of one method's number in a column, over the facts that it happens to be asked of.

A mean over seeds of means over records is linear in its records, so each fact adds a known part to its error: the sum
of what its records - its questions, languages and seeds, which are not independent - lie off the mean of their seed,
times their share. The variance of the number is that of these sums (the cluster-robust variance with G / (G - 1), Liang
and Zeger 1986; `statsmodels` calls it `cov_type="cluster"`), the interval Student's t with G - 1 degrees of freedom.
With one record a fact and one seed that is the textbook interval of a mean. The score takes the derivatives of the
harmonic mean, as `reports.numbers.pairing.score_over_facts` does, and Satterthwaite's degrees of freedom, for edited
facts and those that specificity asks are two samples. XTREME F1 is drawn anew: see `reports.numbers.f1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from scipy import stats

from reports.numbers.aggregate import Panel, per_seed, summaries
from reports.numbers.f1 import f1_interval, is_f1
from reports.numbers.measures import CORE, SCORE, SPECIFICITY, Measure
from reports.numbers.pairing import by_asked, tested


@dataclass(frozen=True, slots=True)
class Interval:
    """Between `low` and `high`, in percent; None where there is none, and `note` says why.

    Attributes:
        n: facts, or items of XTREME F1; of the score those that were edited.
    """

    n: int
    low: float | None = None
    high: float | None = None
    note: str = ""


def interval(panel: Panel, measure: Measure, method: str) -> Interval:
    """The interval of a method's number in a column; only where the column has that number."""
    mean = summaries(panel, measure)[method].mean
    if mean is None:
        return Interval(0, note="some seeds are missing")
    if is_f1(measure):
        found = f1_interval(panel, measure, method)
        return Interval(found.n, found.low, found.high, found.note)
    parts = _parts(panel, measure, method)
    if any(len(part) < 2 for part in parts):
        return Interval(min(map(len, parts)), note="fewer than two facts")
    half = _half(parts)
    if half is None:
        return Interval(len(parts[0]), note="no fact differs from another")
    return Interval(len(parts[0]), max(0.0, mean - half), min(100.0, mean + half))


def _half(parts: Sequence[pd.Series[float]]) -> float | None:
    """Half the width of the interval of a sum of independent parts; None where nothing varies."""
    variances = [float((part**2).sum()) * len(part) / (len(part) - 1) for part in parts]
    total = sum(variances)
    if total <= 1e-20:
        return None
    df = total**2 / sum(each**2 / (len(part) - 1) for each, part in zip(variances, parts, strict=True))
    return float(stats.t.ppf(0.975, df)) * sqrt(total)


def _parts(panel: Panel, measure: Measure, method: str) -> list[pd.Series[float]]:
    """What every fact adds to the error of a number; facts of two kinds stand in two parts."""
    if measure != SCORE:
        return [_offsets(panel, measure, method, {})]
    scores, means = per_seed(panel, SCORE), {part: per_seed(panel, part) for part in CORE}
    seeds = [seed for name, seed in scores if name == method]
    found = {}
    for part in CORE:
        mean = {seed: max(means[part][method, seed], 1e-9) for seed in seeds}  # where it is 0 the score is, too
        shares = {seed: scores[method, seed] ** 2 / (len(CORE) * mean[seed] ** 2) for seed in seeds}
        found[part] = _offsets(panel, part, method, shares)
    if by_asked(panel, SPECIFICITY, method):
        return [found[CORE[0]].add(found[CORE[1]], fill_value=0.0), found[SPECIFICITY]]
    return [found[CORE[0]].add(found[CORE[1]], fill_value=0.0).add(found[SPECIFICITY], fill_value=0.0)]


def _offsets(panel: Panel, measure: Measure, method: str, shares: dict[int, float]) -> pd.Series[float]:
    """By fact: how far its records lie off the mean of their seed, times their share in the number."""
    rows = tested(panel, measure, method)[0]
    by_seed = rows.groupby("seed")["value"]
    off = (rows["value"] - by_seed.transform("mean")) / by_seed.transform("size") / max(rows["seed"].nunique(), 1)
    if shares:
        off = off * rows["seed"].map(shares).to_numpy(dtype=np.float64)
    found: pd.Series[float] = off.groupby(rows["fact"]).sum()
    return found

"""What the paired tests compare: two methods' values, one per fact or one per seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.numbers.aggregate import Panel, harmonic, per_seed
from reports.numbers.measures import CORE, SPECIFICITY, Measure
from reports.numbers.once import once

Values = NDArray[np.float64]
Pair = tuple[Values, Values]


def over_facts(panel: Panel, measure: Measure, first: str, second: str) -> Pair:
    """One value per fact: its mean over probes, languages of the edit and seeds, where both methods have it.

    The fact is the edited one; for specificity the one that is asked, for several edits may ask the same.
    """
    facts, values = _side_by_side(panel, _as_tested(panel, measure, first, second))
    if first not in values or second not in values:
        return np.zeros(0), np.zeros(0)
    both = ~(np.isnan(values[first]) | np.isnan(values[second]))
    counts = np.bincount(facts[both])
    there = counts > 0
    a, b = (np.bincount(facts[both], values[name][both])[there] / counts[there] for name in (first, second))
    return a, b


@once
def _side_by_side(panel: Panel, measure: Measure) -> tuple[NDArray[np.intp], dict[str, Values]]:
    """Of every record that any method has the number of its fact, and each method's value; NaN where it has none."""
    records = panel.values(measure)
    wide = records.pivot(index=["fact", "seed", "edit_lang"], columns="method", values="value")
    facts, _ = pd.factorize(wide.index.get_level_values("fact"), sort=True)
    return facts, {str(name): wide[name].to_numpy(dtype=np.float64) for name in wide.columns}


def tested(panel: Panel, measure: Measure, *methods: str) -> list[pd.DataFrame]:
    """Records of methods that tests pair: by the fact that is asked if all data tell it, else by the edited one."""
    records = panel.values(_as_tested(panel, measure, *methods))
    return [records[records["method"] == method] for method in methods]


def _as_tested(panel: Panel, measure: Measure, *methods: str) -> Measure:
    return replace(measure, metric=measure.asked) if by_asked(panel, measure, *methods) else measure


def by_asked(panel: Panel, measure: Measure, *methods: str) -> bool:
    """Whether the data of all these methods tell which facts the questions of a measure ask."""
    return bool(measure.asked) and set(methods) <= _telling(panel, measure)


@once
def _telling(panel: Panel, measure: Measure) -> frozenset[str]:
    """Methods whose data tell which facts the questions of a measure ask."""
    return frozenset(panel.records.loc[panel.records["metric"] == measure.asked, "method"])


def over_seeds(panel: Panel, measure: Measure, first: str, second: str) -> Pair:
    """One value per seed that both methods have."""
    means = per_seed(panel, measure)
    seeds = [seed for name, seed in sorted(means) if name == first and (second, seed) in means]
    a, b = ([means[name, seed] for seed in seeds] for name in (first, second))
    return np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)


def score_over_facts(panel: Panel, first: str, second: str) -> list[Pair]:
    """What each fact adds to the score; edited facts, and apart from them those that specificity asks.

    A harmonic mean of means is no mean over facts, but nearly so (delta method): H = 3 / (1/E + 1/G + 1/S) has the
    derivative H^2 / (3 E^2) by E, so a fact with efficacy e, generality g and specificity s contributes
    H^2 / 3 (e/E^2 + g/G^2 + s/S^2). The mean of the contributions is H itself. Where the data tell which facts
    specificity asks, those are other facts than the edited ones, and their contributions stand in a second pair: the
    means of both add up to H. Where a mean is 0 there is no derivative, and where a fact lacks a measure no
    contribution; then there is no pair.
    """
    pairs = [over_facts(panel, part, first, second) for part in CORE]
    groups = [[0, 1], [2]] if by_asked(panel, SPECIFICITY, first, second) else [[0, 1, 2]]
    parts = [shares([pair[side] for pair in pairs]) for side in (0, 1)]
    if not all(parts) or any(len({len(pairs[i][0]) for i in group}) > 1 for group in groups):
        return []
    return [(_sum(parts[0], group), _sum(parts[1], group)) for group in groups]


def shares(parts: list[Values]) -> list[Values]:
    """What every value of each measure adds to the harmonic mean of their means; [] where one is 0 or has no values."""
    means = [float(part.mean()) if len(part) else 0.0 for part in parts]
    score = harmonic(means)
    if score == 0.0:
        return []
    return [score**2 / (len(parts) * mean**2) * part for part, mean in zip(parts, means, strict=True)]


def _sum(shares: list[Values], group: list[int]) -> Values:
    total: Values = np.sum([shares[i] for i in group], axis=0, dtype=np.float64)
    return total

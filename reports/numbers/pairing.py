"""What the paired tests compare: two methods' values, one per fact or one per seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reports.numbers.aggregate import CORE, SCORE, Measure, Panel, harmonic, per_seed

Values = NDArray[np.float64]
Pair = tuple[Values, Values]


def over_facts(panel: Panel, measure: Measure, first: str, second: str) -> Pair:
    """One value per fact: its mean over probes, languages of the edit and seeds, where both methods have it.

    A measure that is no mean over facts is tested on its items. An item's number is the same in every language that
    a task was translated to, so all of its languages are one value as well.
    """
    if measure == SCORE:
        return _score_over_facts(panel, first, second)
    records = panel.values(replace(measure, metric=measure.items) if measure.items else measure)
    a, b = (records[records["method"] == name] for name in (first, second))
    joined = a.merge(b, on=["seed", "fact", "edit_lang"])
    clusters = joined["fact"].map(_untranslated) if measure.items else joined["fact"]
    means = joined.groupby(clusters)[["value_x", "value_y"]].mean()
    return means["value_x"].to_numpy(dtype=np.float64), means["value_y"].to_numpy(dtype=np.float64)


def over_seeds(panel: Panel, measure: Measure, first: str, second: str) -> Pair:
    """One value per seed that both methods have."""
    means = per_seed(panel, measure)
    seeds = [seed for name, seed in sorted(means) if name == first and (second, seed) in means]
    a, b = ([means[name, seed] for seed in seeds] for name in (first, second))
    return np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)


def _score_over_facts(panel: Panel, first: str, second: str) -> Pair:
    """What each fact adds to the score.

    A harmonic mean of means is no mean over facts, but nearly so (delta method): H = 3 / (1/E + 1/G + 1/S) has the
    derivative H^2 / (3 E^2) by E, so a fact with efficacy e, generality g and specificity s contributes
    H^2 / 3 (e/E^2 + g/G^2 + s/S^2). The mean of the contributions is H itself. Where a mean is 0 there is no
    derivative, hence no pair.
    """
    parts = [over_facts(panel, part, first, second) for part in CORE]
    if len({len(values) for part in parts for values in part}) > 1:  # some fact lacks a measure
        return np.empty(0), np.empty(0)
    a, b = _contributions([a for a, _ in parts]), _contributions([b for _, b in parts])
    return (a, b) if len(a) == len(b) else (np.empty(0), np.empty(0))


def _contributions(parts: list[Values]) -> Values:
    if not len(parts[0]):
        return np.empty(0)
    means = [float(part.mean()) for part in parts]
    score = harmonic(means)
    if score == 0.0:
        return np.empty(0)
    shares = [score**2 / (len(parts) * mean**2) * part for part, mean in zip(parts, means, strict=True)]
    total: Values = np.sum(shares, axis=0, dtype=np.float64)
    return total


def _untranslated(item: str) -> str:
    """An item's task and number, without its language: "xnli/de/12" is "xnli/12"."""
    task, _, rest = item.partition("/")
    return f"{task}/{rest.partition('/')[2] or rest}"

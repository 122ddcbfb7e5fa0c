"""The test of XTREME F1 itself: what if the two methods had answered each other's items, or other items were asked?

An F1 is no mean over items, so it is made again from the counts of right, gold and said that evaluators leave of every
item and class. One value is an item with its translations and seeds, the same for both methods. The p value swaps the
two methods' answers to items at random (paired permutation test); the interval draws the items of each task anew, each
with both methods' answers (bootstrap, percentiles). Every draw takes all languages and seeds of an item along, so that
the figure is the table's: mean over seeds of the mean over tasks of the mean over languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from reports.numbers.aggregate import Panel
from reports.numbers.measures import Measure
from reports.numbers.once import once

COUNTED = ("right", "gold", "said")
KEYS = ["seed", "fact"]
SWAPS, DRAWS, BATCH = 4_999, 999, 500
"""Of the permutation test and of the bootstrap; as many at a time."""

SEED = 20
"""Of both, so that a report made twice says the same."""

Array = NDArray[np.float64]


def is_f1(measure: Measure) -> bool:
    """Whether a measure is no mean over facts, so that it has this test."""
    return measure.metric == "xtreme_f1"


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a test, in percentage points.

    Attributes:
        n: items, each with its translations.
        note: why there is no p.
    """

    n: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Task:
    """The items of a task that both methods were asked.

    Attributes:
        counts: of each method, [items, seeds x languages, classes, 3]; 0 where an item was not asked.
        share: of each seed and language in the figure.
        average: how the F1 of classes becomes one.
    """

    counts: tuple[Array, Array]
    share: Array
    average: str

    @property
    def n(self) -> int:
        """Items."""
        return len(self.counts[0])

    def f1(self, totals: Array) -> Array:
        """The task's part of the figure [...] from counts [..., seeds x languages, classes, 3]."""
        part: Array = pooled(totals, self.average) @ self.share
        return part


@dataclass(frozen=True, slots=True)
class _Table:
    """A task as all methods answered it.

    Attributes:
        counts: of each method, [items, seeds, languages, classes, 3]; 0 where an item was not asked.
        there: of each method, whether it was [items, seeds, languages].
        average: how the F1 of classes becomes one.
    """

    counts: dict[str, Array]
    there: dict[str, NDArray[np.bool_]]
    average: str


def weighed(counts: Array, times: Array) -> Array:
    """Sums [..., seeds x languages, classes, 3] of the counts of items taken so many times [..., items]."""
    sums: Array = (times @ counts.reshape(len(counts), -1)).reshape(*times.shape[:-1], *counts.shape[1:])
    return sums


def pooled(totals: Array, average: str) -> Array:
    """F1 [...] from counts of right, gold and said [..., classes, 3]; 0 for a class that is nowhere right."""
    right, gold, said = (totals[..., i] for i in range(3))
    whole = gold + said
    if average == "micro":  # nothing to find and nothing said
        right, whole = right.sum(-1), whole.sum(-1)
        return np.where(whole > 0, 2 * right / np.maximum(whole, 1), 1.0)
    classes = 2 * right / np.maximum(whole, 1)
    weight = gold if average == "weighted" else (whole > 0).astype(float)
    mean: Array = (weight * classes).sum(-1) / np.maximum(weight.sum(-1), 1)
    return mean


def f1_test(panel: Panel, measure: Measure, first: str, second: str, swaps: int | None = None) -> Found:
    """Test of the F1 of `first` against that of `second`.

    Args:
        panel: that holds both.
        measure: an F1.
        first: a method.
        second: that it is compared with.
        swaps: of the permutation test, `SWAPS` if None; p is never below 2 / (swaps + 1).
    """
    if note := _flaw(panel, measure, first) or _flaw(panel, measure, second):
        return Found(0, note=note)
    tasks = _tasks(panel, measure, first, second)
    n = sum(task.n for task in tasks)
    if any(task.n < 2 for task in tasks) or not tasks:
        return Found(n, note="fewer than two items of a task")
    difference = 100 * float(_swapped(tasks, np.zeros(n, dtype=bool)))
    if all(np.array_equal(*task.counts) for task in tasks):
        return Found(n, difference, note="no item differs, no variance to test against")
    low, high = _interval(tasks)
    return Found(n, difference, low, high, _p(tasks, n, swaps or SWAPS))


def f1_interval(panel: Panel, measure: Measure, method: str) -> Found:
    """95 % interval of the F1 of one method: the items of each task drawn anew, with their translations and seeds."""
    if note := _flaw(panel, measure, method):
        return Found(0, note=note)
    tasks = _tasks(panel, measure, method, method)
    n = sum(task.n for task in tasks)
    if any(task.n < 2 for task in tasks):
        return Found(n, note="fewer than two items of a task")
    low, high = _interval(tasks, against=False)
    return Found(n, low=low, high=high)


@once
def _flaw(panel: Panel, measure: Measure, method: str) -> str:
    """Why the F1 of a method cannot be made again from its counts; "" where it can."""
    rows = counts_of(panel, measure, method)
    if rows.empty:
        return "no counts of items are stored; score again"
    return "" if _agree(panel, measure, method, rows) else "the counts of items do not give the stored F1"


@once
def counts_of(panel: Panel, measure: Measure, method: str) -> pd.DataFrame:
    """A method's columns right, gold and said by seed, fact (task, lang, item), average and kind, the class."""
    records = panel.records[(panel.records["method"] == method) & (panel.records["protocol"] == measure.protocol)]
    names = pd.Series(records["metric"].unique(), dtype=object)
    counted = names.str.extract(r"^xtreme_(?P<count>right|gold|said):(?P<average>\w+):(?P<kind>.*)$").assign(
        metric=names
    )
    rows = records.merge(counted.dropna(), on="metric")
    by = [*KEYS, "average", "kind"]
    wide = rows.pivot_table(index=by, columns="count", values="value", aggfunc="sum")
    shares = (wide.reindex(columns=list(COUNTED)).fillna(0.0) / 100).reset_index()  # records are in percent
    return shares.join(shares["fact"].astype(str).str.extract(r"^(?P<task>[^/]*)/(?P<lang>[^/]*)/(?P<item>.*)$"))


def _agree(panel: Panel, measure: Measure, method: str, rows: pd.DataFrame) -> bool:
    """Whether the counts give the F1 that evaluators have stored, seed by seed and task by task."""
    every = panel.values(measure)
    stored = every[every["method"] == method].set_index(["seed", "fact"])["value"] / 100
    sums = rows.groupby(["seed", "task", "lang", "average", "kind"])[list(COUNTED)].sum()
    found = {
        key: float(pooled(part.to_numpy(dtype=float), str(key[3])))
        for key, part in sums.groupby(["seed", "task", "lang", "average"])
    }
    made = pd.Series(found, dtype=float).groupby(level=[0, 1]).mean()
    return len(made) == len(stored) and bool(np.allclose(made, stored.reindex(made.index), rtol=0, atol=1e-9))


def _tasks(panel: Panel, measure: Measure, first: str, second: str) -> list[_Task]:
    """The tasks of two methods, with the items, seeds and languages that both were asked in."""
    tables = [table for table in _tables(panel, measure) if {first, second} <= set(table.counts)]
    both = [table.there[first] & table.there[second] for table in tables]
    seeds = sum(any(there[:, i].any() for there in both) for i in range(both[0].shape[1])) if both else 0
    names = sum(bool(there.any()) for there in both)
    found = []
    for table, there in zip(tables, both, strict=True):
        if not there.any():
            continue
        items = there.any(axis=(1, 2))
        of_both = there[items][..., None, None]
        shape = (int(items.sum()), -1, *table.counts[first].shape[3:])
        counts = tuple((table.counts[name][items] * of_both).reshape(shape) for name in (first, second))
        asked = there.any(axis=0).astype(float)
        share = asked / np.maximum(asked.sum(axis=1, keepdims=True), 1) / (seeds * names)
        found.append(_Task((counts[0], counts[1]), share.ravel(), table.average))
    return found


@once
def _tables(panel: Panel, measure: Measure) -> list[_Table]:
    """The counts of all methods, task by task."""
    methods = panel.records["method"].unique()
    parts = [counts_of(panel, measure, method).assign(method=method) for method in methods]
    every = pd.concat([part for part in parts if len(part)])
    seeds = sorted(every["seed"].unique())
    found = []
    for _, rows in every.groupby("task"):
        axes = [sorted(rows["item"].unique()), seeds, *(sorted(rows[name].unique()) for name in ("lang", "kind"))]
        table = _Table({}, {}, str(rows["average"].iloc[0]))
        for method, mine in rows.groupby("method"):
            names = ("item", "seed", "lang", "kind")
            places = tuple(pd.Index(axis).get_indexer(mine[name]) for axis, name in zip(axes, names, strict=True))
            counts, there = np.zeros((*map(len, axes), 3)), np.zeros([len(axis) for axis in axes[:3]], dtype=bool)
            counts[places], there[places[:3]] = mine[list(COUNTED)].to_numpy(dtype=float), True
            table.counts[str(method)], table.there[str(method)] = counts, there
        found.append(table)
    return found


def _swapped(tasks: Sequence[_Task], swap: NDArray[np.bool_]) -> Array:
    """First less second [...] where the answers to some items [..., items] are exchanged."""
    total, start = np.zeros(swap.shape[:-1]), 0
    for task in tasks:
        first, second = task.counts
        moved = weighed(second - first, swap[..., start : start + task.n].astype(float))
        total = total + task.f1(first.sum(0) + moved) - task.f1(second.sum(0) - moved)
        start += task.n
    return total


def _p(tasks: Sequence[_Task], n: int, swaps: int) -> float:
    """Two-sided p of the paired permutation test: scipy permutes indices, those of the second method from n on."""

    def difference(first: NDArray[Any], second: NDArray[Any], axis: int) -> Array:
        return _swapped(tasks, np.moveaxis(first, axis, -1) >= n)

    found = stats.permutation_test(
        (np.arange(n), np.arange(n, 2 * n)), difference, permutation_type="samples", vectorized=True,
        n_resamples=swaps, batch=BATCH, rng=np.random.default_rng(SEED),
    )  # fmt: skip
    return float(found.pvalue)


def _interval(tasks: Sequence[_Task], against: bool = True) -> tuple[float, float]:
    """95 % interval in points of the difference, or of the first method; scipy draws the items of each task."""

    def figure(*items: NDArray[Any], axis: int) -> Array:
        return sum(map(partial(_drawn, axis=axis, against=against), tasks, items), np.zeros(()))

    found = stats.bootstrap(
        [np.arange(task.n) for task in tasks], figure, vectorized=True, paired=False, method="percentile",
        n_resamples=DRAWS, batch=BATCH, rng=np.random.default_rng(SEED),
    )  # fmt: skip
    low, high = found.confidence_interval
    return 100 * float(low), 100 * float(high)


def _drawn(task: _Task, items: NDArray[Any], axis: int, against: bool) -> Array:
    """The task's part of the difference, or of the first method, [...] for drawn items [..., items]."""
    items = np.moveaxis(items, axis, -1)
    flat = items.reshape(-1, items.shape[-1])
    places = flat + task.n * np.arange(len(flat))[:, None]
    times = np.bincount(places.ravel(), minlength=task.n * len(flat)).reshape(*items.shape[:-1], task.n).astype(float)
    first = task.f1(weighed(task.counts[0], times))
    return first - task.f1(weighed(task.counts[1], times)) if against else first

"""From result rows to the numbers of a table, without ever averaging over what is missing.

A *record* is one edit: a fact in the language it was edited in. Rows are averaged within a record by weight (tokens),
records within a seed, seeds within a method (LangEdit Eq. 11 to 13). The records of XTREME F1 are its tasks, their rows
the languages, so that its mean is the mean over tasks of the mean over languages. Values are percentages from here on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.config.cell import LANGUAGES
from bench.config.run import ALL, PAPER_METHODS
from bench.ground.errors import BenchError
from bench.store.results import Results
from reports.numbers.measures import CORE, SCORE, Measure
from reports.numbers.once import once

FINISHED = ("done", "diverged")
"""Cells with these statuses have been taken to the end of their stream, so their scores count."""

UNEDITED = "none"


class Setting(NamedTuple):
    """What one table is about: cells that differ in method and seed only.

    Attributes:
        edited: languages that are edited, "all" or as "en+de".
    """

    model: str
    data: str
    order: str
    edited: str = ALL


@dataclass(frozen=True, slots=True)
class Standing:
    """Which seeds of a method count, and which do not.

    Attributes:
        seeds: that there should be.
        scored: that ran to the end; those that diverged on the way are among them.
        diverged: whose model broke on the way; scored as it was then.
        steps: number of steps after which the seeds were scored.
    """

    method: str
    seeds: tuple[int, ...]
    scored: tuple[int, ...]
    diverged: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Whether every seed counts."""
        return len(self.scored) == len(self.seeds)


@dataclass(frozen=True, slots=True)
class Panel:
    """The results of one setting.

    Attributes:
        standings: of every method, in the order of tables.
        records: one row per record: method, seed, metric, protocol, fact, edit_lang, value (percent).
        known: what `once` keeps.
    """

    setting: Setting
    standings: tuple[Standing, ...]
    records: pd.DataFrame
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @once
    def values(self, measure: Measure) -> pd.DataFrame:
        """The records of one column.

        Raises:
            BenchError: rows of several protocols, and the column names none.
        """
        found = self.records[self.records["metric"] == measure.metric]
        protocols = sorted(found["protocol"].unique())
        if measure.protocol is None and len(protocols) > 1:
            raise BenchError(f"metric '{measure.metric}' has rows of several protocols: {', '.join(protocols)}")
        return found if measure.protocol is None else found[found["protocol"] == measure.protocol]


@dataclass(frozen=True, slots=True)
class Summary:
    """A method's number in one column.

    Attributes:
        mean: over seeds; None unless every seed there should be has a value.
        std: over seeds, n - 1 in the denominator; None with fewer than two.
        have: seeds with a value.
        planned: seeds there should be.
    """

    mean: float | None
    std: float | None
    have: int
    planned: int

    def as_scored(self) -> Summary:
        """The number as it was scored: records hold all in percent, also what is none."""
        mean, std = (None if each is None else each / 100 for each in (self.mean, self.std))
        return replace(self, mean=mean, std=std)


def panels(results: Results) -> list[Panel]:
    """Split a run by model, data and order.

    Raises:
        BenchError: two cells claim one place in a table.
    """
    _check_places(results.cells)
    records = records_of(results)
    steps = results.scores.groupby("cell")["step"].max()
    found: list[Panel] = []
    for place in sorted(set(results.cells[list(Setting._fields)].itertuples(index=False, name=None))):
        cells = cells_of(results.cells, Setting(*place))
        seeds = tuple(sorted({int(seed) for seed in cells["seed"]}))
        methods = dict.fromkeys(cells["method"])
        standings = tuple(_standing(method, cells[cells["method"] == method], seeds, steps) for method in methods)
        mine = records.merge(cells[["cell", "method", "seed"]], on="cell").drop(columns="cell")
        found.append(Panel(Setting(*place), standings, mine))
    return found


def cells_of(cells: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """The cells of one setting by method, in the order of tables, and seed."""
    for name, value in setting._asdict().items():
        cells = cells[cells[name] == value]
    rank = {method: place for place, method in enumerate(ordered(cells["method"].unique()))}
    return cells.assign(rank=cells["method"].map(rank)).sort_values(["rank", "seed"]).drop(columns="rank")


def ordered(methods: Iterable[str]) -> list[str]:
    """Methods in the order of tables: those of the paper as the paper has them, then others by name."""
    rank = {name: place for place, name in enumerate(PAPER_METHODS)}
    return sorted(methods, key=lambda name: (rank.get(name, len(rank)), name))


def records_of(results: Results, by: Sequence[str] = ("fact", "edit_lang"), every_step: bool = False) -> pd.DataFrame:
    """One row per record of every finished cell, as of the last step it was scored at: weighted mean of its rows, x100.

    Where edits add up that is the last scored step for all. All rows of independent edits count: what one asks of an
    unrelated fact is not superseded by what a later one asks of it. A metric with a value that is no finite number
    counts as absent from its cell.

    Args:
        results: a run.
        by: what records are told apart by within a cell and metric.
        every_step: a row per scored step.
    """
    finished = results.cells.loc[results.cells["status"].isin(FINISHED), "cell"]
    rows = results.scores[results.scores["cell"].isin(finished)]
    if not every_step and not results.independent:
        rows = rows[rows["step"] == rows.groupby(["cell", "fact", "edit_lang"])["step"].transform("max")]
    keys = ["cell", "metric", "protocol", *(("step",) if every_step else ())]
    rows = rows.assign(sound=np.isfinite(rows["value"]) & np.isfinite(rows["weight"]))
    rows = rows[rows.groupby(keys)["sound"].transform("all").astype(bool) & (rows["weight"] > 0)]
    weighted = rows.assign(value=rows["value"] * rows["weight"])
    sums = weighted.groupby([*keys, *by], as_index=False)[["value", "weight"]].sum()
    return sums.assign(value=100.0 * sums["value"] / sums["weight"]).drop(columns="weight")


@once
def per_seed(panel: Panel, measure: Measure) -> dict[tuple[str, int], float]:
    """(method, seed) -> mean over records. `SCORE` is the harmonic mean of the three core means."""
    if measure == SCORE:
        parts = [per_seed(panel, part) for part in CORE]
        return {key: harmonic([part[key] for part in parts]) for key in parts[0] if all(key in part for part in parts)}
    means = panel.values(measure).groupby(["method", "seed"], as_index=False)["value"].mean()
    return {(method, int(seed)): value for method, seed, value in means.itertuples(index=False, name=None)}


def harmonic(values: Sequence[float]) -> float:
    """Harmonic mean; 0 if any value is 0."""
    return 0.0 if min(values) <= 0 else len(values) / sum(1 / value for value in values)


def per_task(panel: Panel, measure: Measure) -> dict[tuple[str, str], Summary]:
    """(method, task) -> mean over languages, for a measure whose records are tasks."""
    found = panel.values(measure)
    by_pair: dict[tuple[str, str], list[float]] = {}
    for method, task, value in found[["method", "fact", "value"]].itertuples(index=False, name=None):
        by_pair.setdefault((method, task), []).append(value)
    tasks = dict.fromkeys(found["fact"])
    return {(s.method, t): summary_of(s, by_pair.get((s.method, t), [])) for s in panel.standings for t in tasks}


def summaries(panel: Panel, measure: Measure) -> dict[str, Summary]:
    """The number of every method in one column."""
    means = per_seed(panel, measure)
    return {
        s.method: summary_of(s, [means[s.method, seed] for seed in s.seeds if (s.method, seed) in means])
        for s in panel.standings
    }


def summary_of(standing: Standing, values: Sequence[float]) -> Summary:
    """A method's number from those of its seeds."""
    series = np.asarray(values, dtype=np.float64)
    whole = len(values) == len(standing.seeds)
    return Summary(
        mean=float(series.mean()) if whole and len(values) else None,
        std=float(series.std(ddof=1)) if whole and len(values) > 1 else None,
        have=len(values),
        planned=len(standing.seeds),
    )


@once
def per_language(panel: Panel, measure: Measure) -> dict[tuple[str, str], Summary]:
    """(method, edit language) -> its number, for every method and every language that facts were edited in."""
    means = panel.values(measure).groupby(["method", "edit_lang", "seed"], as_index=False)["value"].mean()
    by_pair: dict[tuple[str, str], list[float]] = {}
    for method, language, _, value in means.itertuples(index=False, name=None):
        by_pair.setdefault((method, language), []).append(value)
    return {
        (s.method, language): summary_of(s, by_pair.get((s.method, language), []))
        for s in panel.standings
        for language in languages(panel)
    }


@once
def languages(panel: Panel) -> list[str]:
    """Languages that facts were edited in: those of the paper in its order, then others by code."""
    core = panel.records["metric"].isin([measure.metric for measure in CORE])
    rank = {code: place for place, code in enumerate(LANGUAGES)}
    found = {str(code) for code in panel.records.loc[core, "edit_lang"]}
    return sorted(found, key=lambda code: (rank.get(code, len(rank)), code))


def _standing(method: str, cells: pd.DataFrame, seeds: tuple[int, ...], steps: pd.Series[int]) -> Standing:
    finished = cells[cells["status"].isin(FINISHED)]
    return Standing(
        method=method,
        seeds=seeds,
        scored=tuple(int(seed) for seed in finished["seed"]),
        diverged=tuple(int(seed) for seed in cells.loc[cells["status"] == "diverged", "seed"]),
        steps=tuple(sorted({int(steps[cell]) for cell in finished["cell"] if cell in steps.index})),
    )


def _check_places(cells: pd.DataFrame) -> None:
    twice = cells[cells.duplicated(["method", *Setting._fields, "seed"])]
    if len(twice):
        row = twice.iloc[0]
        raise BenchError(
            f"two cells of {row['method']} on {row['model']}, {row['data']}, seed {row['seed']} differ in settings and "
            "no run.json says which one counts; use one run name per setting",
            record=row["cell"],
        )

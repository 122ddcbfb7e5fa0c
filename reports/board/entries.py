"""The runs of a board: folders and packed files, read into cells that say what they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.ground.errors import BenchError
from bench.store.packing import SUFFIX, unpacked
from bench.store.records import read_cell
from bench.store.results import Results
from bench.store.shards import FINISHED
from reports.numbers.aggregate import records_of
from reports.numbers.costs import spent
from reports.numbers.measures import FURTHER, MAIN, SCORE, Measure

MEASURES: tuple[Measure, ...] = (*MAIN, *(each for each in FURTHER if each.metric != "replaced"))
"""Columns of the board; of "still says what was replaced" less is better, and nobody is ranked by it."""

METRICS = frozenset(metric for each in MEASURES if each != SCORE for metric in (each.metric, each.asked) if metric)
"""What they are made of, as evaluators write it."""

EVALUATORS = {"xtreme_f1": "xtreme", "efficacy_match": "generation"}
"""Evaluators of metrics, where it is not "edits"."""

HOW = frozenset({"batch_size"})
"""Options of evaluators that change how fast they are, not what they ask."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A cell as one run holds it.

    Attributes:
        run: the run's name on the board.
        record: cell.json.
        place: what the run calls it: method, model, data, order, edited, seed, status.
        scores: by evaluator, records as `reports.numbers.aggregate.records_of` gives them; none where it is not
            finished.
        cost: seconds per edited fact and peak bytes of memory; None where that was not measured.
        independent: whether every edit of it was made alone.
        answers: address of the page of its run's answers; "" where it has kept none itself.
    """

    run: str
    record: Mapping[str, Any]
    place: Mapping[str, Any]
    scores: Mapping[str, pd.DataFrame]
    cost: tuple[float | None, float | None]
    independent: bool
    answers: str = ""

    @property
    def id(self) -> str:
        """Of the cell."""
        return str(self.record["id"])

    @property
    def seed(self) -> int:
        """Of the cell."""
        return int(self.place["seed"])

    @property
    def is_finished(self) -> bool:
        """Whether it ran to the end of its stream."""
        return self.place["status"] in FINISHED

    @property
    def device(self) -> str:
        """On what it was computed, with the number of threads: seconds on two devices say nothing about methods."""
        environment = self.record["environment"]
        threads = environment.get("threads")
        many = f", {threads} thread{'s' * (threads != 1)}" if threads else ""
        return f"{environment['device'] or 'unknown device'}{many}"

    def lacks(self, evaluator: str) -> bool:
        """Whether an evaluator was to ask it, and nothing of what came of that is there."""
        planned = not self.is_finished or evaluator in self.record["environment"]["evaluators"]
        return planned and evaluator not in self.scores

    def asked(self, evaluator: str) -> dict[str, Any]:
        """What an evaluator was told to ask."""
        options = self.record["environment"]["evaluators"].get(evaluator, {})
        return {name: value for name, value in options.items() if name not in HOW}


@dataclass(frozen=True, slots=True)
class Entry:
    """A run on the board.

    Attributes:
        file: name of its folder or packed file.
        cells: those that have begun.
        missing: what it calls those that have not, as `Computed.place`.
        answers: address of the page of its answers; "" where it has kept none.
    """

    name: str
    file: str
    cells: tuple[Computed, ...]
    missing: tuple[Mapping[str, Any], ...] = ()
    answers: str = ""

    @property
    def finished(self) -> int:
        """Cells that ran to the end."""
        return sum(cell.is_finished for cell in self.cells)


def runs_in(folder: Path) -> list[Path]:
    """Packed runs and runs' folders in a folder, or the folder itself where it is a run's.

    Raises:
        BenchError: there are none.
    """
    if not folder.is_dir():
        raise BenchError("no such folder", file=folder)
    if is_run(folder):
        return [folder]
    found = [path for path in sorted(folder.iterdir()) if is_packed(path) or is_run(path)]
    if not found:
        raise BenchError(f"holds no runs: no file *{SUFFIX}, no folder of a run", file=folder)
    return found


def is_packed(path: Path) -> bool:
    """Whether it is called as packed runs are."""
    return path.name.endswith(SUFFIX) and not path.name.startswith(".")


def is_run(path: Path) -> bool:
    """Whether it is a folder of cells."""
    return path.is_dir() and any(path.glob("*/cell.json"))


def opened(path: Path) -> AbstractContextManager[Path]:
    """A run's folder to read; of a packed run a temporary one."""
    return unpacked(path) if is_packed(path) else nullcontext(path)


def names_of(paths: list[Path]) -> list[str]:
    """Names of runs on the board: of their files, without the ending where that tells them apart."""
    short = [path.name.removesuffix(SUFFIX) for path in paths]
    return [path.name if short.count(name) > 1 else name for path, name in zip(paths, short, strict=True)]


def entry_of(folder: Path, path: Path, name: str, results: Results) -> Entry:
    """A run as the board has it.

    Args:
        folder: that it lies in, to be read.
        path: what the user gave.
        name: on the board.
        results: its tables.

    Raises:
        BenchError: a cell's record is torn or altered.
    """
    missing = results.cells[results.cells["status"] == "missing"].to_dict("records")
    planned = tuple({str(key): value for key, value in row.items()} for row in missing)
    return Entry(name, path.name, tuple(_cells(folder, name, results)), planned)


def with_answers(entry: Entry, address: str, said: Collection[str]) -> Entry:
    """A run with the page of its answers, which some cells have kept."""
    cells = (replace(cell, answers=address) if cell.id in said else cell for cell in entry.cells)
    return replace(entry, answers=address, cells=tuple(cells))


def _cells(folder: Path, name: str, results: Results) -> Iterator[Computed]:
    wanted = [metric for metric in results.scores["metric"].unique() if _is_wanted(metric)]
    results = replace(results, scores=results.scores[results.scores["metric"].isin(wanted)])
    records = records_of(results)
    evaluators = records["metric"].map({metric: evaluator_of(metric) for metric in records["metric"].unique()})
    scores: dict[str, dict[str, pd.DataFrame]] = {}
    for (cell, evaluator), rows in records.groupby(["cell", evaluators]):
        scores.setdefault(str(cell), {})[str(evaluator)] = rows.drop(columns="cell")
    costs = _costs(results)
    for row in results.cells.to_dict("records"):
        path = folder / row["cell"] / "cell.json"
        if row["status"] == "missing":
            continue
        place = {str(key): value for key, value in row.items()}
        cost = costs.get(row["cell"], (None, None))
        yield Computed(name, read_cell(path), place, scores.get(row["cell"], {}), cost, results.independent)


def _is_wanted(metric: str) -> bool:
    return metric in METRICS or metric.startswith(("xtreme_right:", "xtreme_gold:", "xtreme_said:"))


def evaluator_of(metric: str) -> str:
    """The evaluator that wrote the rows of a metric."""
    return "xtreme" if metric.startswith("xtreme_") else EVALUATORS.get(metric, "edits")


def _costs(results: Results) -> dict[str, tuple[float | None, float | None]]:
    """By cell: seconds per edited fact over all steps that did not break the model, and peak memory."""
    rows = spent(results, results.cells)
    rows = rows[np.isfinite(rows["value"])]
    wide = rows.pivot_table(index=["cell", "step"], columns="quantity", values="value", aggfunc="sum")
    wide = wide.reindex(columns=["seconds.total", "edits", "memory.peak_bytes"])
    found: dict[str, tuple[float | None, float | None]] = {}
    for cell, steps in wide.groupby("cell"):
        timed = steps[steps["seconds.total"].notna() & (steps["edits"] > 0)]
        peak = steps["memory.peak_bytes"].max()
        facts = timed["edits"].sum()
        found[str(cell)] = (
            float(timed["seconds.total"].sum() / facts) if facts > 0 else None,
            float(peak) if pd.notna(peak) else None,
        )
    return found

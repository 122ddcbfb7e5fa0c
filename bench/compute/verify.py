"""Are stored scores those of the model? The last step of some cells, computed again from their checkpoints."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from bench.compute import checkpoint, driver, world
from bench.compute.environment import environment
from bench.compute.recording import Table
from bench.config.cell import Cell
from bench.ground.errors import BenchError, WeightsError
from bench.model.loading import quiet_libraries
from bench.plan import contents
from bench.store.records import read_cell
from bench.store.results import Results
from bench.store.shards import FINISHED, JUDGED, ResultStore

if TYPE_CHECKING:
    from bench.ground.progress import Board

Verdict = Literal["agrees", "differs", "not checked"]

NEAR = 0.01
"""By how much the mean of a metric may differ on another machine, or on a GPU, whose sums are not reproducible."""
WHERE = ["metric", "protocol", "fact", "edit_lang", "probe_lang"]


@dataclass(frozen=True, slots=True)
class Check:
    """What came of one cell.

    Attributes:
        cell: its id.
        label: its name for people.
        verdict: whether its scores are those that were computed again.
        detail: how far they agree, or why they could not be checked.
    """

    cell: str
    label: str
    verdict: Verdict
    detail: str


def verify(
    root: Path, results: Results, world: world.World, board: Board, cells: int = 4, seed: int = 0
) -> list[Check]:
    """Check a run: of some cells the last step is edited and scored again.

    Of cells whose edits add up, only those that have kept their checkpoints can be computed again; a run keeps those
    of its first seed.

    Args:
        root: the run's folder.
        results: its tables.
        world: where to compute; its evaluators do not matter, for every cell names its own.
        board: shows how far it is.
        cells: how many to compute again, at most.
        seed: draws them.

    Returns:
        Checks of the cells that were drawn.

    Raises:
        BenchError: a cell was altered.
        WeightsError: the weights that it was computed with are not those of its model.
    """
    store = ResultStore(root)
    finished = results.cells[results.cells["status"].isin(FINISHED)]["cell"]
    cells_of = (Cell.model_validate(read_cell(store.folder(str(name)) / "cell.json")["cell"]) for name in finished)
    able = [cell for cell in cells_of if cell.schedule.independent or _checkpointed(cell, store)]
    drawn = random.Random(seed).sample(able, min(cells, len(able)))
    checks = []
    with quiet_libraries():
        for cell in drawn:
            check = _again(cell, store, results, world, board)
            board.finished(cell.label(), "done" if check.verdict == "agrees" else check.verdict, check.detail)
            checks.append(check)
    return checks


def _checkpointed(cell: Cell, store: ResultStore) -> bool:
    return any(driver.checkpoints(cell, store).glob("*.safetensors"))


def _again(cell: Cell, store: ResultStore, results: Results, world: world.World, board: Board) -> Check:
    progress = board.cell(cell.label())
    recorded = store.environment(cell.id())
    try:
        found = contents.as_now(cell, world.methods, world.data_dir, world.cache_dir, world.trusted)
        if found.id() != cell.id():
            return Check(cell.id(), cell.label(), "not checked", f"another {changed(cell, found)} by now")
        mine = replace(world, evaluators=_evaluators(recorded))
        asked = contents.judged([found], mine.evaluators, mine.evaluator_registry, mine.data_dir)[0].asked
        if asked != cell.asked:
            return Check(cell.id(), cell.label(), "not checked", "evaluators ask something else by now")
        progress.stage("loading")
        work = driver.Work.load(cell, mine)
        again = _last_step(work, mine, store)
    except WeightsError:
        raise
    except BenchError as error:
        return Check(cell.id(), cell.label(), "not checked", str(error))
    stored = results.scores[(results.scores["cell"] == cell.id()) & (results.scores["step"] == len(work.stream))]
    # judges are not asked again
    stored = stored[~stored["protocol"].str.startswith(JUDGED)]
    exact = _same_place(recorded, environment(work.model, cell, work.alignment, mine.evaluators))
    verdict, detail = compare(stored, again, exact)
    return Check(cell.id(), cell.label(), verdict, detail)


def _evaluators(recorded: Mapping[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    # "asked" names the items; it is no option
    found = recorded.get("evaluators", {}).items()
    return tuple((name, {key: value for key, value in options.items() if key != "asked"}) for name, options in found)


def changed(old: Cell, new: Cell) -> str:
    """Which parts of a cell's identity differ."""
    a, b = old.identity(), new.identity()
    return " and ".join(key for key in a if a[key] != b[key])


def _last_step(work: driver.Work, world: world.World, store: ResultStore) -> pd.DataFrame:
    """Scores of the last step, edited again from the checkpoint before it.

    Raises:
        BenchError: there is no sound checkpoint of the step before the last.
    """
    folder, last = driver.checkpoints(work.cell, store), work.stream.steps[-1]
    state, _ = work.prepare(world)
    if work.cell.schedule.independent:
        _, tables = work.edit_apart(last, state, work.scored_with)
        return _frame(tables.values())
    done = checkpoint.restore(folder, work.cell.id(), work.model, state, latest=last.number - 1)
    if done != last.number - 1:
        raise BenchError(f"no sound checkpoint of step {last.number - 1}", file=folder)
    state, _ = work.edit(last, state)
    return _frame(table for _, table in work.score(last, state, work.scored_with))


def _frame(tables: Iterable[Table]) -> pd.DataFrame:
    return pd.DataFrame([row for table in tables for row in table.rows], columns=[*WHERE, "value", "weight"])


def _same_place(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether numbers must be the same to the last bit."""
    keys = ("device", "threads", "tokens_per_pass", "packages")
    same = all(recorded.get(key) == now.get(key) for key in keys) and not recorded.get("earlier")
    return same and str(now["device"]).startswith("cpu")


def compare(stored: pd.DataFrame, again: pd.DataFrame, exact: bool) -> tuple[Verdict, str]:
    """Compare the scores of one step.

    Args:
        stored: rows of the store's scores.
        again: the same, computed again.
        exact: no score may differ at all; else means of metrics may, by `NEAR`.
    """
    first, second = (frame.sort_values([*WHERE, "value"], ignore_index=True) for frame in (stored, again))
    if not first[WHERE].equals(second[WHERE].astype(first[WHERE].dtypes)):
        return "differs", f"{len(first)} scores are stored, {len(second)} were computed, not of the same questions"
    differing = int((first["value"].fillna(-1) != second["value"].fillna(-1)).sum())
    means = [frame.groupby(["metric", "protocol"])["value"].mean() for frame in (first, second)]
    furthest = float((means[0] - means[1]).abs().max()) if len(first) else 0.0
    text = f"{len(first) - differing} of {len(first)} scores equal, means within {furthest:.2g}"
    if differing and (exact or furthest > NEAR):
        return "differs", text
    return "agrees", text if exact else f"{text} (another machine, other versions or a GPU)"


def all_agree(checks: Sequence[Check]) -> bool:
    """Whether something was computed again and nothing differs."""
    return any(check.verdict == "agrees" for check in checks) and not any(c.verdict == "differs" for c in checks)

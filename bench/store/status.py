"""How the cells of a run stand: from the files in its folder alone, so from any machine that sees them. No torch.

A cell is called running as long as a process holds it; one whose process is gone is interrupted. Where locks cannot be
tested - in a folder that may only be read - its status file is believed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.ground.errors import BenchError, StorageError
from bench.ground.progress import Left, TimeLeft
from bench.store.claims import is_claimed
from bench.store.estimate import Spent, spent
from bench.store.records import read_run
from bench.store.results import PLACE, cell_row, planned_cells
from bench.store.shards import COST_TABLE, FINISHED, ResultStore, Status, step_of

OVER = (*FINISHED, "failed", "broken")
"""No process will go on with these unless it is told to."""

LATEST = 1e11
"""Seconds of the epoch that a calendar still has."""


class Heard(BaseModel):
    """What a cell's status file says, see `bench.store.shards.ResultStore.running`; 0 and "" where it says nothing.

    Attributes:
        when: it says so since, seconds of the epoch.
        since: the process has been at the cell since then.
        step: steps edited; None before the first.
        first: steps that were edited when this process began to edit.
        begun: when that was.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    status: Status | Literal["missing", "broken"]
    reason: str = ""
    when: float = Field(0.0, ge=0, le=LATEST)
    host: str = ""
    pid: int = 0
    since: float = Field(0.0, ge=0, le=LATEST)
    stage: str = ""
    step: int | None = None
    steps: int = 0
    first: int = 0
    begun: float = 0.0

    @property
    def edited(self) -> int:
        """Steps edited; while one is scored, it is."""
        return (self.step or 0) + (self.stage == "scoring")


@dataclass(frozen=True, slots=True)
class Standing:
    """How one cell stands.

    Attributes:
        cell: its id.
        place: its `PLACE`, as far as it is known.
        status: of its status file, or "missing", or "broken": its files cannot be read.
        heard: what its status file says besides.
    """

    cell: str
    place: Mapping[str, str]
    status: str
    heard: Heard

    @property
    def row(self) -> tuple[Any, ...]:
        """What cells must share to take about as long: all but the seed and the data."""
        return tuple(self.place.get(name) for name in ("method", "model", "order", "edited"))


def standings(root: Path, before: Iterable[Standing] = ()) -> list[Standing]:
    """How every cell of a run stands, in the order of run.json.

    A cell that cannot be read is one that is broken; one that would be computed again is interrupted.

    Args:
        root: the run's folder.
        before: how they stood; what was finished then is not looked through again.

    Raises:
        BenchError: no such folder, no cells in it, or run.json cannot be read.
    """
    if not root.is_dir():
        raise BenchError("no such run folder", file=root)
    path = root / "run.json"
    run = read_run(path) if path.exists() else {}
    cells = {str(cell["cell"]): {name: str(cell[name]) for name in PLACE} for cell in planned_cells(run)}
    cells = cells or {path.parent.name: {} for path in sorted(root.glob("*/cell.json"))}
    if not cells:
        raise BenchError("the run holds no cells", file=root)
    finished = {each.cell: each for each in before if each.status in FINISHED}
    return [_standing(root, cell, where, finished.get(cell)) for cell, where in cells.items()]


def _standing(root: Path, cell: str, where: Mapping[str, str], before: Standing | None) -> Standing:
    store = ResultStore(root)
    folder = store.folder(cell)
    try:
        found = store.standing(cell)
        if not found:
            return Standing(cell, where, "missing", Heard(status="missing"))
        if before and found["when"] == before.heard.when:
            return before
        row = cell_row(folder / "cell.json") if (folder / "cell.json").exists() else {}
        heard = _heard(found)
        is_gone = heard.status == "running" and not _is_held(root, cell)
        # it may have ended just now
        heard = _heard(store.standing(cell)) if is_gone else heard
    except (BenchError, OSError) as error:
        return Standing(cell, where, "broken", Heard(status="broken", reason=str(error)))
    # names are those of the run, where it has any: a cell may have been computed under others
    where = {**{name: str(value) for name, value in row.items()}, **where}
    if heard.status in FINISHED and row.get("status") == "interrupted":
        heard = Heard(status="interrupted", reason=row["reason"])
    if heard.status == "interrupted" or (heard.status == "running" and is_gone):
        heard = heard.model_copy(update={"step": _last_step(folder), "stage": ""})
        return Standing(cell, where, "interrupted", heard)
    return Standing(cell, where, heard.status, heard)


def _heard(found: Mapping[str, Any]) -> Heard:
    """What a status file says; one that says something else is that of an interrupted cell."""
    try:
        return Heard.model_validate(found)
    except ValidationError as error:
        name = error.errors()[0]["loc"][0]
        return Heard(status="interrupted", reason=f"status.json, field '{name}': not what a status holds")


def _last_step(folder: Path) -> int:
    """The last step that a cell has recorded the cost of."""
    return max(map(step_of, (folder / COST_TABLE).glob("*.parquet")), default=0)


def _is_held(root: Path, cell: str) -> bool:
    try:
        return is_claimed(root, cell)
    except StorageError:
        return True


# ---------------------------------------------------------------------------- time left
UNKNOWN = Left(0.0, is_all=False)


class Clock:
    """Tells the time left; reads what a finished cell has taken once, however often it is asked.

    Args:
        root: the run's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._spent: dict[tuple[str, float], Spent | None] = {}

    def left(self, cells: list[Standing], now: float) -> dict[str, Left]:
        """Time left for every cell that is running, interrupted or missing, by id."""
        known = self._known(cells)
        found = {}
        for each in cells:
            if each.status == "running":
                found[each.cell] = _left_running(each, known, now)
            elif each.status in ("interrupted", "missing"):
                found[each.cell] = _left_waiting(each, known)
        return found

    def _known(self, cells: list[Standing]) -> dict[tuple[Any, ...], Spent]:
        """What cells have taken by row; under a row without its method what scoring takes there."""
        groups: dict[tuple[Any, ...], list[Spent]] = {}
        for each in cells:
            key = (each.cell, each.heard.when)
            if each.status not in FINISHED:
                continue
            if key not in self._spent:
                self._spent[key] = spent(self._root / each.cell)
            if taken := self._spent[key]:
                groups.setdefault(each.row, []).append(taken)
                groups.setdefault(each.row[1:], []).append(taken)
        return {row: _mean(all_of) for row, all_of in groups.items()}


def _mean(cells: list[Spent]) -> Spent:
    count = len(cells)
    return Spent(
        edits=sum(each.edits for each in cells) / count,
        steps=max(each.steps for each in cells),
        editing=sum(each.editing for each in cells) / count,
        scoring=sum(each.scoring for each in cells) / count,
    )


def _left_running(cell: Standing, known: Mapping[tuple[Any, ...], Spent], now: float) -> Left:
    """From the cell's own pace since its process began to edit, else from others of its row; then the scoring."""
    heard, like = cell.heard, known.get(cell.row)
    scored = known.get(cell.row[1:])
    scoring = Left(scored.scoring) if scored else UNKNOWN
    if heard.step is None:
        return _left_waiting(cell, known)
    steps, done = heard.steps - heard.edited, heard.edited - heard.first
    if not steps:
        editing = Left(0.0)
    elif done:
        editing = Left((heard.when - heard.begun) / done * steps)
    elif like:
        editing = Left(like.editing / max(like.steps, 1) * steps)
    else:
        editing = UNKNOWN
    whole = editing + scoring
    return replace(whole, seconds=max(0.0, whole.seconds - max(0.0, now - heard.when)))


def _left_waiting(cell: Standing, known: Mapping[tuple[Any, ...], Spent]) -> Left:
    """From finished cells of its row."""
    like = known.get(cell.row)
    if not like:
        return UNKNOWN
    steps = cell.heard.steps or like.steps
    return Left(like.editing * max(0.0, 1 - cell.heard.edited / max(steps, 1)) + like.scoring)


def whole(cells: list[Standing], left: Mapping[str, Left]) -> Left:
    """Time until the last cell is finished, with as many side by side as are running now; for none, one by one."""
    side_by_side = Counter(each.status for each in cells)["running"] or 1
    work = sum(left.values(), Left(0.0))
    longest = max((each.seconds for each in left.values()), default=0.0)
    return replace(work, seconds=max(longest, work.seconds / side_by_side))


def time_left(root: Path, labels: Mapping[str, str]) -> TimeLeft:
    """What tells, for a display, the time left of a run's cells while they are computed.

    Args:
        root: the run's folder.
        labels: what cells are called, by id.
    """
    clock = Clock(root)
    seen: list[Standing] = []

    def left() -> dict[str, Left]:
        try:
            seen[:] = standings(root, seen)
        except (BenchError, OSError):
            return {}
        return {labels[cell]: each for cell, each in clock.left(seen, time.time()).items() if cell in labels}

    return left

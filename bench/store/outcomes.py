"""How a cell stands, from what an earlier run has left of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.cell import Cell
from bench.store.shards import FINISHED, ResultStore, Status

EvaluatorOptions = Iterable[tuple[str, Mapping[str, Any]]]
"""Names and options."""

CRASH = "Traceback"
"""How the reason of a failure begins that is no bad input."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell stands.

    Attributes:
        status: None where it has never run.
        reason: of a failure: one line for bad input, a traceback for anything else.
        reused: it stands so from an earlier run, or from another one that shares the folder.
        when: it stands so since, seconds of the epoch.
    """

    cell: Cell
    status: Status | None
    reason: str = ""
    reused: bool = False
    when: float = 0.0

    @property
    def crashed(self) -> bool:
        """Failed, and not for bad input."""
        return self.status == "failed" and self.reason.startswith(CRASH)


def existing(cell: Cell, store: ResultStore, evaluators: EvaluatorOptions) -> Outcome:
    """What an earlier run has left.

    A cell that lacks the table of an evaluator, or was scored with other options of it, counts as never run.
    """
    status, reason, when = store.outcome(cell.id())
    if status in FINISHED and not _scored(cell, store, evaluators):
        status, reason = None, ""
    return Outcome(cell, status, reason, reused=True, when=when)


def _scored(cell: Cell, store: ResultStore, evaluators: EvaluatorOptions) -> bool:
    if not {name for name, _ in evaluators} <= store.tables(cell.id()):
        return False
    used = store.environment(cell.id()).get("evaluators", {})
    return all(used.get(name, {}) == wanted for name, wanted in cell.scored_by(evaluators).items())


def is_pending(outcome: Outcome, retry_failed: bool) -> bool:
    """Whether a cell that stands so is to be computed; failed ones only on demand."""
    return outcome.status not in FINISHED and (outcome.status != "failed" or retry_failed)

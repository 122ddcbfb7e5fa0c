"""What the cells of a run will take of memory and disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.config.cell import Cell
from bench.model import catalog
from bench.plan.memory import PROBES, Need, checkpoint_bytes, predicted_memory
from bench.plan.planning import Plan
from bench.store.results import PLACE, place

ANSWERING = ("edits", "generation")
"""Evaluators that tell what a model says."""

ANSWER = 100
"""Bytes of an answer on disk; prompts that come again take next to nothing."""

KEPT = 2
"""Checkpoints that a cell keeps, the last ones."""


def kept_cells(cells: Iterable[Cell]) -> frozenset[str]:
    """Cells whose last checkpoints stay, for `bench verify`: of each place in the grid that of the first seed."""
    first: dict[tuple[Any, ...], str] = {}
    for cell in cells:
        where = place(cell)
        first.setdefault(tuple(where[name] for name in PLACE if name != "seed"), cell.id())
    return frozenset(first.values())


def _probes(cell: Cell) -> int:
    """Probes that are asked in all steps of a cell that are scored."""
    schedule = cell.schedule
    size, edits = schedule.batch_size, schedule.edits()
    if schedule.independent:
        return PROBES * edits
    due = (step for step in range(1, schedule.length() + 1) if schedule.due(step))
    return PROBES * sum(min(step * size, edits) for step in due)


class Needs:
    """What a cell needs in a process of its own, or on a GPU of its own; None where its model's size is not known."""

    def __init__(self, planned: Plan, device: str) -> None:
        self._planned, self._device = planned, device
        names = dict.fromkeys(cell.model.name for cell in planned.cells)
        self._sizes = {name: catalog.size(name, planned.cache_dir) for name in names}

    def need(self, cell: Cell) -> Need | None:
        """Bytes of memory by what takes them."""
        size = self._sizes[cell.model.name]
        if size is None:
            return None
        statistics, beside = self._held(cell)
        return predicted_memory(cell, size, statistics, self._planned.evaluators, self._device, beside)

    def memory(self, cell: Cell) -> int | None:
        """Bytes of memory at the predicted peak."""
        need = self.need(cell)
        return None if need is None else need.peak

    def disk(self, cell: Cell) -> int | None:
        """Bytes of checkpoints while it is computed: those that are kept, and the one that is written."""
        each = self._checkpoint(cell)
        return None if each is None else (KEPT + 1) * each

    def kept(self) -> int | None:
        """Bytes of checkpoints that stay when all cells are done."""
        stay = kept_cells(self._planned.cells)
        found = [self._checkpoint(cell) for cell in self._planned.cells if cell.id() in stay]
        known = [each for each in found if each is not None]
        return KEPT * sum(known) if len(known) == len(found) else None

    def answers(self, cells: Iterable[Cell]) -> int:
        """About how many bytes the answers of cells will take; where only the wrong ones stay, if all are wrong."""
        asked = [name for name, _ in self._planned.evaluators if name in ANSWERING]
        return sum(len(asked) * _probes(cell) * ANSWER for cell in cells)

    def _checkpoint(self, cell: Cell) -> int | None:
        size = self._sizes[cell.model.name]
        return None if size is None else checkpoint_bytes(cell, size, *self._held(cell))

    def _held(self, cell: Cell) -> tuple[Any, Any]:
        registry, name = self._planned.methods, cell.method.name
        return registry.statistics(name), registry.beside(name)

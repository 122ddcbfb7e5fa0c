"""Edits that silently do nothing are told; a method that is to do nothing is not blamed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.api import EditReport, EditRequest, State
from bench.compute.driver import run_cell
from bench.compute.silent import Before, edits_nothing
from bench.model.editable import EditableModel
from bench.model.tiny import tiny_model
from bench.store.results import load_results
from bench.store.shards import ResultStore
from methods.none import Unedited
from reports.experiments import silent
from reports.numbers.aggregate import panels
from tests.reports.world import table_named
from tests.tinyworld import Silent, TinyWorld


class Halting(Unedited):
    """Edits in its first step only, without telling norms."""

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        if not model.edited():
            model.add(0, torch.full_like(model.weight(0), 1e-4))
        return state, EditReport()


class Only:
    def __init__(self, method: Any) -> None:
        self.method = method

    def build(self, *_: Any) -> Any:
        return self.method


def test_steps_without_a_change_are_counted_in_status_and_report(tmp_path: Path) -> None:
    tiny = TinyWorld.make(tmp_path)
    store, cell = ResultStore(tmp_path / "run"), tiny.cell("none")
    assert run_cell(cell, store, replace(tiny.world(), methods=Only(Halting())), Silent()) == "done"  # type: ignore[arg-type]
    assert store.status(cell.id()) == ("done", "3 of 4 steps changed nothing, the first is step 2")
    results = load_results(store.root)
    section = silent.section(results, panels(results)[0])
    assert section is not None
    (row,) = table_named(section, "unchanged").rows
    assert [each.mean for each in row[2:]] == [3, 2, 4]


def test_a_method_that_is_to_edit_nothing_is_not_blamed(tmp_path: Path) -> None:
    tiny = TinyWorld.make(tmp_path)
    store, cell = ResultStore(tmp_path / "run"), tiny.cell("none")
    run_cell(cell, store, tiny.world(), Silent())
    assert store.status(cell.id()) == ("done", "")
    results = load_results(store.root)
    assert silent.section(results, panels(results)[0]) is None
    assert edits_nothing(Unedited())
    assert not edits_nothing(Halting())


def test_updates_of_norm_0_change_nothing_whatever_is_remembered() -> None:
    model, state = tiny_model("llama"), State(memory={"seen": 1})
    before = Before.of(model, state)
    state.memory["seen"] = 2
    assert before.is_unchanged(model, state, EditReport({}, {0: 0.0, 1: 0.0}))
    assert not before.is_unchanged(model, state, EditReport({}, {0: 0.0, 1: 0.5}))


@pytest.mark.parametrize("norms", [{}, {0: 0.5}, {0: float("nan")}])
def test_weights_and_memory_are_looked_at(norms: dict[int, float]) -> None:
    model, state = tiny_model("llama"), State(memory={"codebook": [torch.zeros(3)], "seen": 1})
    report = EditReport({}, norms)
    before = Before.of(model, state)
    model.add(0, torch.zeros_like(model.weight(0)))
    assert before.is_unchanged(model, state, report)
    state.memory["codebook"].append(torch.ones(3))
    assert not before.is_unchanged(model, state, report)
    before = Before.of(model, state)
    assert before.is_unchanged(model, state, report)
    model.add(0, torch.full_like(model.weight(0), 1e-6))
    assert not before.is_unchanged(model, state, report)

"""Editors that take gradients of weights: the memory and disk that they will take."""

from __future__ import annotations

from typing import Any

import pytest

from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.cost.plan import moved
from bench.model.sizes import ModelSize
from bench.plan import memory
from bench.plan.memory import Need, checkpoint_bytes, edited_layers, predicted_memory
from tests.plan.trained_values import TRAINED

D, M = 4096, 14336
LARGE = ModelSize(8_000_000_000, layers=32, width=D, inner=M, vocabulary=128256, context=8192, heads=1024)


def options_of(method: str) -> dict[str, Any]:
    return methods().config(method, TRAINED["llama3-8b"][method]).model_dump(mode="json")


def cell_of(method: str, batch_size: int = 100, **options: Any) -> Cell:
    return Cell(
        method=MethodSpec(name=method, options={**options_of(method), **options}),
        model=ModelRef(name="large", dtype="bfloat16"),
        data=DataRef(name="cldr"),
        schedule=Schedule(batch_size=batch_size, edits_per_language=400),
    )


def need(method: str, **options: Any) -> Need:
    return predicted_memory(cell_of(method, **options), LARGE, methods().statistics(method), device="cuda")


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 10**12)


def test_every_edited_matrix_is_counted() -> None:
    assert edited_layers(options_of("ultraedit")) == (*range(11, 16), *range(18, 25))
    assert need("ultraedit").edited == 12 * D * M * (2 + 4)
    assert need("lora").edited == 2 * 32 * D * M * (2 + 4)
    assert need("locft-bf").edited == D * M * (2 + 4)
    assert checkpoint_bytes(cell_of("lora"), LARGE, None) == 2 * 32 * D * M * 4


def test_statistics_of_gradients_are_counted() -> None:
    # of gate and up together one shape, [M + D] twice
    assert need("ultraedit").statistics == 8 * 2 * (D + M)
    assert need("stableedit").statistics == 8 * (2 * (D + M) + D**2)
    both = {"layers": [11], "gate_layers": [11]}
    assert need("stableedit", **both).statistics == 8 * (4 * (D + M) + D**2 + M**2)
    assert checkpoint_bytes(cell_of("stableedit"), LARGE, None) == 7 * D * M * 4 + need("stableedit").statistics
    assert need("ultraedit").building == 0


def test_activations_reach_down_to_the_lowest_edited_matrix() -> None:
    high, low = need("ultraedit", gate_layers=[], up_layers=[24]), need("ultraedit", gate_layers=[11], up_layers=[24])
    assert low.step > 2 * high.step
    assert need("ultraedit", batch_size=200).step > 1.8 * need("ultraedit", batch_size=100).step
    assert need("stableedit", batch_size=10).step == need("stableedit", batch_size=100).step, (
        "practice steps are larger"
    )


def test_lists_of_layers_move_down_together() -> None:
    found = moved(options_of("ultraedit"), 32, 8)
    assert max(edited_layers(found)) < 8
    assert (found["gate_layers"], found["up_layers"]) == ([*range(5)], [*range(7)])
    assert not found["layers"]
    assert moved({"layer": 21}, 32, 8) == {"layer": 5}

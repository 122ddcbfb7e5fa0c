"""Numbers do not depend on how many cells run side by side: threads follow from the model alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench.compute.driver import run_cell
from bench.ground.atomic import read_json
from bench.model.threads import SMALL_MODEL, steady_threads, threads_of
from bench.model.tiny import tiny_model
from bench.store.shards import ResultStore
from methods.none import Unedited
from tests.tinyworld import Silent, TinyWorld


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def of_size(size: int) -> Any:
    weights = [torch.empty(size // 2, dtype=torch.bfloat16, device="meta")]
    return SimpleNamespace(hf=SimpleNamespace(parameters=lambda: weights))


def test_small_models_take_one_thread_and_large_ones_all(three_threads: None) -> None:
    assert threads_of(of_size(SMALL_MODEL - 2)) == 1
    assert threads_of(of_size(SMALL_MODEL)) == 3


def test_threads_are_given_back(three_threads: None) -> None:
    with pytest.raises(ValueError), steady_threads(tiny_model("llama")):
        assert torch.get_num_threads() == 1
        raise ValueError
    assert torch.get_num_threads() == 3


class Counting(Unedited):
    """Remembers how many threads it was given."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def prepare(self, *args: Any) -> Any:
        self.seen.append(torch.get_num_threads())
        return super().prepare(*args)

    def apply(self, *args: Any) -> Any:
        self.seen.append(torch.get_num_threads())
        return super().apply(*args)

    def deployed(self, *args: Any) -> Any:
        self.seen.append(torch.get_num_threads())
        return super().deployed(*args)


def test_a_cell_computes_with_the_models_threads(three_threads: None, tmp_path: Path) -> None:
    tiny, method = TinyWorld.make(tmp_path), Counting()
    world = replace(tiny.world(), methods=SimpleNamespace(build=lambda *_: method))
    cell, store = tiny.cell("none"), ResultStore(tmp_path / "run")
    run_cell(cell, store, world, Silent())
    assert set(method.seen) == {1}
    assert len(method.seen) == 6
    assert read_json(store.folder(cell.id()) / "cell.json")["environment"]["threads"] == 1
    assert torch.get_num_threads() == 3

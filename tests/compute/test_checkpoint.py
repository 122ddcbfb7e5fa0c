"""Checkpoints: what is read is what was written, or the one before it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from bench.api import State
from bench.compute import checkpoint
from bench.model.editable import EditableModel
from bench.model.tiny import tiny_model
from bench.plan import needs

LAYER = 0


@pytest.fixture
def model() -> EditableModel:
    return tiny_model("llama")


def write(folder: Path, model: EditableModel, steps: int) -> list[torch.Tensor]:
    """Checkpoints of so many steps, and the weights after each."""
    weights = []
    for step in range(1, steps + 1):
        model.add(LAYER, torch.full_like(model.weight(LAYER), 0.1 * step))
        state = State(memory={"keys": torch.arange(step).bfloat16(), "seen": step, "empty": torch.zeros(3, 0)})
        checkpoint.save(folder, "cell", step, model, state)
        weights.append(model.weight(LAYER).clone())
    return weights


def read(folder: Path, model: EditableModel) -> tuple[int, State]:
    state = State()
    model.reset()
    return checkpoint.restore(folder, "cell", model, state), state


def test_the_newest_comes_back_bit_by_bit(tmp_path: Path, model: EditableModel) -> None:
    weights = write(tmp_path, model, 3)
    step, state = read(tmp_path, model)
    assert step == 3
    assert torch.equal(model.weight(LAYER), weights[2])
    assert torch.equal(state.memory["keys"], torch.arange(3).bfloat16())
    assert state.memory["seen"] == 3
    assert state.memory["empty"].shape == (3, 0)
    assert len(list(tmp_path.iterdir())) == needs.KEPT


@pytest.mark.parametrize("seed", range(20))
def test_a_torn_or_altered_one_is_passed_over(tmp_path: Path, model: EditableModel, seed: int) -> None:
    weights = write(tmp_path, model, 3)
    rng = random.Random(seed)
    newest = sorted(tmp_path.iterdir())[-1]
    content = bytearray(newest.read_bytes())
    place = rng.randrange(len(content))
    if seed % 2:
        del content[place:]
    else:
        content[place] ^= 1 << rng.randrange(8)
    newest.write_bytes(content)
    step, state = read(tmp_path, model)
    assert step == 2
    assert torch.equal(model.weight(LAYER), weights[1])
    assert state.memory["seen"] == 2


def test_without_a_sound_one_nothing_is_restored(tmp_path: Path, model: EditableModel) -> None:
    write(tmp_path, model, 2)
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:100])
    step, state = read(tmp_path, model)
    assert (step, state.memory, model.edited()) == (0, {}, {})

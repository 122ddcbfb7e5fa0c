"""Checkpoints and model folders, spoilt: passed over, or refused by name; never another cell's, never a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from bench.api import State
from bench.compute import checkpoint
from bench.ground import sealed
from bench.ground.errors import BenchError
from bench.model import catalog, loading
from bench.model.editable import EditableModel
from bench.model.sizes import ModelSize
from bench.model.tiny import tiny_model
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz
from tests.hostile.spoiling import Draw, Spoilt

CELL, LAYER = "0123456789abcdef", 0
Found = tuple[int, State, torch.Tensor]


# ---------------------------------------------------------------------------- checkpoints
@pytest.fixture(scope="module")
def model() -> EditableModel:
    return tiny_model("llama")


@pytest.fixture(scope="module")
def kept(model: EditableModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[torch.Tensor]]:
    """A folder with the checkpoints of steps 2 and 3, and the weights after every step."""
    folder, weights = tmp_path_factory.mktemp("kept") / "kept", []
    for step in (1, 2, 3):
        model.add(LAYER, torch.full_like(model.weight(LAYER), 0.1 * step))
        checkpoint.save(folder, CELL, step, model, State(memory={"keys": torch.arange(step), "seen": step}))
        weights.append(model.weight(LAYER).clone())
    return folder, weights


def resealed(draw: Draw, path: Path) -> Spoilt:
    """A file whose hash is right and that is not this cell's: another cell's, step's, shape's or version's."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = {name: value for name, value in file.metadata().items() if name != sealed.DIGEST}
    weight = next(name for name in tensors if name.startswith(checkpoint.WEIGHT))
    how = draw(st.sampled_from(["cell", "no cell", "step", "no step", "no plain", "shape", "name", "flat"]))
    if how in ("cell", "step"):
        metadata[how] = {"cell": "f" * 16, "step": "2"}[how]
    elif how.startswith("no "):
        del metadata[how.removeprefix("no ")]
    elif how == "name":
        tensors[f"{weight}x"] = tensors.pop(weight)
    else:
        tensors[weight] = tensors[weight].T.contiguous() if how == "shape" else tensors[weight].flatten()
    sealed.save(path, tensors, metadata)
    return Spoilt(how)


def test_malformed_checkpoints(
    model: EditableModel, kept: tuple[Path, list[torch.Tensor]], tmp_path: Path, record_property: Any
) -> None:
    """The newest is spoilt: the one before is taken, with all that belongs to it, or the newest as it was written."""
    folder, weights = kept

    def write(root: Path) -> list[Path]:
        shutil.copytree(folder, root, dirs_exist_ok=True)
        return [root / "00003.safetensors"]

    def read(root: Path) -> Found:
        model.reset()
        state = State()
        step = checkpoint.restore(root, CELL, model, state)
        found = step, state, model.weight(LAYER).clone()
        if step == 2:
            whole(root, found)
            raise BenchError("refused: the one before")
        return found

    def whole(root: Path, found: Found) -> None:
        step, state, weight = found
        assert step in (2, 3)
        assert torch.equal(weight, weights[step - 1])
        assert state.memory["seen"] == step
        assert torch.equal(state.memory["keys"], torch.arange(step))

    spoil = [spoiling.content, spoiling.content, resealed, resealed, spoiling.place]
    fuzz(Reader("checkpoints", write, spoil, read, whole, names=False), tmp_path, record_property, 60)


# ---------------------------------------------------------------------------- model folders
@pytest.fixture(scope="module")
def sound_model(model: EditableModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    model.reset()
    model.hf.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


def copied(sound: Path, *names: str) -> Callable[[Path], list[Path]]:
    def write(root: Path) -> list[Path]:
        shutil.copytree(sound, root / "model")
        return [root / "model" / name for name in names]

    return write


def settings(draw: Draw, path: Path) -> Spoilt:
    changed, spoilt = spoiling.document(draw, json.loads(path.read_text("utf-8")))
    path.write_text(spoiling.dumps(changed), encoding="utf-8")
    return spoilt


def test_malformed_model_settings(sound_model: Path, tmp_path: Path, record_property: Any) -> None:
    """What a plan reads of a folder: its fingerprint, and how large the model is."""
    expected = catalog.fingerprint(str(sound_model), tmp_path), catalog.size(str(sound_model), tmp_path)

    def read(root: Path) -> tuple[str, ModelSize | None]:
        name = str(root / "model")
        return catalog.fingerprint(name, root), catalog.size(name, root)

    def whole(root: Path, found: tuple[str, ModelSize | None]) -> None:
        fingerprint, size = found
        assert size is None or size.parameters == expected[1].parameters
        if fingerprint == expected[0]:
            assert steady(root / "model") == steady(sound_model)

    def steady(folder: Path) -> str:
        config = json.loads((folder / "config.json").read_bytes().decode("utf-8-sig"))
        return json.dumps({key: value for key, value in config.items() if key not in catalog.VOLATILE}, sort_keys=True)

    spoil = [settings, spoiling.content, spoiling.content, spoiling.place]
    reader = Reader("model folder, config.json", copied(sound_model, "config.json"), spoil, read, whole, names=False)
    fuzz(reader, tmp_path, record_property, 60)


def test_malformed_model_folders(sound_model: Path, tmp_path: Path, record_property: Any) -> None:
    """What is loaded: settings, tokenizer, weights."""

    def read(root: Path) -> Any:
        return loading.load_pretrained(str(root / "model"), "float32", "cpu", root)

    def whole(root: Path, found: Any) -> None:
        model, tokenizer = found
        assert model.config.vocab_size
        assert len(tokenizer)

    write = copied(sound_model, "config.json", "model.safetensors", "tokenizer.json")
    spoil = [spoiling.content, spoiling.place]
    fuzz(Reader("model folder, loaded", write, spoil, read, whole, names=False), tmp_path, record_property, 24)

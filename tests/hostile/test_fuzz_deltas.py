"""Edited models that were taken home, spoilt: refused by name, or read as they were written; never a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from bench.export import delta
from bench.export.delta import Delta
from bench.ground import sealed
from tests.export.conftest import Edited, base, logits
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz
from tests.hostile.spoiling import Draw, Spoilt


@pytest.fixture(scope="module")
def edited() -> Edited:
    return Edited.make()


@pytest.fixture(scope="module")
def taken(edited: Edited, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("taken") / "out"
    edited.take(out)
    return out / delta.FILE


def resealed(draw: Draw, path: Path) -> Spoilt:
    """A file whose hash is right and that is no delta of ours, or of other weights."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = {name: value for name, value in file.metadata().items() if name != sealed.DIGEST}
    how = draw(st.sampled_from(["base", "text", "format", "no base", "name", "shape", "half"]))
    (name,) = tensors
    if how == "base":
        changed, _ = spoiling.document(draw, json.loads(metadata[delta.BASE]))
        metadata[delta.BASE] = spoiling.dumps(changed)
    elif how == "text":
        metadata[delta.BASE] = metadata[delta.BASE][: draw(st.integers(0, len(metadata[delta.BASE]) - 1))]
    elif how == "format":
        metadata["format"] += "1"
    elif how == "no base":
        del metadata[delta.BASE]
    elif how == "name":
        tensors[f"{name}x"] = tensors.pop(name)
    else:
        tensors[name] = tensors[name].half() if how == "half" else tensors[name].T.contiguous()
    try:
        sealed.save(path, tensors, metadata)
    except UnicodeEncodeError:  # no file can hold that
        path.unlink()
        return Spoilt("missing")
    return Spoilt(how)


def test_malformed_deltas(edited: Edited, taken: Path, tmp_path: Path, record_property: Any) -> None:
    """What is read and applied gives the edited model; anything else is refused, and the model stays as it is."""
    expected, plain = edited.logits(), base(edited)
    unedited = logits(plain)

    def write(root: Path) -> list[Path]:
        return [Path(shutil.copy(taken, root / delta.FILE))]

    def read(root: Path) -> Delta:
        found = delta.read(root)
        try:
            found.apply(plain, delta.FILE)
        finally:
            applied = logits(plain)
            edited_matrix = next(iter(edited.work.model.edited()))
            with torch.no_grad():
                plain.get_parameter(edited_matrix).copy_(edited.work.model.original_of(edited_matrix))
            assert torch.equal(applied, expected) or torch.equal(applied, unedited)
        return found

    def whole(root: Path, found: Delta) -> None:
        assert found.values and set(found.values) == set(found.base.matrices)

    spoil = [spoiling.content, spoiling.place, resealed, resealed]
    fuzz(Reader("edited models taken home", write, spoil, read, whole), tmp_path, record_property, 60)

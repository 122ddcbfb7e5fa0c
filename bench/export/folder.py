"""The folder that an edited model is taken home in: what may be written there, and what belongs to it.

delta.safetensors   the changed matrices, see `bench.export.delta`
edit.json           the same for people: how it was made, on what, what came of it
answers.csv         every question, what the model said before and says now
model/              with --full: the whole model and its tokenizer, as `from_pretrained` loads them
adapter/            with --low-rank: the change as a LoRA adapter, see `bench.export.lowrank`

All of it is written, or nothing.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.export import delta, lowrank
from bench.ground.atomic import read_json
from bench.ground.errors import BenchError
from bench.model import catalog

RECORD, ANSWERS, MODEL = "edit.json", "answers.csv", "model"
FOLDERS = (MODEL, lowrank.FOLDER)
HOLDS = "holds"


def check(out: Path, force: bool, model: str) -> tuple[str, ...]:
    """Refuse a folder that something would be lost in.

    Args:
        out: where a model is to be taken home.
        force: it may hold something.
        model: name of the base.

    Returns:
        What an earlier edit has left there.

    Raises:
        BenchError: it is no folder, is not empty, or holds what no edit has written.
    """
    if not out.exists():
        return ()
    if not out.is_dir():
        raise BenchError("not a folder", file=out)
    try:
        there = {path.name for path in out.iterdir()}
    except OSError as error:
        raise BenchError(f"cannot be read ({error.strerror or error})", file=out) from error
    if there and not force:
        raise BenchError("not empty; --force replaces an earlier edit there and leaves the rest", file=out)
    entry = catalog.resolve(model)
    if entry.source == "folder" and Path(entry.location).resolve().is_relative_to(out.resolve()):
        raise BenchError("holds the model that is edited; take another folder", file=out)
    ours = _written(out)
    for name in FOLDERS:
        if name in there and name not in ours:
            raise BenchError("no edit has written this; take another folder", file=out / name)
    return tuple(sorted(ours))


def _written(out: Path) -> set[str]:
    """Names of what an earlier edit says that it has written."""
    record: Any = None
    with suppress(BenchError):
        record = read_json(out / RECORD)
    if not isinstance(record, dict) or record.get("format") != delta.FORMAT:
        return set()
    holds = record.get(HOLDS)
    return {RECORD, *(name for name in (delta.FILE, ANSWERS, *FOLDERS) if isinstance(holds, list) and name in holds)}

"""On what a cell is computed: versions, commit, device. Its numbers may depend on them in their last bits."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from transformers.utils import TRANSFORMERS_DYNAMIC_MODULE_NAME

from bench.config.cell import Cell
from bench.data.common import AlignmentCount
from bench.ground.installation import PACKAGES, version_of
from bench.model.editable import EditableModel
from bench.model.placement import is_offloaded
from bench.model.threads import threads_of


def surroundings(model: EditableModel) -> dict[str, Any]:
    """Versions, commit, device and threads, and whether code of the model's own ran."""
    gpus = [torch.cuda.get_device_name(device) for device in model.devices if device.type == "cuda"]
    rest = ", parts of the model elsewhere" if is_offloaded(model.hf) else ""
    return {
        "python": platform.python_version(),
        "packages": {package: version_of(package) for package in PACKAGES},
        "commit": _commit(),
        "device": f"{model.device.type} ({', '.join(gpus) or platform.machine()}){rest}",
        "threads": threads_of(model),
        "tokens_per_pass": model.token_budget,
        "remote_code": has_remote_code(model),
    }


def environment(
    model: EditableModel,
    cell: Cell,
    alignment: Iterable[AlignmentCount],
    evaluators: Iterable[tuple[str, Mapping[str, Any]]],
) -> dict[str, Any]:
    """On what and with what a cell is computed, how it is scored, and the data's records; for cell.json."""
    return {
        **surroundings(model),
        "alignment": [_fields(count) for count in alignment],
        "evaluators": cell.scored_by(evaluators),
    }


def has_remote_code(model: EditableModel) -> bool:
    """Whether the model, its configuration or its tokenizer is made by code that came with it."""
    parts = (model.hf, model.hf.config, model.tokenizer)
    return any(type(part).__module__.partition(".")[0] == TRANSFORMERS_DYNAMIC_MODULE_NAME for part in parts)


def _commit() -> str | None:
    """Commit of this source tree, if it is a checkout of ours."""
    folder = Path(__file__).parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def _fields(count: AlignmentCount) -> dict[str, Any]:
    return {field.name: getattr(count, field.name) for field in fields(count)}

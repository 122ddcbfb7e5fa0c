"""Second moments of keys on a corpus: C = E[k k^T] per layer, one pass for all layers, cached by content.

C is uncentred, one term per token (special tokens included, as in the released ``layer_stats``), of the input of
the edited projection on the unedited model. A file is named by what determines it: weights, tokenizer, corpus,
layer, token budget; never by a model's name. The same stands in it with a hash of its numbers: a file that is
another's is refused, one that was torn or altered is made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from bench.ground import sealed
from bench.ground.atomic import locked, sweep
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from bench.model.corpus import Corpus
from bench.model.editable import EditableModel
from bench.model.hooks import tapped

STATS_VERSION = 2
DOCUMENTS_PER_PASS = 32
LONGEST_DOCUMENT = 8192


@dataclass(frozen=True, slots=True)
class Moment:
    """Second moment of one layer's keys.

    Attributes:
        matrix: C [m, m], fp32.
        count: tokens seen.
        documents: they came from; None where that is not known.
    """

    matrix: Tensor
    count: int
    documents: int | None = None


@dataclass(slots=True)
class Account:
    """What stands behind the statistics that a method has asked for.

    Attributes:
        tokens: seen; 0 where none were asked for.
        documents: they came from; None where that is not known.
        jitter: by layer what was added to the diagonal of a second moment that had no Cholesky factor without,
            relative to its largest entry.
    """

    tokens: int = 0
    documents: int | None = None
    jitter: dict[int, float] = field(default_factory=dict)

    def regularised(self, layer: int, added: float) -> None:
        """Take down the jitter of a layer."""
        self.jitter[layer] = added


@dataclass(frozen=True, slots=True)
class _Place:
    """A file of statistics and what it belongs to, which also stands in it."""

    path: Path
    identity: Mapping[str, str]

    def save(self, tensors: Mapping[str, Tensor], **more: str) -> None:
        sealed.save(self.path, tensors, {**self.identity, **more})

    def read(self) -> tuple[dict[str, Tensor], dict[str, str]] | None:
        """What the file holds; None where it is missing, torn or altered, so that it has to be made again.

        Raises:
            BenchError: it is sound, but belongs to something else.
        """
        found = sealed.read(self.path)
        for key, wanted in self.identity.items():
            if found and (theirs := found[1].get(key)) != wanted:
                raise BenchError(
                    f"statistics of {theirs}, not of {wanted}; remove the file, and they are computed anew",
                    file=self.path,
                    field=key,
                )
        return found


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics of unedited models, computed when asked for and kept in a folder.

    Args:
        cache_dir: where the files lie.
        corpus: the text; None for a method that has said that it reads no statistics.
        token_budget: most tokens read.
        progress: called with (tokens read, budget) during a pass.
        account: filled in as statistics are asked for.
    """

    cache_dir: Path
    corpus: Corpus | None
    token_budget: int = 100_000
    progress: Callable[[int, int], None] | None = None
    account: Account = field(default_factory=Account)

    def moments(self, model: EditableModel, layers: Sequence[int]) -> dict[int, Moment]:
        """Second moments by layer, all missing ones from a single pass.

        Raises:
            BenchError: the model is already edited, a layer is out of range, a file belongs to another model, or
                there is no text.
        """
        model.check_layers(layers)
        texts = self._text()
        places = {layer: self._place(model, texts, layer, "moment") for layer in layers}
        with self._lock(model):
            found = {layer: moment for layer, place in places.items() if (moment := _read_moment(place))}
            missing = [layer for layer in layers if layer not in found]
            if missing:
                _refuse_edited(model)
                for layer, moment in self._measure(model, texts, missing).items():
                    counts = {"count": str(moment.count), "documents": str(moment.documents)}
                    places[layer].save({"matrix": moment.matrix}, **counts)
                    found[layer] = moment
        for moment in found.values():
            self.account.tokens, self.account.documents = moment.count, moment.documents
        return {layer: found[layer] for layer in layers}

    def spectra(self, model: EditableModel, layers: Sequence[int]) -> dict[int, tuple[Tensor, Tensor]]:
        """Eigenvalues [m] (ascending) and eigenvectors [m, m] of the second moments, by layer.

        Raises:
            BenchError: as `moments`.
        """
        model.check_layers(layers)
        texts = self._text()
        spectra = {layer: found for layer in layers if (found := self._spectrum(model, texts, layer))}
        missing = [layer for layer in layers if layer not in spectra]
        moments = self.moments(model, missing) if missing else {}
        for layer in missing:
            with self._lock(model):
                # another process may have decomposed it by now
                found = self._spectrum(model, texts, layer)
                spectra[layer] = found or self._decompose(model, texts, layer, moments)
        return {layer: spectra[layer] for layer in layers}

    def _text(self) -> Corpus:
        if self.corpus is None:
            raise BenchError("statistics are asked for by a method that has not said so (STATISTICS in its module)")
        return self.corpus

    def _spectrum(self, model: EditableModel, texts: Corpus, layer: int) -> tuple[Tensor, Tensor] | None:
        """The spectrum on disk, if it is that of the moment on disk."""
        found = self._place(model, texts, layer, "spectrum").read()
        if not found:
            return None
        tensors, metadata = found
        moment = sealed.written(self._place(model, texts, layer, "moment").path)
        if metadata["moment"] != moment.get(sealed.DIGEST):
            return None
        self.account.tokens, self.account.documents = _counts(moment)
        return tensors["values"], tensors["vectors"]

    def _decompose(
        self, model: EditableModel, texts: Corpus, layer: int, moments: dict[int, Moment]
    ) -> tuple[Tensor, Tensor]:
        # in place, and each moment let go: at m = 14336 one fp64 matrix more is 1.6 GB
        matrix = moments.pop(layer).matrix.to(model.device_of(layer)).double()
        matrix = (matrix + matrix.T).div_(2)
        values, vectors = (each.float().cpu().contiguous() for each in torch.linalg.eigh(matrix))
        known_by = sealed.written_digest(self._place(model, texts, layer, "moment").path)
        place = self._place(model, texts, layer, "spectrum")
        place.save({"values": values, "vectors": vectors}, moment=known_by)
        return values, vectors

    @contextmanager
    def _lock(self, model: EditableModel) -> Iterator[None]:
        """One process at a time among those that ask for statistics of a model."""
        folder = self._folder(model)
        with locked(folder / "lock"):
            sweep(folder)
            yield

    def _folder(self, model: EditableModel) -> Path:
        return self.cache_dir / "statistics" / text_digest(model.fingerprint, size=16)[:16]

    def _place(self, model: EditableModel, texts: Corpus, layer: int, kind: str) -> _Place:
        identity = {
            "version": str(STATS_VERSION),
            "kind": kind,
            "model": model.fingerprint,
            "dtype": str(model.hf.dtype),
            "corpus": texts.digest,
            "layer": str(layer),
            "token_budget": str(self.token_budget),
        }
        name = f"{text_digest(json.dumps(identity), size=16)}.{kind}.safetensors"
        return _Place(self._folder(model) / name, identity)

    @torch.no_grad()
    def _measure(self, model: EditableModel, texts: Corpus, layers: Sequence[int]) -> dict[int, Moment]:
        sums: dict[int, Tensor] = {}
        count = documents = 0
        for rows in _token_rows(model, texts, self.token_budget):

            def add(group: list[int], rows: list[list[int]] = rows) -> int:
                return _add_moments(model, [rows[i] for i in group], layers, sums)

            for _, seen in model.budget.batches([len(row) for row in rows], add):
                count += seen
                if self.progress:
                    self.progress(count, self.token_budget)
            documents += len(rows)
        if not count:
            raise BenchError(f"the corpus '{texts.name}' holds no text")
        return {layer: Moment(total.div_(count).cpu(), count, documents) for layer, total in sums.items()}


def _token_rows(model: EditableModel, corpus: Corpus, budget: int) -> Iterator[list[list[int]]]:
    """Token rows of some documents at a time, truncated to the context, until the budget is spent."""
    longest = min(model.context_length, LONGEST_DOCUMENT)
    source, number = iter(corpus.documents()), 0
    while budget > 0:
        texts = list(islice(source, DOCUMENTS_PER_PASS))
        if not texts:
            return
        rows = []
        for row in model.tokens.plain.prompts(texts):
            rows.append(row[: min(longest, budget)])
            number += 1
            _check_known(model, rows[-1], corpus.name, number)
            budget -= len(rows[-1])
            if budget <= 0:
                break
        yield [row for row in rows if row]


def _check_known(model: EditableModel, row: Sequence[int], corpus: str, number: int) -> None:
    try:
        model.tokens.check(row)
    except BenchError as error:
        raise error.at(file=f"corpus '{corpus}'", record=number) from error


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


def _read_moment(place: _Place) -> Moment | None:
    found = place.read()
    return Moment(found[0]["matrix"], *_counts(found[1])) if found else None


def _counts(metadata: Mapping[str, str]) -> tuple[int, int | None]:
    """Tokens, and documents where the file is not of a version that did not count them."""
    documents = metadata.get("documents", "")
    return int(metadata["count"]), int(documents) if documents.isdigit() else None

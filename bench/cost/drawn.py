"""Second moments and keys of any width, drawn so that their eigenvectors are known without a decomposition.

C = Q diag(s) Q^T with Q = F D F, F the orthonormal cosine transform and D random signs: dense and orthogonal, and
applied in m^2 log m. Eigenvalues fall geometrically, as those of real second moments roughly do. Where only the cost
of editing is asked for, or only algebra is compared, this stands in for a pass over a corpus and a decomposition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import torch
from scipy.fft import dct
from torch import Tensor

from bench.model.corpus import Corpus
from bench.model.editable import EditableModel
from bench.model.stats import Moment, Stats

DRAWING = "drawing"
LARGEST, SMALLEST = 10.0, 1e-4
COLUMNS = 1024
SIGNIFICANT = 0.25
"""Share of the directions at or above the threshold."""


@dataclass(frozen=True)
class DrawnStats(Stats):
    """Statistics of layers of width m, drawn by seed instead of measured; every layer has a copy of the same.

    Args:
        width: m.
        seed: of the signs.
        spent: seconds by kind; a run that reads its statistics does not pay them.
    """

    cache_dir: Path = field(default=Path())
    corpus: Corpus | None = None
    width: int = 64
    seed: int = 0
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def eigenvalues(self) -> Tensor:
        """S [m], falling."""
        return torch.logspace(0, 1, self.width, base=SMALLEST / LARGEST, dtype=torch.float64) * LARGEST

    @property
    def threshold(self) -> float:
        """Half way, by ratio, between two eigenvalues."""
        place = int(SIGNIFICANT * self.width)
        above, below = self.eigenvalues[place - 1 : place + 1].tolist()
        return float((above * below) ** 0.5)

    def rotated(self, columns: Tensor) -> Tensor:
        """Q X for X [m, k]."""
        signs = torch.randint(0, 2, (self.width, 1), generator=torch.Generator().manual_seed(self.seed)) * 2 - 1
        # a part at a time, for a whole matrix on its way would be there three times
        parts = [_cosine(signs * _cosine(part)) for part in torch.split(columns, COLUMNS, dim=1)]
        return torch.cat(parts, dim=1)

    def matrix(self) -> Tensor:
        """C [m, m], fp32."""
        half = self.rotated(torch.diag(self.eigenvalues))
        return self.rotated(half.T).float()

    def keys(self, count: int, seed: int) -> Tensor:
        """Keys [m, count] whose second moment is C, fp32."""
        drawn = torch.randn(self.width, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return self.rotated(self.eigenvalues.sqrt()[:, None] * drawn).float()

    def small_directions(self) -> Tensor:
        """Eigenvectors with an eigenvalue below the threshold, [m, k], fp32."""
        kept = self.eigenvalues < self.threshold
        return self.rotated(torch.eye(self.width)[:, kept]).float()

    def moments(self, model: EditableModel, layers: Sequence[int]) -> dict[int, Moment]:
        """See `Stats`."""
        with self._drawing():
            matrix = self.matrix()
            return {layer: Moment(matrix.clone(), 100_000) for layer in layers}

    def spectra(self, model: EditableModel, layers: Sequence[int]) -> dict[int, tuple[Tensor, Tensor]]:
        """See `Stats`: ascending eigenvalues and their vectors."""
        with self._drawing():
            vectors = self.rotated(torch.eye(self.width)).flip(1).float().contiguous()
            values = self.eigenvalues.flip(0).float()
            return {layer: (values.clone(), vectors.clone()) for layer in layers}

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        start = perf_counter()
        yield
        self.spent[DRAWING] = self.spent.get(DRAWING, 0.0) + perf_counter() - start


def _cosine(columns: Tensor) -> Tensor:
    return torch.from_numpy(dct(columns.numpy(), axis=0, norm="ortho", workers=torch.get_num_threads()))

"""As much at once as memory holds: work is split by a budget that is halved whenever memory runs out."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from bench.ground.errors import BenchError
from bench.model.tokens import chunks_by_tokens

Job = TypeVar("Job")
Result = TypeVar("Result")

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""How allocators that have no exception of their own say so."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an allocator, of a GPU or of the processor, had nothing left."""
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in NO_MEMORY)


@dataclass
class Budget:
    """How much is computed at once.

    Attributes:
        size: most units in one piece of work; halved, for good, until work that did not fit is split.
        unit: what is counted.
        lowered: it was halved, and the user has been told.
    """

    size: int
    unit: str = "tokens"
    lowered: bool = False

    def batches(
        self,
        sizes: Sequence[Any],
        work: Callable[[list[int]], Result],
        grouping: Callable[[Sequence[Any], int], list[list[int]]] = chunks_by_tokens,
    ) -> Iterator[tuple[list[int], Result]]:
        """Do `work` on items in groups that keep the budget.

        Args:
            sizes: what `grouping` looks at, one for each item.
            work: gets the indices of a group; may fail halfway and be done again on parts of the group.
            grouping: (sizes, budget) -> groups of indices.

        Yields:
            Every group with its result.

        Raises:
            BenchError: memory does not hold a single item.
        """

        def split(group: list[int], size: int) -> list[list[int]]:
            return [[group[i] for i in part] for part in grouping([sizes[i] for i in group], size)]

        return self.run([list(range(len(sizes)))], split, work)

    def run(
        self, jobs: Sequence[Job], split: Callable[[Job, int], list[Job]], work: Callable[[Job], Result]
    ) -> Iterator[tuple[Job, Result]]:
        """As `batches`, for jobs of any kind; `split` returns a job as it is where it keeps the budget."""
        waiting = list(reversed(jobs))
        while waiting:
            parts = split(waiting.pop(), self.size)
            if len(parts) != 1:
                waiting += reversed(parts)
                continue
            (job,) = parts
            try:
                result = work(job)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error)
            else:
                yield job, result
                continue
            # only here, after the exception is gone, nothing refers to what the failed work held
            self._lower(job, split, reason)
            waiting.append(job)

    def _lower(self, job: Job, split: Callable[[Job, int], list[Job]], reason: str) -> None:
        """Halve the budget until it splits a job."""
        size = self.size
        while len(split(job, size)) == 1:
            if size <= 1:
                first = next(iter(reason.splitlines()), "")
                raise BenchError(f"memory does not hold even the smallest batch: {first}")
            size //= 2
        self.size = size
        gc.collect()
        torch.cuda.empty_cache()
        if not self.lowered:
            self.lowered = True
            text = "out of memory: going on with at most %d %s at once, and fewer where that is needed"
            logging.getLogger(__name__).warning(text, size, self.unit)

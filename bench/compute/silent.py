"""Steps after which everything is as it was: edits that silently did nothing.

A method's word that it has changed something is not taken for it. To look costs less than the checkpoint of the same
tensors that follows every step: a thousandth of a step's time for the embedded model.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.api import EditReport, Method, State
from bench.model.weights import Weights

Trace = tuple[float, float]
"""Sum and norm of a tensor, in double precision: a change of any size shows in one of them."""


@dataclass(frozen=True, slots=True)
class Before:
    """What a step may change, as it was.

    Attributes:
        weights: traces of all parameters edited until then, by name.
        memory: what the method remembered.
    """

    weights: Mapping[str, Trace]
    memory: Any

    @classmethod
    def of(cls, model: Weights, state: State) -> Before:
        """Look before a step."""
        return cls({name: _trace(each) for name, each in model.edited().items()}, _remembered(state.memory))

    def is_unchanged(self, model: Weights, state: State, report: EditReport) -> bool:
        """Whether a step changed nothing: all updates that it names are 0, or weights and memory are as they were."""
        if report.update_norms and not any(report.update_norms.values()):
            return True
        if _remembered(state.memory) != self.memory:
            return False
        return all(
            # what was not edited before was original
            _trace(each) == self.weights.get(name, _trace(model.original_of(name)))
            for name, each in model.edited().items()
        )


def edits_nothing(method: Method) -> bool:
    """Whether a method says of itself that it leaves the model alone."""
    return bool(getattr(inspect.getmodule(type(method)), "EDITS_NOTHING", False))


def _trace(tensor: Tensor) -> Trace:
    if not tensor.is_floating_point():
        tensor = tensor.double()
    norm = torch.linalg.vector_norm(tensor, dtype=torch.float64)
    return float(tensor.sum(dtype=torch.float64)), float(norm)


def _remembered(value: Any) -> Any:
    """A memory with traces in the place of its tensors."""
    if isinstance(value, Tensor):
        return tuple(value.shape), _trace(value)
    if isinstance(value, Mapping):
        return {name: _remembered(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_remembered(each) for each in value]
    return repr(value)

"""The two factors of a weight's gradient, of every example of a batch apart.

Of a module y = W x + b the gradient of one example's loss is dW = sum_t delta_t x_t^T, with the input x_t of token t
and delta_t, the loss's gradient with respect to y_t (Mitchell et al. 2022, section 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from bench.ground.errors import BenchError

Shape = tuple[int, int]
"""(out, in) of a weight, however the module stores it."""


def shape_of(module: nn.Module) -> Shape:
    """(out, in) of a Linear or a Conv1D, which stores its weight the other way round.

    Raises:
        BenchError: it is neither.
    """
    if isinstance(module, nn.Linear):
        return module.out_features, module.in_features
    if isinstance(module, Conv1D):
        return int(module.nf), int(module.nx)
    raise BenchError(f"only Linear and Conv1D modules can be edited, not {type(module).__name__}")


@dataclass(frozen=True, slots=True)
class Factors:
    """Inputs and output gradients of one module, fp32, for E examples; rows that fill up are zero in both.

    Attributes:
        x: [E, r, in]
        delta: [E, r, out]
    """

    x: Tensor
    delta: Tensor

    @property
    def kept(self) -> Tensor:
        """The rows that belong to the gradient: neither factor is all zero, as it is at padding [E, r]."""
        return (self.x != 0).any(-1) & (self.delta != 0).any(-1)

    def compact(self) -> Factors:
        """Without rows that are not kept: r becomes the most rows that an example keeps, their order stays.

        The gradient stays as it is. Of a classifier that reads one token, its last block keeps a single row.
        """
        kept = self.kept
        most = int(kept.sum(1).max()) if kept.numel() else 0
        order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)[:, :most, None]
        filled = kept[..., None].gather(1, order)

        def pick(rows: Tensor) -> Tensor:
            return rows.gather(1, order.expand(-1, -1, rows.shape[-1])) * filled

        return Factors(pick(self.x), pick(self.delta))

    def gradient(self) -> Tensor:
        """The gradient of every example's loss, [E, out, in]."""
        return self.delta.mT @ self.x


@dataclass
class Tap:
    """What the modules saw in the forward pass.

    Attributes:
        inputs: [B, T, in] by module.
        probes: zeros [B, T, out] that were added to its output, so that their gradient is the output's.
    """

    inputs: dict[str, Tensor] = field(default_factory=dict)
    probes: dict[str, Tensor] = field(default_factory=dict)

    def factors(self, loss: Tensor) -> dict[str, Factors]:
        """Run backward and give each module's factors, an example for each row of the batch.

        No parameter's `grad` is touched, and what comes is detached: as in the releases, the outer loss has no
        second derivatives of the model.

        Args:
            loss: scalar, the *sum* over the batch's rows of each one's own mean loss. A mean over rows would make an
                edit's factors depend on how many are made beside it.
        """
        deltas = torch.autograd.grad(loss, list(self.probes.values()))
        return {
            name: Factors(self.inputs[name], delta.float()).compact()
            for name, delta in zip(self.probes, deltas, strict=True)
        }


@contextmanager
def tapped_factors(modules: Mapping[str, nn.Module]) -> Iterator[Tap]:
    """While open, one forward pass is kept for the factors of `modules`: `factors(loss)` of what this yields.

    Weights may be frozen; gradients are recorded from the lowest of the modules on.

    Args:
        modules: Linear or Conv1D, by name; each takes and gives [B, T, width], and is assumed to run once in the
            forward pass, on all rows of the batch in their order.

    Raises:
        BenchError: a module ran again, or its shapes are others; raised in the forward pass.
    """
    tap = Tap()

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            if name in tap.probes:
                raise BenchError(f"{name} runs more than once in a forward pass; its factors cannot be told apart")
            if output.dim() != 3:
                raise BenchError(f"{name} gives {output.dim()} dimensions, not rows x tokens x width")
            tap.inputs[name] = args[0].detach().float()
            tap.probes[name] = torch.zeros_like(output, requires_grad=True)
            return output + tap.probes[name]

        return hook

    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        for name, module in modules.items():
            shape_of(module)
            stack.callback(module.register_forward_hook(keep(name)).remove)
        yield tap

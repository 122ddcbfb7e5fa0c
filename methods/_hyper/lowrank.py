"""Updates of low rank, and models that carry one of their own for every row of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class LowRank:
    """The update dW = sum_r u_r v_r^T of a weight [out, in]; with a leading dimension E, one for each edit.

    Attributes:
        u: [r, out] or [E, r, out]
        v: [r, in] or [E, r, in]
    """

    u: Tensor
    v: Tensor

    def __getitem__(self, edit: int) -> LowRank:
        """One edit of several."""
        return LowRank(self.u[edit], self.v[edit])

    def dense(self) -> Tensor:
        """DW itself: [out, in] or [E, out, in]."""
        return self.u.mT @ self.v

    def norm(self) -> Tensor:
        """Frobenius norm, [] or [E], from r x r matrices: ||dW||^2 = sum of (U U^T) * (V V^T).

        In fp64, for the terms of the sum cancel where edits do.
        """
        u, v = self.u.double(), self.v.double()
        return ((u @ u.mT) * (v @ v.mT)).sum((-2, -1)).clamp_min(0).sqrt().to(self.u.dtype)

    def scaled(self, by: float | Tensor) -> LowRank:
        """The update times a number; times one for each edit where `by` is [E]."""
        factor = by[..., None, None] if isinstance(by, Tensor) else by
        return LowRank(self.u * factor, self.v)

    def summed(self) -> LowRank:
        """All E edits at once: their sum, of rank E r."""
        return LowRank(self.u.flatten(0, 1), self.v.flatten(0, 1))

    def summed_by(self, count: int) -> LowRank:
        """The sums of each `count` edits in a row, the last of what is left: E / count, rounded up, of rank count r."""
        edits, rank, _ = self.u.shape
        missing = -edits % count

        def grouped(factor: Tensor) -> Tensor:
            padded = torch.cat([factor, factor.new_zeros(missing, *factor.shape[1:])]) if missing else factor
            return padded.reshape(-1, count * rank, factor.shape[-1])

        return LowRank(grouped(self.u), grouped(self.v))


def joined(updates: Sequence[LowRank]) -> LowRank:
    """The sum of updates of one weight, by putting their ranks side by side; batched ones edit by edit."""
    return LowRank(torch.cat([each.u for each in updates], -2), torch.cat([each.v for each in updates], -2))


@contextmanager
def updated(modules: Mapping[str, nn.Module], updates: Mapping[str, LowRank], edits: Tensor) -> Iterator[None]:
    """While open, each row b of a batch runs through the model whose weights are W + dW of its edit.

    To y_b = W x_b + b is added (x_b V^T) U, which differs from the product with W + U^T V by rounding alone. Gradients
    flow into U and V. Contexts may be nested: their updates add up.

    Args:
        modules: Linear or Conv1D, by name; each takes and gives [B, T, width].
        updates: E edits of some of them, U [E, r, out] and V [E, r, in].
        edits: which edit each row of the batch is run under, [B].
    """

    def add(update: LowRank) -> Any:
        def hook(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            # an edit that all rows share is not copied for each
            rows = edits.to(update.u.device) if len(update.u) > 1 else 0
            u, v = (factor[rows].to(output.device) for factor in (update.u, update.v))
            return output + (args[0].to(v.dtype) @ v.mT @ u).to(output.dtype)

        return hook

    with ExitStack() as stack:
        for name, update in updates.items():
            stack.callback(modules[name].register_forward_hook(add(update)).remove)
        yield

"""Heads that cap their logits, as Gemma 2 does: c tanh(logits / c)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Capped(nn.Module):
    """A head with a cap c; its weight is that of the head."""

    def __init__(self, head: nn.Module, cap: float) -> None:
        super().__init__()
        self.head, self.cap = head, cap

    @property
    def weight(self) -> Any:
        """The head's weight [V, d]."""
        return self.head.weight

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits of normed states."""
        return torch.tanh(self.head(hidden) / self.cap) * self.cap


def capped(head: nn.Module, config: Any) -> nn.Module:
    """The head as it is, or with the cap that the model's settings name."""
    cap = getattr(config, "final_logit_softcapping", None)
    return head if cap is None else Capped(head, cap)

"""OPT's blocks have no MLP: two matrices of their own, before which the rows of a batch are laid end to end.

Here such a block runs with its rows kept apart and with an MLP that can be looked into and run at some positions
alone, as those of other families. Parameters keep their names and places, and numbers are the same.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from bench.model.archs import MADE


class Mlp(nn.Module):
    """The MLP of an OPT block."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.fc1, self.activation_fn, self.fc2 = block.fc1, block.activation_fn, block.fc2

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, d] -> [B, T, d]."""
        out: Tensor = self.fc2(self.activation_fn(self.fc1(hidden)))
        return out


def gather_mlp(block: Any) -> None:
    """Give a block of a model in eval mode an MLP, and let it run with that."""
    # past the registration of modules, which would give the weights second names
    object.__setattr__(block, MADE, Mlp(block))

    def forward(hidden_states: Tensor, **kwargs: Any) -> Tensor:
        attended, _ = block.self_attn(hidden_states=block.self_attn_layer_norm(hidden_states), **kwargs)
        stream = hidden_states + attended
        out: Tensor = stream + getattr(block, MADE)(block.final_layer_norm(stream))
        return out

    # where accelerate has put its own forward in front, it calls this one
    hooked = "_old_forward" in vars(block)
    setattr(block, "_old_forward" if hooked else "forward", forward)

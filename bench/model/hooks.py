"""Look into modules as they run, and stand in for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


def hidden_of(output: Any) -> Tensor:
    """The hidden states in what a block returned: a tensor, or a tuple that begins with one."""
    hidden: Tensor = output[0] if isinstance(output, tuple) else output
    return hidden


def picked(states: Tensor, positions: Tensor) -> Tensor:
    """States [B, T, d] at positions in [B x T], wherever each is: [n, d]."""
    return states.flatten(0, 1)[positions.to(states.device)]


@dataclass
class Captured:
    """What passed through the projection of one block.

    Attributes:
        inputs: [B, T, m]
        outputs: [B, T, d]
    """

    inputs: Tensor
    outputs: Tensor


@contextmanager
def tapped(modules: dict[int, nn.Module]) -> Iterator[dict[int, Captured]]:
    """Record inputs and outputs of modules while the context is open, by layer."""
    seen: dict[int, Captured] = {}

    def keep(layer: int) -> Any:
        def hook(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            # Falcon adds its attention into what the projection gave, in place
            seen[layer] = Captured(args[0], output.clone())

        return hook

    with ExitStack() as stack:
        for layer, module in modules.items():
            stack.callback(module.register_forward_hook(keep(layer)).remove)
        yield seen


@contextmanager
def standing_in(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """While open, `forward` is what the module does."""
    own = vars(module).get("forward")  # accelerate puts one on the instance
    module.forward = forward  # an instance attribute, it hides the class's method
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


@contextmanager
def only_at(module: nn.Module, positions: Tensor) -> Iterator[None]:
    """While open, a module that sees every position by itself is computed at some, and is zero elsewhere.

    Args:
        module: takes and gives tensors [B, T, ...].
        positions: indices in [B x T].
    """
    whole = module.forward

    def forward(*args: Tensor) -> Tensor:
        shape = args[0].shape[:2]
        found: Tensor = whole(*(picked(each, positions)[None] for each in args))
        everywhere = found.new_zeros(shape.numel(), found.shape[-1])
        return everywhere.index_copy(0, positions.to(found.device), found[0]).view(*shape, -1)

    with standing_in(module, forward):
        yield

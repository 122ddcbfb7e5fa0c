"""The way from an MLP's output projection into the residual stream, where a norm stands in it.

In most families a block adds to the stream what its projection W puts out, y = W k. In Gemma 2, Gemma 3 and OLMo 2 it
adds N(y) = g * y / rms(y) with the gains g of a norm behind the MLP: only the direction of y counts, and what a block
adds always lies on one ellipsoid, so not everything can be added.

- *Values* are sought where they can be had: delta is added to y, before the norm, and the model sees N(y + delta).
  Norms in clamp and decay are those of y. The target in the stream is the block's output with N(y + delta) in it.
- *Residuals*, spread over layers as changes of the stream, are carried back through the norm of each layer: y' is such
  that N(y') is N(y) + change where N can give that, so that the edit of one layer hits its target. What is too far out
  for N is approached as near as can be, what is too short is given its direction. So what lower layers have added may
  leave the last one a rest that it cannot write exactly.
- The norm leaves the length of y' open: a lower layer keeps that of y, the last one takes that of the value, which was
  optimised to hold its own against the y of other contexts.

Nothing of this is published that we found.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HALVINGS = 64
"""Of the interval of a multiplier; its first end is the largest it can be."""


def added(norm: nn.Module | None, outputs: Tensor) -> Tensor:
    """What a block adds to the residual stream for outputs [..., d] of its projection."""
    if norm is None:
        return outputs
    found: Tensor = norm(outputs)
    return found


def change(norm: nn.Module | None, outputs: Tensor, delta: Tensor) -> Tensor:
    """By how much delta [n, d], added to outputs [n, d] of its projection, changes what a block adds."""
    return delta if norm is None else added(norm, outputs + delta) - added(norm, outputs)


@torch.no_grad()
def carried_back(norm: nn.Module | None, outputs: Tensor, change: Tensor, lengths: Tensor | None = None) -> Tensor:
    """By how much outputs of the projection have to change, so that what the block adds changes as wanted.

    Args:
        norm: between the MLP and the residual stream; None where there is none.
        outputs: y [n, d].
        change: wanted of the residual stream, [n, d].
        lengths: of the changed outputs, [n]; None keeps those of y.

    Returns:
        y' - y, [n, d] fp32; the change itself where there is no norm.
    """
    if norm is None:
        return change
    y = outputs.double()
    gains = added(norm, torch.ones_like(outputs[:1]).float())[0].double()
    wanted = added(norm, outputs.float()).double() + change.to(y.device)
    length = y.norm(dim=1) if lengths is None else lengths.to(y)
    direction = _nearest(gains, wanted)
    scale = length / direction.norm(dim=1).clamp_min(torch.finfo(torch.float64).tiny)
    moved: Tensor = (direction * scale[:, None] - y).float()
    return moved


def _nearest(gains: Tensor, wanted: Tensor) -> Tensor:
    """The directions [n, d] of those x with |x| = sqrt(d) for which g x is nearest to o, or has its direction.

    With a multiplier for the length, x = g o / (g^2 + lambda), and lambda > 0 makes x as short as it has to be where o
    lies outside of the ellipsoid. Inside of it x = o / g, which has yet to be lengthened. (The nearest point would have
    lambda < 0: it hides the surplus in channels of little gain, at the price of a large change of y.)

    Args:
        gains: g [d].
        wanted: o [n, d].
    """
    square = gains.square() + torch.finfo(torch.float64).tiny
    pulled = gains * wanted
    limit = float(wanted.shape[1])
    low = wanted.new_zeros(len(wanted), 1)
    high = pulled.norm(dim=1, keepdim=True) / limit**0.5
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        long = (pulled / (square + middle)).square().sum(1, keepdim=True) > limit
        low, high = torch.where(long, middle, low), torch.where(long, high, middle)
    # the multiplier is zero unless x would be too long with none
    found: Tensor = pulled / (square + high * (low > 0))
    return found

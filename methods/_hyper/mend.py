"""MEND: a network turns the factors of a gradient into those of an update (Mitchell et al. 2022, section 3).

For token t of an edit, with input x_t and output gradient delta_t of a weight W [out, in]:

    z_t = [x_hat_t; delta_hat_t], each normalised by running statistics,
    z <- z + max(0, s * (U V z + b) + o), twice,
    [x~_t; delta~_t] = z_t, G = sum_t delta~_t x~_t^T, W <- W + lr_W G.

The network is shared by all weights of a shape; the scale s and shift o [in + out] and the rate lr_W are a weight's
own. The paper subtracts the update; the release, as here, adds it and lets training find the sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from bench.ground.errors import BenchError
from methods._hyper.factors import Factors, Shape
from methods._hyper.lowrank import LowRank

RANK = 1920
"""Largest rank of U V (released)."""

LAYERS = 2
"""Layers of a network (released: one hidden)."""

TINY = 1e-7
"""Added to a standard deviation (released)."""


class Normaliser(nn.Module):
    """(v - mean) / (std + 1e-7), mean and standard deviation over all rows shown so far.

    Nothing but `observe` changes the statistics; they are part of `state_dict`, so that training goes on where it
    stopped. (The release does not save whether it has begun, and begins anew.)

    Args:
        width: d of the rows [N, d].
    """

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(width))
        # sum over rows of (v - mean)^2
        self.register_buffer("squares", torch.zeros(width))

    @torch.no_grad()
    def observe(self, rows: Tensor) -> None:
        """Take rows [N, d] into the statistics, by Chan's merging of two samples (Welford's rule where N = 1)."""
        n = len(rows)
        if not n:
            return
        total = self.count + n
        mean = rows.mean(0)
        away = mean - self.mean
        self.squares += (rows - mean).square().sum(0) + away.square() * (self.count * (n / total))
        self.mean += away * (n / total)
        self.count.copy_(total)

    def forward(self, rows: Tensor) -> Tensor:
        """Rows [N, d], normalised.

        Raises:
            BenchError: fewer than two rows were observed.
        """
        if self.count < 2:
            raise BenchError(f"a normaliser needs at least 2 rows to go by and was shown {int(self.count)}")
        std = (self.squares / (self.count - 1)).sqrt()
        return (rows - self.mean) / (std + TINY)


class Residual(nn.Module):
    """Z + max(0, s * (U V z + b) + o), the identity at the start, for U = 0, b = 0, s = 1, o = 0.

    Args:
        width: n of z.
        rank: of U [n, rank] and V [rank, n]; n where that is less.
        weights: how many weights have a scale and a shift of their own.
        divided: V is drawn from N(0, 1/n), not from the release's N(0, 1), whose V z grows with sqrt(n).
        generator: of V.
    """

    def __init__(self, width: int, rank: int, weights: int, *, divided: bool, generator: torch.Generator) -> None:
        super().__init__()
        rank = min(rank, width)
        drawn = torch.randn(rank, width, generator=generator)
        self.u = nn.Parameter(torch.zeros(width, rank))
        self.v = nn.Parameter(drawn / width**0.5 if divided else drawn)
        self.bias = nn.Parameter(torch.zeros(width))
        self.scale = nn.Parameter(torch.ones(weights, width))
        self.shift = nn.Parameter(torch.zeros(weights, width))

    def forward(self, z: Tensor, weight: int) -> Tensor:
        """Z [N, n], with the scale and shift of one of the weights."""
        inner = z @ self.v.T @ self.u.T + self.bias
        # clamp, for it has a gradient at 0, where all begin; relu's there is 0 and nothing would ever move
        return z + (self.scale[weight] * inner + self.shift[weight]).clamp(min=0)


class Transform(nn.Module):
    """The normalisers and the network of all weights of one shape.

    Args:
        shape: (out, in).
        rank: see `Residual`.
        weights: how many there are.
        divided: see `Residual`.
        generator: of all draws.
    """

    def __init__(self, shape: Shape, rank: int, weights: int, *, divided: bool, generator: torch.Generator) -> None:
        super().__init__()
        out, into = shape
        self.x = Normaliser(into)
        self.delta = Normaliser(out)
        self.layers = nn.ModuleList(
            Residual(out + into, rank, weights, divided=divided, generator=generator) for _ in range(LAYERS)
        )

    def observe(self, factors: Factors) -> None:
        """Take the rows of the gradient into the statistics."""
        kept = factors.kept
        self.x.observe(factors.x[kept])
        self.delta.observe(factors.delta[kept])

    def forward(self, factors: Factors, weight: int) -> Factors:
        """X~ and delta~ of one of the weights; rows that are not of the gradient stay zero."""
        kept = factors.kept
        x, delta = factors.x[kept], factors.delta[kept]
        z = torch.cat([self.x(x), self.delta(delta)], -1)
        for layer in self.layers:
            z = layer(z, weight)
        x, delta = torch.split(z, [x.shape[-1], delta.shape[-1]], -1)
        return Factors(_filled(factors.x, kept, x), _filled(factors.delta, kept, delta))


class Mend(nn.Module):
    """See the module.

    Attributes:
        transforms: by shape, "out x in".
        rates: lr_W in the order of `shapes`; the release trains them apart, with a learning rate of their own.

    Args:
        shapes: (out, in) of every edited weight by name; parameters stand in this order.
        generator: of all draws.
        rank: of a network's layers, in + out where that is less.
        rate: lr_W at the start.
        divided: V is divided by sqrt(in + out) at the start, see `Residual`.
    """

    conditioned: ClassVar[bool] = False

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        generator: torch.Generator,
        *,
        rank: int = RANK,
        rate: float = 1e-4,
        divided: bool = False,
    ) -> None:
        super().__init__()
        of_shape: dict[Shape, list[str]] = {}
        for name, shape in shapes.items():
            of_shape.setdefault(shape, []).append(name)
        self._places = {name: (_key(shape), of_shape[shape].index(name)) for name, shape in shapes.items()}
        self._order = list(shapes)
        self.transforms = nn.ModuleDict(
            {
                _key(shape): Transform(shape, rank, len(names), divided=divided, generator=generator)
                for shape, names in of_shape.items()
            }
        )
        self.rates = nn.Parameter(torch.full((len(shapes),), rate))

    def observe(self, factors: Mapping[str, Factors]) -> None:
        """Take a training step's factors into the running statistics, before `forward` makes edits of them.

        (The release does so weight by weight: the first weight of a shape is normalised before the second is seen.)
        """
        for name, each in factors.items():
            self._transform(name).observe(each)

    def forward(self, factors: Mapping[str, Factors]) -> dict[str, LowRank]:
        """LR_W G of every weight, for all E examples at once: U = lr_W delta~ [E, r, out], V = x~ [E, r, in].

        An example's edit does not depend on those beside it; no statistics change.

        Args:
            factors: of every weight, detached from the model.
        """
        updates = {}
        for name, each in factors.items():
            changed = self._transform(name)(each, self._places[name][1])
            updates[name] = LowRank(self.rates[self._order.index(name)] * changed.delta, changed.x)
        return updates

    def propose(self, factors: Mapping[str, Factors], conditions: Sequence[Sequence[int]]) -> dict[str, LowRank]:
        """As `forward`; MEND reads no condition."""
        return self(factors)  # type: ignore[no-any-return]

    def groups(self, lr: float, rate_lr: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates."""
        return [{"params": list(self.transforms.parameters()), "lr": lr}, {"params": [self.rates], "lr": rate_lr}]

    def _transform(self, name: str) -> Transform:
        return cast(Transform, self.transforms[self._places[name][0]])


def _key(shape: Shape) -> str:
    return "{}x{}".format(*shape)


def _filled(like: Tensor, kept: Tensor, rows: Tensor) -> Tensor:
    """Rows [N, d] at their places in zeros [E, r, d]."""
    return torch.zeros_like(like).index_put(kept.nonzero(as_tuple=True), rows)

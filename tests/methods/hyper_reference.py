"""MEND and KE written from their formulas: one example at a time, no padding, dense matrices, loops, fp64.

It shares no code with `methods/_hyper`. The little network that is edited is here too, as a function of its weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Weights = dict[str, Tensor]
"""Of the little network, all [out, in]."""

BLOCKS = ("0", "1")


def run(weights: Weights, ids: list[int], probes: Weights | None = None, seen: Weights | None = None) -> Tensor:
    """Logits of one sequence: h <- h + tanh(M mean(h)); h <- h + D gelu(U h + b) + c, twice; then the head of mean(h).

    Args:
        probes: added to the outputs of U and D, [T, out] by name.
        seen: takes their inputs, [T, in] by name.
    """

    def linear(name: str, x: Tensor) -> Tensor:
        if seen is not None:
            seen[name] = x.detach()
        y = torch.stack([weights[f"{name}.weight"] @ row + weights[f"{name}.bias"] for row in x])
        return y if probes is None else y + probes[name]

    h = torch.stack([weights["embed.weight"][token] for token in ids])
    for block in BLOCKS:
        h = h + torch.tanh(weights[f"blocks.{block}.mix.weight"] @ h.mean(0))
        z = linear(f"blocks.{block}.up", h)
        h = h + linear(f"blocks.{block}.down", z * 0.5 * (1 + torch.erf(z / math.sqrt(2))))
    return weights["head.weight"] @ h.mean(0)


def nll(logits: Tensor, label: int) -> Tensor:
    return torch.logsumexp(logits, 0) - logits[label]


def gradient_factors(
    weights: Weights, names: list[str], ids: list[int], label: int
) -> dict[str, tuple[Tensor, Tensor]]:
    """(x [T, in], delta [T, out]) of each edited weight, for one example."""
    seen: Weights = {}
    probes = {n: weights[f"{n}.bias"].new_zeros(len(ids), len(weights[f"{n}.bias"])).requires_grad_() for n in names}
    loss = nll(run(weights, ids, probes, seen), label)
    deltas = torch.autograd.grad(loss, [probes[n] for n in names])
    return {n: (seen[n], delta) for n, delta in zip(names, deltas, strict=True)}


def mean_and_std(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """In two passes, over rows [d] in a list."""
    mean = sum(rows, torch.zeros_like(rows[0])) / len(rows)
    squares = sum(((row - mean) ** 2 for row in rows), torch.zeros_like(mean))
    return mean, (squares / (len(rows) - 1)) ** 0.5


def mend_update(
    parameters: Weights,
    shape: str,
    index: int,
    rate: Tensor,
    factors: tuple[Tensor, Tensor],
    statistics: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]],
) -> Tensor:
    """Lr_W G [out, in], token by token.

    Args:
        parameters: of the editor, by name.
        shape: whose network it is, and `index` which weight of that shape.
        statistics: (mean, std) of x, then of delta.
    """
    (x_mean, x_std), (delta_mean, delta_std) = statistics
    total = torch.zeros(len(delta_mean), len(x_mean), dtype=torch.float64)
    for x, delta in zip(*factors, strict=True):
        z = torch.cat([(x - x_mean) / (x_std + 1e-7), (delta - delta_mean) / (delta_std + 1e-7)])
        for layer in (0, 1):
            u, v, b, scale, shift = (
                parameters[f"transforms.{shape}.layers.{layer}.{part}"] for part in ("u", "v", "bias", "scale", "shift")
            )
            inner = scale[index] * ((u @ v) @ z + b) + shift[index]
            z = z + torch.maximum(inner, torch.zeros_like(inner))
        total = total + torch.outer(z[len(x) :], z[: len(x)])
    return rate * total


def weight_normed(parameters: Weights, name: str) -> Tensor:
    length = parameters[f"{name}.parametrizations.weight.original0"]
    direction = parameters[f"{name}.parametrizations.weight.original1"]
    return torch.stack([g * row / (row**2).sum().sqrt() for g, row in zip(length, direction, strict=True)])


def lstm(parameters: Weights, words: list[Tensor], suffix: str) -> Tensor:
    """The last state of one direction (Hochreiter and Schmidhuber; gates in torch's order i, f, g, o)."""
    w, r = parameters[f"encoder.lstm.weight_ih_l0{suffix}"], parameters[f"encoder.lstm.weight_hh_l0{suffix}"]
    b, c = parameters[f"encoder.lstm.bias_ih_l0{suffix}"], parameters[f"encoder.lstm.bias_hh_l0{suffix}"]
    state = cell = torch.zeros(w.shape[0] // 4, dtype=torch.float64)
    for word in words:
        i, f, g, o = (w @ word + b + r @ state + c).chunk(4)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        state = torch.sigmoid(o) * torch.tanh(cell)
    return state


def softmax(row: Tensor) -> Tensor:
    return row.exp() / row.exp().sum()


def ke_update(
    parameters: Weights, name: str, text: list[int], factors: tuple[Tensor, Tensor], max_scale: float
) -> Tensor:
    """DW [out, in] of one weight, from the dense gradient, A and B."""
    words = [parameters["encoder.embeddings"][token] for token in text]
    both = torch.cat([lstm(parameters, words, ""), lstm(parameters, words[::-1], "_reverse")])
    c = torch.tanh(parameters["encoder.linear.weight"] @ both + parameters["encoder.linear.bias"])
    gate = f"gates.{name.replace('.', '#')}.mlp"
    hidden = torch.tanh(weight_normed(parameters, f"{gate}.0") @ c + parameters[f"{gate}.0.bias"])
    found = weight_normed(parameters, f"{gate}.2") @ hidden + parameters[f"{gate}.2.bias"]
    n, p = factors[0].shape[1], factors[1].shape[1]
    col_a, row_a, col_b, row_b, g = found.split([n, p, n, p, 1])
    gradient = torch.zeros(p, n, dtype=torch.float64)
    for x, delta in zip(*factors, strict=True):
        gradient = gradient + torch.outer(delta, x)
    a, b = torch.outer(softmax(row_a), col_a), torch.outer(softmax(row_b), col_b)
    return max_scale / (1 + torch.exp(-g)) * (gradient * a + b)


def edited(weights: Weights, updates: Weights) -> Weights:
    return {**weights, **{f"{n}.weight": weights[f"{n}.weight"] + update for n, update in updates.items()}}


def bernoulli_kl(before: Tensor, after: Tensor) -> Tensor:
    """The mean over logits of KL(Bernoulli(before) || Bernoulli(after))."""
    total = torch.zeros((), dtype=torch.float64)
    for a, b in zip(before, after, strict=True):
        p, q = 1 / (1 + torch.exp(-a)), 1 / (1 + torch.exp(-b))
        total = total + p * torch.log(p / q) + (1 - p) * torch.log((1 - p) / (1 - q))
    return total / len(before)


def categorical_kl(before: Tensor, after: Tensor) -> Tensor:
    p, q = softmax(before), softmax(after)
    return sum((a * torch.log(a / b) for a, b in zip(p, q, strict=True)), torch.zeros((), dtype=torch.float64))


def outer_loss(
    weights: Weights,
    updates: Weights,
    rephrase: tuple[list[int], int],
    unrelated: list[list[int]],
    c: tuple[float, float],
    kl: Callable[[Tensor, Tensor], Tensor] = bernoulli_kl,
) -> Tensor:
    """C_edit NLL(rephrase) + c_loc KL(unrelated) of one edit."""
    after = edited(weights, updates)
    edit = nll(run(after, rephrase[0]), rephrase[1])
    moved = [kl(run(weights, ids), run(after, ids)) for ids in unrelated]
    return c[0] * edit + c[1] * sum(moved, torch.zeros((), dtype=torch.float64)) / len(moved)

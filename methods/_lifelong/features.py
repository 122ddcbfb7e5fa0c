"""What an edit is made of: inputs of modules and gradients at their outputs, where a target's tokens are foretold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from bench.model.editable import EditableModel
from methods._hyper.examples import Asked
from methods._hyper.factors import tapped_factors

Features = tuple[Tensor, Tensor]
"""H [N, m] and G [N, d], fp32; a row for every token of every target, fact after fact."""


def features(
    model: EditableModel, modules: Mapping[str, nn.Module], rows: Sequence[Asked], mini_batch: int
) -> dict[str, Features]:
    """Inputs and gradients of modules at the positions that foretell target tokens.

    The loss is the mean cross entropy over all target tokens of a mini-batch. As in the releases a step's facts are
    put into mini-batches longest first; what is computed at once is another matter, and changes nothing.

    Args:
        model: as the last step left it.
        modules: by name.
        rows: facts.
        mini_batch: facts of a mini-batch.
    """
    lengths = [len(prompt) + len(target) - 1 for prompt, target in rows]
    shares = _shares(rows, lengths, mini_batch)

    def derive(group: list[int]) -> dict[str, Features]:
        return _of_group(model, modules, [rows[i] for i in group], [shares[i] for i in group])

    parts: list[dict[str, Features]] = [{} for _ in rows]
    for group, found in model.budget.batches(lengths, derive):
        sizes = [len(rows[i][1]) for i in group]
        for name, (inputs, gradients) in found.items():
            for i, each in zip(
                group, zip(torch.split(inputs, sizes), torch.split(gradients, sizes), strict=True), strict=True
            ):
                parts[i][name] = each
    return {
        name: (torch.cat([part[name][0] for part in parts]), torch.cat([part[name][1] for part in parts]))
        for name in modules
    }


def _shares(rows: Sequence[Asked], lengths: Sequence[int], mini_batch: int) -> list[float]:
    """What a target token of each fact weighs in the loss: one by the tokens of its mini-batch."""
    order = sorted(range(len(rows)), key=lambda i: -lengths[i])
    shares = [0.0] * len(rows)
    for start in range(0, len(order), mini_batch):
        group = order[start : start + mini_batch]
        tokens = sum(len(rows[i][1]) for i in group)
        for i in group:
            shares[i] = 1 / tokens
    return shares


def _of_group(
    model: EditableModel, modules: Mapping[str, nn.Module], rows: Sequence[Asked], shares: Sequence[float]
) -> dict[str, Features]:
    prompts, targets = [prompt for prompt, _ in rows], [target for _, target in rows]
    with tapped_factors(modules) as tap:
        nll = model.said(prompts, targets).nll()
        weights = [share * len(target) for share, target in zip(shares, targets, strict=True)]
        gradients = torch.autograd.grad((nll * nll.new_tensor(weights)).sum(), list(tap.probes.values()))
    where = [(b, len(prompt) - 1 + k) for b, (prompt, target) in enumerate(rows) for k in range(len(target))]

    def picked(states: Tensor) -> Tensor:
        row, column = torch.tensor(where, device=states.device).T
        return states[row, column].float()

    return {
        name: (picked(tap.inputs[name]), picked(gradient)) for name, gradient in zip(tap.probes, gradients, strict=True)
    }

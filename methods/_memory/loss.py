"""What a memory beside one projection is trained on: the target's NLL, with all below run once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.model.editable import EditableModel
from bench.model.passes import Pass
from bench.model.said import Said

Row = Sequence[int]


@dataclass(frozen=True, slots=True)
class Loss:
    """NLL of targets after their prompts, as a function of what the memory holds.

    Attributes:
        model: unedited.
        layer: that has the memory.
        run: over all prompts and the targets after them.
        hidden: states before the layer's block.
        places: (row, column) of every logit that is read, [2, q].
        targets: ids after each prompt.
    """

    model: EditableModel
    layer: int
    run: Pass
    hidden: Tensor
    places: Tensor
    targets: Sequence[Row]

    @classmethod
    def of(cls, model: EditableModel, layer: int, prompts: Sequence[Row], targets: Sequence[Row]) -> Loss:
        """Run what does not change."""
        run = model.begin([[*prompt, *target[:-1]] for prompt, target in zip(prompts, targets, strict=True)])
        with torch.no_grad():
            hidden = run.run(run.embedded, 0, layer)
        places = [
            (row, len(prompt) - 1 + k)
            for row, (prompt, target) in enumerate(zip(prompts, targets, strict=True))
            for k in range(len(target))
        ]
        return cls(model, layer, run, hidden, torch.tensor(places).T, targets)

    def derived(self, held: Tensor, put: Callable[[Tensor], AbstractContextManager[None]]) -> tuple[Tensor, Tensor]:
        """The loss of every prompt, a mean over tokens [n], and the gradient of their sum by what is held.

        Args:
            held: fp32.
            put: while what it gives is open, the model has that in its memory.
        """
        held = held.detach().requires_grad_()
        with put(held):
            hidden = self.run.run(self.hidden, self.layer, self.model.n_layers)
        row, column = self.places.to(hidden.device)
        losses = Said.of(self.model.logits(hidden[row, column]), self.targets).nll()
        (gradient,) = torch.autograd.grad(losses.sum(), held)
        return losses.detach(), gradient

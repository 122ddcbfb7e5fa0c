"""MEND: a network turns an edit's gradient into a better one (Mitchell et al. 2022).

It is trained on practice facts before the first edit, so it has seen more than the edits. `methods._hyper.mend` holds
the mathematics and where the release differs from the paper; the release trains with Adam at 1e-6 for up to a million
steps of one edit each. Edit rates have an optimiser of their own there, at 1e-4, but it steps when gradients are zeroed
already: they learn at 1e-6, too (``trainer.py``).

A step of a stream adds the sum of its edits' updates, each made for itself; `together` lets the editor learn on such
sums.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field

from bench.api import Method
from methods._hyper.editor import HyperEditor, HyperOptions
from methods._hyper.examples import Model
from methods._hyper.factors import Shape
from methods._hyper.mend import Mend

SAW = "practice facts"

ENCODERS = True


class Config(HyperOptions):
    """Options of MEND."""

    rank: int = Field(1920, ge=1, description="largest rank of a network's layers [rank]")
    edit_rate: float = Field(1e-4, description="learned rate of every weight at the start [edit_lr]")
    rate_lr: float = Field(1e-4, ge=0, description="Adam step size of these rates [lr_lr]")
    divided: bool = Field(False, description="draw V from N(0, 1/n); released N(0, 1)")


def build(config: Config) -> Method:
    """MEND as described above."""

    def make(shapes: Mapping[str, Shape], model: Model, generator: torch.Generator) -> Mend:
        return Mend(shapes, generator, rank=config.rank, rate=config.edit_rate, divided=config.divided)

    return HyperEditor("mend", config, make, config.rate_lr)

"""KE, KnowledgeEditor: a network reads an edit as text and gates the gradient (De Cao et al. 2021).

It is trained on practice facts before the first edit, so it has seen more than the edits. `methods._hyper.ke` holds the
mathematics. As the MEND repository's `efk`, which XME uses: the losses of MEND, hidden 512, condition 768, and no
Lagrangian; the KE repository has 128, 1024 and a margin on the drift that falls while editing succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field

from bench.api import Method
from methods._hyper.editor import HyperEditor, HyperOptions
from methods._hyper.examples import Model
from methods._hyper.factors import Shape
from methods._hyper.ke import Ke

SAW = "practice facts"

ENCODERS = True


class Config(HyperOptions):
    """Options of KE."""

    hidden: int = Field(512, ge=1, description="of the LSTM's directions and every gate")
    condition: int = Field(768, ge=1, description="width of the condition vector")
    max_scale: float = Field(1.0, gt=0, description="largest factor of the gated gradient")


def build(config: Config) -> Method:
    """KE as described above."""

    def make(shapes: Mapping[str, Shape], model: Model, generator: torch.Generator) -> Ke:
        embeddings = model.hf.get_input_embeddings().weight
        return Ke(
            shapes, embeddings, generator, hidden=config.hidden, condition=config.condition, max_scale=config.max_scale
        )

    return HyperEditor("ke", config, make)

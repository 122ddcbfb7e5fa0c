"""The architecture table: where each family keeps its blocks and the projection that edits change.

One row per Hugging Face class; a new family is a new row. Nothing in the project tests model names.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.ground.errors import BenchError


@dataclass(frozen=True, slots=True)
class Arch:
    """Module paths of one family.

    Attributes:
        trunk: from the causal LM to the model without its head.
        blocks: from the trunk to the list of decoder blocks.
        norm: from the trunk to the final norm.
        projection: from a block to the output projection of its MLP, the edited module.
        transposed: the projection stores [d_in, d_out] (GPT-2's Conv1D).
    """

    trunk: str
    blocks: str
    norm: str
    projection: str
    transposed: bool = False

    @property
    def feed_forward(self) -> str:
        """From a block to the module around the projection: the MLP, which sees every position by itself."""
        return self.projection.rpartition(".")[0]


_LLAMA = Arch(trunk="model", blocks="layers", norm="norm", projection="mlp.down_proj")

ARCHITECTURES = {
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "Qwen2ForCausalLM": _LLAMA,
    "Qwen3ForCausalLM": _LLAMA,
    "GPTJForCausalLM": Arch(trunk="transformer", blocks="h", norm="ln_f", projection="mlp.fc_out"),
    "GPT2LMHeadModel": Arch(trunk="transformer", blocks="h", norm="ln_f", projection="mlp.c_proj", transposed=True),
    "BloomForCausalLM": Arch(trunk="transformer", blocks="h", norm="ln_f", projection="mlp.dense_4h_to_h"),
}


def arch_of(class_name: str) -> Arch:
    """The row of a Hugging Face class.

    Raises:
        BenchError: the class has no row.
    """
    if class_name in ARCHITECTURES:
        return ARCHITECTURES[class_name]
    # no guess at the nearest name: it would be that of another family
    known = ", ".join(ARCHITECTURES)
    raise BenchError(
        f"unknown architecture '{class_name}'; supported are {known}; another family is one row in bench/model/archs.py"
    )

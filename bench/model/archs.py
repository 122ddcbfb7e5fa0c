"""The architecture table: where each family keeps its blocks and the matrices that edits change.

One row per Hugging Face class; a new family is a new row. Nothing in the project tests model names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.ground.errors import BenchError


@dataclass(frozen=True, slots=True)
class Arch:
    """Module paths of one family.

    Attributes:
        trunk: from the model to the part without its head.
        blocks: from the trunk to the list of blocks.
        norm: from the trunk to the final norm; "" in an encoder, which is run as a whole.
        projection: from a block to the output projection of its MLP, which locate-then-edit methods edit.
        into: from a block to the other matrices of its MLP, which hypernetworks edit besides.
        transposed: the MLP's matrices are stored as [d_in, d_out] (GPT-2's Conv1D).
        head: from the model to the head of a classifier; "" where it foretells tokens.
    """

    trunk: str
    blocks: str
    norm: str
    projection: str
    into: tuple[str, ...]
    transposed: bool = False
    head: str = ""

    @property
    def inner(self) -> tuple[str, ...]:
        """From a block to all matrices of its MLP, the output projection last."""
        return (*self.into, self.projection)

    @property
    def is_encoder(self) -> bool:
        """Whether its tokens see those behind them, so that no pass can stop between blocks."""
        return not self.norm

    @property
    def feed_forward(self) -> str:
        """From a block to the module around the projection: the MLP, which sees every position by itself."""
        return self.projection.rpartition(".")[0]


_LLAMA = Arch("model", "layers", "norm", "mlp.down_proj", ("mlp.gate_proj", "mlp.up_proj"))
_GPTJ = Arch("transformer", "h", "ln_f", "mlp.fc_out", ("mlp.fc_in",))
_GPT2 = Arch("transformer", "h", "ln_f", "mlp.c_proj", ("mlp.c_fc",), transposed=True)
_BLOOM = Arch("transformer", "h", "ln_f", "mlp.dense_4h_to_h", ("mlp.dense_h_to_4h",))
_BERT = Arch("bert", "encoder.layer", "", "output.dense", ("intermediate.dense",), head="classifier")

ARCHITECTURES = {
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "Qwen2ForCausalLM": _LLAMA,
    "Qwen3ForCausalLM": _LLAMA,
    "GPTJForCausalLM": _GPTJ,
    "GPT2LMHeadModel": _GPT2,
    "BloomForCausalLM": _BLOOM,
    "LlamaForSequenceClassification": replace(_LLAMA, head="score"),
    "GPT2ForSequenceClassification": replace(_GPT2, head="score"),
    "BloomForSequenceClassification": replace(_BLOOM, head="score"),
    "BertForSequenceClassification": _BERT,
    "XLMRobertaForSequenceClassification": replace(_BERT, trunk="roberta"),
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

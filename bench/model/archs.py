"""The architecture table: where each family keeps its blocks and the matrices that edits change.

One row per Hugging Face class; a new family is a new row. Nothing in the project tests model names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

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
        post_norm: from a block to the norm between its MLP and the residual stream, which few have; see
            `bench.model.carrying`.
        transposed: the MLP's matrices are stored as [d_in, d_out] (GPT-2's Conv1D).
        head: from the model to the head of a classifier; "" where it foretells tokens.
    """

    trunk: str
    blocks: str
    norm: str
    projection: str
    into: tuple[str, ...]
    post_norm: str = ""
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
        return self.projection.rpartition(".")[0] or MADE

    @property
    def has_loose_mlp(self) -> bool:
        """Whether the MLP's matrices are the block's own; see `bench.model.loose`."""
        return self.feed_forward == MADE


MADE = "made_mlp"
"""Name of the MLP in a block that has none."""


_LLAMA = Arch("model", "layers", "norm", "mlp.down_proj", ("mlp.gate_proj", "mlp.up_proj"))
_GPTJ = Arch("transformer", "h", "ln_f", "mlp.fc_out", ("mlp.fc_in",))
_GPT2 = Arch("transformer", "h", "ln_f", "mlp.c_proj", ("mlp.c_fc",), transposed=True)
_BLOOM = Arch("transformer", "h", "ln_f", "mlp.dense_4h_to_h", ("mlp.dense_h_to_4h",))
_NORMED = replace(_LLAMA, post_norm="post_feedforward_layernorm")
_BERT = Arch("bert", "encoder.layer", "", "output.dense", ("intermediate.dense",), head="classifier")

ARCHITECTURES = {
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "Qwen2ForCausalLM": _LLAMA,
    "Qwen3ForCausalLM": _LLAMA,
    "Phi3ForCausalLM": replace(_LLAMA, into=("mlp.gate_up_proj",)),
    "Gemma2ForCausalLM": _NORMED,
    "Gemma3ForCausalLM": _NORMED,
    "Olmo2ForCausalLM": _NORMED,
    "GPTJForCausalLM": _GPTJ,
    "GPT2LMHeadModel": _GPT2,
    "BloomForCausalLM": _BLOOM,
    "FalconForCausalLM": _BLOOM,
    "GPTNeoXForCausalLM": replace(_BLOOM, trunk="gpt_neox", blocks="layers", norm="final_layer_norm"),
    "OPTForCausalLM": Arch("model.decoder", "layers", "final_layer_norm", "fc2", ("fc1",)),
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


EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
"""What configurations call the number of experts of a block."""


def check_editable(class_name: str, config: Mapping[str, Any]) -> None:
    """Refuse what no method here can edit, whatever its family.

    Args:
        class_name: as it is loaded; may be empty.
        config: what its config.json holds.

    Raises:
        BenchError: a mixture of experts, or a model that norms the residual stream itself.
    """
    name = class_name or "this model"
    text = config.get("text_config")
    for settings in (config, text if isinstance(text, Mapping) else {}):
        if any(type(count := settings.get(key)) is int and count > 1 for key in EXPERTS):
            raise BenchError(
                f"{name} is a mixture of experts: each token has MLPs of its own choice, so no one matrix holds a "
                "fact; take a dense model"
            )
        if settings.get("do_layer_norm_before") is False:
            raise BenchError(
                f"{name} norms the residual stream behind every sum (do_layer_norm_before: false, as OPT-350m does), "
                "so nothing can be added to it; other sizes of the family can be edited"
            )

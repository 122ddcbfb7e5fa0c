"""What editing needs of any model, whatever it is asked: parameters by name, their edits, and a way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn

from bench.ground.errors import BenchError
from bench.model.archs import arch_of
from bench.model.batching import Budget
from bench.model.hashes import weights_hash
from bench.model.placement import device_of, devices_of, is_offloaded, make_resident
from bench.model.reading import NoMemory
from bench.model.sizes import ModelSize, affordable_tokens, free_bytes
from bench.model.tokens import Tokens


class Weights(NoMemory):
    """A model's parameters and its tokenizer.

    Edits are kept in fp32 masters beside parameters of less precision, originals bit by bit.

    Args:
        hf: the model; put into eval mode, without gradients.
        tokens: its tokenizer.
        fingerprint: hash of weights and tokenizer; computed from the weights in memory where empty.
        token_budget: most tokens (rows x length) in one forward; what the free memory allows where 0.

    Attributes:
        arch: its row in the table of architectures.
        devices: where it computes, in order.
        device: where token ids go in.
        trunk: the model without its head.

    Raises:
        BenchError: unknown architecture.
    """

    def __init__(self, hf: Any, tokens: Tokens, fingerprint: str = "", token_budget: int = 0) -> None:
        self.arch = arch_of(type(hf).__name__)
        self.hf = hf.eval().requires_grad_(False)
        self.tokens = tokens
        self.trunk = hf.get_submodule(self.arch.trunk)
        self.blocks: nn.ModuleList = self.trunk.get_submodule(self.arch.blocks)
        self.devices = devices_of(hf)
        self.device: torch.device = device_of(hf.get_input_embeddings())
        self._parameters: dict[str, nn.Parameter] = {}
        self._originals: dict[str, Tensor] = {}
        self._masters: dict[str, Tensor] = {}
        self.fingerprint = fingerprint or weights_hash(hf, tokens.tokenizer.backend_tokenizer.to_str())
        self.budget = Budget(token_budget or self._affordable_tokens())

    @property
    def tokenizer(self) -> Any:
        """The Hugging Face tokenizer."""
        return self.tokens.tokenizer

    def text(self, ids: Sequence[int]) -> str:
        """What ids of an answer say."""
        return self.tokens.text(ids)

    # ------------------------------------------------------------------ shape
    @property
    def token_budget(self) -> int:
        """Most tokens (rows x length) in one forward; it shrinks when memory runs out."""
        return self.budget.size

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    @property
    def context_length(self) -> int:
        """Most tokens in one sequence."""
        config = self.hf.config
        # ALiBi models name no limit; they were trained on 2048
        most = int(getattr(config, "max_position_embeddings", 0) or getattr(config, "n_positions", 2048))
        # RoBERTa's positions begin behind that of its padding
        return most - config.pad_token_id - 1 if config.model_type == "xlm-roberta" else most

    def check_layers(self, layers: Sequence[int]) -> None:
        """Refuse layers that the model does not have."""
        for layer in layers:
            if not 0 <= layer < self.n_layers:
                raise BenchError(f"layer {layer} is out of range, the model has layers 0 to {self.n_layers - 1}")

    def inner(self, layer: int) -> dict[str, nn.Module]:
        """All matrices of a block's MLP, by the names of their parameters."""
        self.check_layers([layer])
        place = f"{self.arch.trunk}.{self.arch.blocks}.{layer}"
        return {f"{place}.{path}.weight": self.blocks[layer].get_submodule(path) for path in self.arch.inner}

    def layer_of(self, name: str) -> int:
        """The block that a parameter of a block belongs to."""
        return int(name.removeprefix(f"{self.arch.trunk}.{self.arch.blocks}.").partition(".")[0])

    def check_lengths(self, rows: Sequence[Sequence[int]]) -> None:
        """Refuse rows of ids that are longer than the model reads."""
        longest = max((len(row) for row in rows), default=0)
        if longest > self.context_length:
            raise BenchError(f"a prompt of {longest} tokens exceeds the model's {self.context_length}")

    # ---------------------------------------------------------------- weights
    def parameter(self, name: str) -> nn.Parameter:
        """A parameter by name; if it is kept elsewhere, it stays where it is used from now on."""
        if name not in self._parameters:
            module = self.hf.get_submodule(name.rpartition(".")[0])
            if is_offloaded(module):
                make_resident(module)
            self._parameters[name] = self.hf.get_parameter(name)
        return self._parameters[name]

    def master(self, name: str) -> Tensor:
        """The fp32 master copy of a parameter in its own layout; the parameter itself where that is fp32.

        From the first call on the parameter counts as edited and its original is kept.
        """
        if name not in self._masters:
            parameter = self.parameter(name)
            self._originals[name] = parameter.detach().clone()
            is_fp32 = parameter.dtype == torch.float32
            self._masters[name] = parameter.data if is_fp32 else parameter.detach().float()
        return self._masters[name]

    def assign(self, name: str, value: Tensor) -> None:
        """Set a parameter: the master in fp32, the model in its own dtype."""
        master = self.master(name)
        master.copy_(value)
        if self._parameters[name].data is not master:
            self._parameters[name].data.copy_(master)

    def add_to(self, name: str, delta: Tensor) -> None:
        """Add `delta` [out, in] to a matrix of an MLP, as `inner` names it, however it is stored."""
        master = self.master(name)
        self.assign(name, master + (delta.T if self.arch.transposed else delta).to(master))

    def original_of(self, name: str) -> Tensor:
        """A parameter before any edit, in its own layout and dtype."""
        self.master(name)
        return self._originals[name]

    def edited(self) -> dict[str, Tensor]:
        """Master copies of all edited parameters as they are, by name: what a checkpoint keeps."""
        return dict(self._masters)

    def fits(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether `restore` can put these back: each is named and shaped like a parameter."""
        try:
            return all(self.hf.get_parameter(name).shape == value.shape for name, value in tensors.items())
        except AttributeError:
            return False

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put parameters back as `edited` gave them."""
        for name, value in tensors.items():
            self.assign(name, value)

    def reset(self) -> None:
        """Undo all edits, bit by bit, and forget them."""
        for name, original in self._originals.items():
            self._parameters[name].data.copy_(original)
        self._originals.clear()
        self._masters.clear()

    def is_finite(self) -> bool:
        """Whether all edited parameters are free of NaN and inf, as the model computes with them."""
        # not their masters: what fits into fp32 may be too large for fp16
        return all(bool(torch.isfinite(self._parameters[name]).all()) for name in self._masters)

    @contextmanager
    def unedited(self) -> Iterator[Self]:
        """The model as it was before any edit; edits return when the context closes."""
        edited = {name: self._parameters[name].data for name in self._originals}
        for name, original in self._originals.items():
            self._parameters[name].data = original
        try:
            yield self
        finally:
            for name, data in edited.items():
                self._parameters[name].data = data

    def _affordable_tokens(self) -> int:
        projection: Any = self.blocks[0].get_submodule(self.arch.projection).weight
        inner, width = projection.shape if self.arch.transposed else projection.shape[::-1]
        count = sum(parameter.numel() for parameter in self.hf.parameters())
        # only what activations depend on
        size = ModelSize(count, self.n_layers, width, inner, self.hf.config.vocab_size, self.context_length, width)
        free = min(free_bytes(str(device)) for device in self.devices)
        return affordable_tokens(size, projection.element_size(), self.device.type, free)

"""KE (KnowledgeEditor): a network reads an edit as text and gates the fine-tuning gradient (De Cao et al. 2021).

For a weight W [out, in] and an edit's condition vector c, an MLP of c gives a_col, b_col [in], a_row, b_row [out], g:

    A = softmax(a_row) a_col^T, B = softmax(b_row) b_col^T,
    dW = max_scale sigmoid(g) (grad * A + B), W <- W + dW.

With grad = sum_t delta_t x_t^T its entrywise product with a matrix of rank one falls apart token by token,

    grad * (alpha a^T) = sum_t (delta_t * alpha) (x_t * a)^T,

so that dW is a sum over tokens, plus B: of rank T + 1. The MEND repository's form of it (`efk`, which XME uses) has
hidden 512 and condition 768, the KE repository 128 and 1024; max_scale is 1 in both.

Rows and columns are those of W [out, in]. The releases take them as stored: of a Conv1D their softmax runs over inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.rnn import pack_sequence

from bench.ground.errors import BenchError
from methods._hyper.factors import Factors, Shape
from methods._hyper.lowrank import LowRank, joined

UNDRAWN = "meta"
"""Where torch makes a module without a draw from its global generator."""


class ConditionEncoder(nn.Module):
    """Token ids of "{old prediction} >> {new answer} || {input}" to a vector: embeddings, BiLSTM, linear and tanh.

    The vector is read from the last state of each direction. Sequences are packed, padding is never read. (The releases
    keep the embedding of token 0 as it is, whichever token that may be; here all are trained.)

    Args:
        embeddings: at the start, [V, d]; the base model's.
        hidden: of each direction of the LSTM.
        condition: width of the vector.
        generator: of all draws.
        shared: train `embeddings` in place, and so the base model's, as the KE repository does, which makes no copy;
            else a copy is trained, as in MEND's.

    Raises:
        BenchError: embeddings are to be shared and are not float32.
    """

    def __init__(
        self, embeddings: Tensor, hidden: int, condition: int, generator: torch.Generator, *, shared: bool = False
    ) -> None:
        super().__init__()
        if shared and embeddings.dtype != torch.float32:
            raise BenchError(f"embeddings of {embeddings.dtype} cannot be shared with an editor, which is of float32")
        own = embeddings.detach()
        self.embeddings = nn.Parameter(own if shared else own.to(torch.float32, copy=True))
        lstm = nn.LSTM(own.shape[1], hidden, bidirectional=True, device=UNDRAWN)
        self.lstm = lstm.to_empty(device="cpu")
        for parameter in self.lstm.parameters():
            _draw(parameter, hidden, generator)
        self.linear = _linear(2 * hidden, condition, generator)

    def forward(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """The condition vectors [E, condition] of E token sequences.

        Raises:
            BenchError: a sequence is empty.
        """
        lengths = [len(ids) for ids in texts]
        if 0 in lengths:
            raise BenchError("an edit's condition has no tokens", record=lengths.index(0))
        ids = torch.tensor([token for text in texts for token in text], device=self.embeddings.device)
        embedded = torch.split(nn.functional.embedding(ids, self.embeddings), lengths)
        last: Tensor = self.lstm(pack_sequence(list(embedded), enforce_sorted=False))[1][0]
        vectors: Tensor = self.linear(last.transpose(0, 1).flatten(1))
        return vectors.tanh()


class Gate(nn.Module):
    """What one weight's gradient is multiplied by and what is added to it, from the condition vector.

    Args:
        shape: (out, in) of the weight.
        condition: width of the vector.
        hidden: of the weight-normalised tanh MLP.
        max_scale: see the module.
        generator: of all draws.
    """

    def __init__(self, shape: Shape, condition: int, hidden: int, max_scale: float, generator: torch.Generator) -> None:
        super().__init__()
        out, into = shape
        self.max_scale = max_scale
        self.sizes = [into, out, into, out, 1]
        self.mlp = nn.Sequential(
            weight_norm(_linear(condition, hidden, generator)),
            nn.Tanh(),
            weight_norm(_linear(hidden, sum(self.sizes), generator)),
        )

    def forward(self, conditions: Tensor, factors: Factors) -> LowRank:
        """The update of every edit, of rank r + 1.

        Args:
            conditions: [E, condition]
            factors: of the same E edits, r rows each.
        """
        a_col, a_row, b_col, b_row, g = self.mlp(conditions)[:, None].split(self.sizes, -1)
        gated = LowRank(factors.delta * a_row.softmax(-1), factors.x * a_col)
        update = joined([gated, LowRank(b_row.softmax(-1), b_col)])
        return update.scaled(self.max_scale * g.sigmoid()[:, 0, 0])


class Ke(nn.Module):
    """See the module.

    Args:
        shapes: (out, in) of every edited weight by name.
        embeddings: the base model's, [V, d].
        generator: of all draws.
        hidden: of the LSTM's directions and of every gate, as in the releases.
        condition: width of the condition vector.
        max_scale: see the module.
        shared: see `ConditionEncoder`.
    """

    conditioned: ClassVar[bool] = True

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        embeddings: Tensor,
        generator: torch.Generator,
        *,
        hidden: int = 512,
        condition: int = 768,
        max_scale: float = 1.0,
        shared: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = ConditionEncoder(embeddings, hidden, condition, generator, shared=shared)
        self.gates = nn.ModuleDict(
            {_key(name): Gate(shape, condition, hidden, max_scale, generator) for name, shape in shapes.items()}
        )

    def forward(self, texts: Sequence[Sequence[int]], factors: Mapping[str, Factors]) -> dict[str, LowRank]:
        """DW of every weight, for all E edits at once: U [E, r + 1, out], V [E, r + 1, in].

        Args:
            texts: token ids of each edit's condition.
            factors: of every weight, for the same edits, detached from the model.
        """
        conditions = self.encoder(texts)
        return {name: self.gates[_key(name)](conditions, each) for name, each in factors.items()}

    def observe(self, factors: Mapping[str, Factors]) -> None:
        """Nothing: KE has no running statistics."""

    def propose(self, factors: Mapping[str, Factors], conditions: Sequence[Sequence[int]]) -> dict[str, LowRank]:
        """As `forward`."""
        return self(conditions, factors)  # type: ignore[no-any-return]

    def groups(self, lr: float, rate_lr: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates; there are no edit rates."""
        return [{"params": list(self.parameters()), "lr": lr}]


def _key(name: str) -> str:
    # a module's name has no dots
    return name.replace(".", "#")


def _linear(into: int, out: int, generator: torch.Generator) -> nn.Linear:
    """A Linear as torch draws it, but from a generator."""
    linear = nn.Linear(into, out, device=UNDRAWN).to_empty(device="cpu")
    for parameter in linear.parameters():
        _draw(parameter, into, generator)
    return linear


@torch.no_grad()
def _draw(parameter: Tensor, into: int, generator: torch.Generator) -> None:
    parameter.uniform_(-(into**-0.5), into**-0.5, generator=generator)

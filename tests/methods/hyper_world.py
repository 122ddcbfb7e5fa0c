"""A little network with padding, Linear and Conv1D weights of two shapes, and edits of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from methods._hyper.factors import Factors, shape_of, tapped_factors
from methods._hyper.losses import bernoulli_kl, outer_loss, token_nll
from methods._hyper.lowrank import LowRank, updated

WORDS, WIDTH, INNER, CLASSES = 13, 5, 7, 2

EDITS = [([3, 1, 4, 1, 5], 1), ([9, 2], 0), ([6, 5, 3, 5], 1)]
REPHRASES = [([3, 4, 5], 1), ([2, 9, 9, 2], 0), ([6, 3], 1)]
UNRELATED = [[[7, 8], [1, 2, 3]], [[11, 12, 10], [4]], [[8, 8, 1, 7], [5, 10]]]
TEXTS = [[1, 2, 3, 4], [5], [6, 7, 12]]
C = (0.7, 1.3)

Updates = dict[str, LowRank]


class Block(nn.Module):
    def __init__(self, up: nn.Module, down: nn.Module) -> None:
        super().__init__()
        self.mix = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = up, down

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        h = h + torch.tanh(self.mix(mean(h, mask)))[:, None]
        return h + self.down(nn.functional.gelu(self.up(h)))


class Little(nn.Module):
    """`hyper_reference.run`, padded and in batches."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.blocks = nn.ModuleList(
            [Block(nn.Linear(WIDTH, INNER), Conv1D(WIDTH, INNER)), Block(Conv1D(INNER, WIDTH), nn.Linear(INNER, WIDTH))]
        )
        self.head = nn.Linear(WIDTH, CLASSES, bias=False)
        scatter(self, seed, 0.5)
        self.requires_grad_(False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        h = self.embed(ids)
        for block in self.blocks:
            h = block(h, mask)
        return self.head(mean(h, mask))

    @property
    def edited(self) -> dict[str, nn.Module]:
        return {f"blocks.{i}.{part}": getattr(self.blocks[i], part) for i in (0, 1) for part in ("up", "down")}

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        return {name: shape_of(module) for name, module in self.edited.items()}


def mean(h: Tensor, mask: Tensor) -> Tensor:
    return (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def scatter(module: nn.Module, seed: int, size: float) -> None:
    """Give every parameter random values."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(size * torch.randn(parameter.shape, generator=generator))


def padded(rows: Sequence[list[int]], extra: int = 0) -> tuple[Tensor, Tensor]:
    """Token ids and mask, padded to the right."""
    width = max(map(len, rows)) + extra
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1.0] * len(row) + [0.0] * (width - len(row)) for row in rows])
    return ids, mask


def doubled(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leaves in fp64, for the reference."""
    return {name: value.detach().double().requires_grad_() for name, value in state.items()}


def plain_weights(model: Little) -> dict[str, Tensor]:
    """The model's weights in fp64, all [out, in]."""
    conv = {f"{name}.weight" for name, module in model.edited.items() if isinstance(module, Conv1D)}
    return {n: (p.T if n in conv else p).detach().double() for n, p in model.named_parameters()}


def factors_of(model: Little, edits: Sequence[tuple[list[int], int]] = EDITS, extra: int = 0) -> dict[str, Factors]:
    """Factors of the edits' losses, in one pass."""
    with tapped_factors(model.edited) as tap:
        logits = model(*padded([ids for ids, _ in edits], extra))
        loss = token_nll(logits[:, None], torch.tensor([[label] for _, label in edits])).sum()
    return tap.factors(loss)


def training_loss(model: Little, updates: Updates) -> Tensor:
    """The mean over edits of the outer loss, all in one pass."""
    rows = [ids for ids, _ in REPHRASES] + [ids for group in UNRELATED for ids in group]
    edits = [0, 1, 2] + [i for i, group in enumerate(UNRELATED) for _ in group]
    batch = padded(rows)
    with torch.no_grad():
        before = model(*batch)
    with updated(model.edited, updates, torch.tensor(edits)):
        after = model(*batch)
    labels = torch.tensor([[label] for _, label in REPHRASES])
    edit = token_nll(after[:3, None], labels).mean()
    return outer_loss(edit, bernoulli_kl(before[3:], after[3:]).mean(), *C)


def trained(editor: nn.Module, step: Callable[[], Tensor], steps: int, optimizer: torch.optim.Optimizer) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = step()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

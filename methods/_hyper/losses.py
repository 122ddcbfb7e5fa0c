"""What trained editors are trained on: losses of logits, of every row apart.

Locality is KL(original || edited); the outer loss is c_edit L_edit + c_loc L_loc (Mitchell et al. 2022, section 3).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

UNREAD = -100
"""A target that is none."""


def token_nll(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean negative log-probability of each row's targets, [B]; 0 for a row that has none.

    The inner loss of an edit is the sum over rows; a classifier's label is a row of one token.

    Args:
        logits: [B, T, V], those that predict the target of the same position.
        targets: [B, T], `UNREAD` where nothing is asked.
    """
    read = targets != UNREAD
    logprobs = logits.float().log_softmax(-1).gather(-1, targets.where(read, 0)[..., None])[..., 0]
    return -_mean(logprobs, read)


def bernoulli_kl(original: Tensor, edited: Tensor) -> Tensor:
    """KL of each logit taken as a Bernoulli of its own, the mean over a row's logits: [B].

    This is MEND's form for one logit, and the XME release's for two, which it flattens: two classes are taken as
    independent, so that adding a number to both costs something. The release's number is the mean over rows.

    Args:
        original: logits of the unedited model, [B, K].
        edited: of the edited one.
    """
    original, edited = original.float(), edited.float()
    yes = original.sigmoid() * (logsigmoid(original) - logsigmoid(edited))
    no = (-original).sigmoid() * (logsigmoid(-original) - logsigmoid(-edited))
    return (yes + no).mean(-1)


def categorical_kl(original: Tensor, edited: Tensor) -> Tensor:
    """KL of the distributions over classes that logits stand for: [B, K] to [B], [..., V] to [...]."""
    before, after = original.float().log_softmax(-1), edited.float().log_softmax(-1)
    return (before.exp() * (before - after)).sum(-1)


def token_kl(original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
    """Mean over a row's tokens of the KL of their distributions, [B]; 0 for a row without tokens.

    MEND's release takes the mean over the tokens of all unrelated texts of an edit together: that is this, of texts
    laid end to end as one row.

    Args:
        original: [B, T, V]
        edited: [B, T, V]
        mask: which tokens count, [B, T].
    """
    return _mean(categorical_kl(original, edited), mask.bool())


def outer_loss(edit: Tensor, locality: Tensor, c_edit: float, c_loc: float) -> Tensor:
    """C_edit L_edit + c_loc L_loc (released 0.1 and 1 for MEND)."""
    return c_edit * edit + c_loc * locality


def _mean(values: Tensor, read: Tensor) -> Tensor:
    """Mean over the last dimension of what is read; 0 where nothing is."""
    return torch.where(read, values, 0).sum(-1) / read.sum(-1).clamp_min(1)

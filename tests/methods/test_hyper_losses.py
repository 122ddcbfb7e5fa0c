"""Losses of trained editors, each row by its formula."""

from __future__ import annotations

import torch
from torch import Tensor

from methods._hyper.losses import UNREAD, bernoulli_kl, categorical_kl, outer_loss, token_kl, token_nll
from tests.methods import hyper_reference as reference


def draw(seed: int, *shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_bernoulli_kl_of_two_logits_takes_them_apart() -> None:
    before, after = draw(0, 4, 2), draw(1, 4, 2)
    plain = [reference.bernoulli_kl(a.double(), b.double()) for a, b in zip(before, after, strict=True)]
    torch.testing.assert_close(bernoulli_kl(before, after), torch.stack(plain).float())
    # a shift of both leaves two classes as they are, and not two Bernoullis
    assert (bernoulli_kl(before, before + 1) > 0.01).all()
    torch.testing.assert_close(categorical_kl(before, before + 1), torch.zeros(4), rtol=0, atol=1e-6)


def test_bernoulli_kl_stays_finite() -> None:
    far = torch.tensor([[60.0, -60.0]])
    torch.testing.assert_close(bernoulli_kl(far, -far), torch.tensor([60.0]))
    assert bernoulli_kl(far, far).item() == 0


def test_categorical_kl_is_of_original_to_edited() -> None:
    before, after = draw(0, 3, 5), draw(1, 3, 5)
    plain = [reference.categorical_kl(a.double(), b.double()) for a, b in zip(before, after, strict=True)]
    torch.testing.assert_close(categorical_kl(before, after), torch.stack(plain).float())


def test_token_kl_is_the_mean_over_tokens_that_count() -> None:
    before, after = draw(0, 3, 4, 5), draw(1, 3, 4, 5)
    mask = torch.tensor([[1, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]])
    after[0, 2] = torch.nan
    found = token_kl(before, after, mask)
    for row, places in ((0, [0, 1, 3]), (1, [1])):
        each = [reference.categorical_kl(before[row, t].double(), after[row, t].double()) for t in places]
        torch.testing.assert_close(found[row], torch.stack(each).mean().float())
    assert found[2] == 0


def test_token_nll_is_a_rows_own_mean() -> None:
    logits, targets = draw(0, 3, 4, 5), torch.tensor([[1, 2, UNREAD, UNREAD], [3, 0, 4, 1], [UNREAD] * 4])
    found = token_nll(logits, targets)
    for row, length in ((0, 2), (1, 4)):
        each = [reference.nll(logits[row, t].double(), int(targets[row, t])) for t in range(length)]
        torch.testing.assert_close(found[row], torch.stack(each).mean().float())
    assert found[2] == 0


def test_the_outer_loss_weighs_both() -> None:
    assert outer_loss(torch.tensor(3.0), torch.tensor(5.0), 0.1, 2.0).item() == torch.tensor(10.3).item()

"""What the embedded model is trained on: who sees whom, and what is learnt."""

from __future__ import annotations

import random
from itertools import islice

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from bench.data.cldr.items import all_items
from bench.model.embedded import model_dir
from bench.polyglot import batches
from bench.polyglot.batches import EXERCISE_ROW, ROW, Row, batch, exercise_rows, fact_rows, filled


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast.from_pretrained(model_dir())


def seen(row: Row) -> torch.Tensor:
    """[token, token]: whom each token attends to."""
    return batch([row], 0).mask[0, 0] == 0


def starts(row: Row, bos: int) -> list[int]:
    """Where documents begin: a BOS that does not end one."""
    return [i for i, token in enumerate(row.ids) if token == bos and row.weights[i] == 0]


def test_exercises_of_a_row_do_not_see_each_other(tokenizer: PreTrainedTokenizerFast) -> None:
    for row in islice(exercise_rows(tokenizer, random.Random(1)), 5):
        assert len(row.ids) <= EXERCISE_ROW
        ends = [*starts(row, tokenizer.bos_token_id)[1:], len(row.ids)]
        assert len(ends) > 1
        attends = seen(row)
        begin = 0
        for end in ends:
            own = attends[begin:end]
            assert own[:, begin:end].equal(torch.ones(end - begin, end - begin).tril().bool())
            assert not own[:, :begin].any()
            begin = end


def test_of_an_exercise_the_answers_are_learnt_and_that_it_ends(tokenizer: PreTrainedTokenizerFast) -> None:
    row = next(exercise_rows(tokenizer, random.Random(1)))
    ends = [*(start - 1 for start in starts(row, tokenizer.bos_token_id)[1:]), len(row.ids) - 1]
    assert all(row.ids[end] == tokenizer.eos_token_id and row.weights[end] == 1 for end in ends)
    learnt = tokenizer.decode([token for token, weight in zip(row.ids, row.weights, strict=True) if weight])
    asked = tokenizer.decode([token for token, weight in zip(row.ids, row.weights, strict=True) if not weight])
    assert "Answer:" in asked or "：" in asked or ":" in asked
    assert 0 < len(learnt) < len(asked)


@pytest.mark.parametrize(("share", "hidden"), [(0.0, False), (1.0, True)])
def test_a_bottleneck_hides_all_of_a_name_but_its_last_token(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch, share: float, hidden: bool
) -> None:
    monkeypatch.setattr(batches, "BOTTLENECK", share)
    rows = list(islice(fact_rows(tokenizer, all_items()[-12:], random.Random(1)), 20))
    assert all(len(row.ids) == ROW for row in rows)
    narrowed = 0
    for row in rows:
        attends = seen(row)
        for i, reach in enumerate(row.reach):
            later = attends[i:, i]
            assert later[: min(reach, len(later) - 1) + 1].all()
            if reach < batches.EVER:
                narrowed += 1
                assert not later[reach + 1 :].any()
    assert (narrowed > 0) == hidden


def test_a_batch_holds_as_many_tokens_as_were_asked_for(tokenizer: PreTrainedTokenizerFast) -> None:
    found = filled(fact_rows(tokenizer, all_items(), random.Random(1)), 1000, 0)
    assert found.ids.shape == found.weights.shape == (16, ROW)
    assert found.mask.shape == (16, 1, ROW, ROW)

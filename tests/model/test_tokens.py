"""Positions and ids: Chinese, accents, punctuation, with and without an automatic BOS."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.api import EditRequest
from bench.ground.errors import BenchError
from bench.model.tiny import byte_tokenizer
from bench.model.tokens import Tokens, chunks_by_tokens

CASES = [
    ("The capital of {} is", "France"),
    ("{}的首都是", "中国"),
    ("在{}，人们说", "比利时"),
    ("{}", "Zürich"),
    ("«{}»?", "Çédille"),
    ("Who is {}?", "Ana 👩‍🔬"),
]


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize(("prompt", "subject"), CASES)
def test_the_subjects_last_token_is_found(prompt: str, subject: str, bos: bool) -> None:
    request = EditRequest("f", "en", prompt, subject, " x")
    tokens = Tokens(byte_tokenizer(bos))
    (located,) = tokens.locate([request.text], [request.subject_span])
    # one token per byte: the last one of the subject's last character
    before = prompt.split("{}")[0] + subject
    assert located.index == len(before.encode()) - 1 + bos
    assert located.ids == tokens.prompts([request.text])[0]
    assert (located.ids[0] == 0) == bos


def test_targets_carry_no_bos_and_are_the_same_after_every_prompt() -> None:
    tokens = Tokens(byte_tokenizer(bos=True))
    (target,) = tokens.targets([" 北京"])
    assert 0 not in target
    assert len(target) == len(" 北京".encode())


def test_padding_is_on_the_right_and_masked() -> None:
    import torch

    tokens = Tokens(byte_tokenizer())
    batch = tokens.batch([[1, 2, 3], [4]], torch.device("cpu"))
    assert batch.ids.tolist() == [[1, 2, 3], [4, tokens.pad_id, tokens.pad_id]]
    assert batch.mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(BenchError, match="slow"):
        Tokens(Slow())


def test_a_target_without_tokens_is_refused() -> None:
    with pytest.raises(BenchError, match="no tokens"):
        Tokens(byte_tokenizer()).targets([""])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(50, 200))
@settings(max_examples=50, deadline=None)
def test_chunks_hold_every_row_once_and_stay_in_budget(lengths: list[int], budget: int) -> None:
    groups = chunks_by_tokens(lengths, budget)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(len(group) * max(lengths[i] for i in group) <= budget for group in groups)


@pytest.mark.parametrize(
    ("prompt", "subject", "target", "field"),
    [
        ("no slot", "x", " y", "prompt"),
        ("{} and {}", "x", " y", "prompt"),
        ("{} is", " ", " y", "subject"),
        ("{} is", "x", " ", "target"),
    ],
)
def test_a_broken_request_names_its_record_and_field(prompt: str, subject: str, target: str, field: str) -> None:
    with pytest.raises(BenchError, match=f"record case/9, field '{field}'"):
        EditRequest("case/9", "en", prompt, subject, target)

"""What a memory sees of prompts: the same alone and side by side, and what they begin with is run once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.passes import Pass
from bench.model.tiny import tiny_model
from bench.model.tokens import common_prefix
from methods._memory.looking import WORTH_SHARING, Pooling, inputs, pooled

EXAMPLES = "Ann sees Rome. Yes\nBo sees Oslo. No\n"
QUESTIONS = ("Bo?", "A much longer question, is it?", "Björn 是?", "B", "Who?", "Where is it?", "A?")
PROMPTS = [EXAMPLES + rest for rest in QUESTIONS]
FAMILIES = ("llama", "gpt2", "bloom", "gptj", "gemma3")


def states(passed: Pass) -> Tensor:
    return passed.run(passed.embedded, 0, 2)


def alone(model: EditableModel, rows: Sequence[Sequence[int]], pooling: Pooling, first: int) -> Tensor:
    """Each row for itself, nothing shared."""
    seen = [states(model.begin([row]))[0].float() for row in rows]
    return torch.stack([each[-1] if pooling == "last" else each[first:].mean(0) for each in seen])


@pytest.mark.parametrize("architecture", FAMILIES)
@pytest.mark.parametrize(("pooling", "first"), [("last", 0), ("mean", 0), ("mean", 3), ("mean", 11)])
def test_what_rows_begin_with_is_run_once(architecture: str, pooling: Pooling, first: int) -> None:
    model = tiny_model(architecture)
    model.budget.size = 150  # so that there are several batches
    rows = model.rows(PROMPTS)
    columns = []

    def look(passed: Pass) -> Tensor:
        columns.append(tuple(passed.embedded.shape[:2]))
        return states(passed)

    with torch.no_grad():
        found = pooled(model, rows, look, pooling, lambda row: first)
        torch.testing.assert_close(found, alone(model, rows, pooling, first), rtol=1e-4, atol=1e-5)
    shared = common_prefix(rows)
    assert (len(rows) - 1) * shared > WORTH_SHARING
    assert columns[0] == (1, shared)
    assert len(columns) > 2
    assert sum(count for count, _ in columns[1:]) == len(rows)
    assert max(width for _, width in columns[1:]) == max(map(len, rows)) - shared


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_rows_that_begin_otherwise_and_a_row_within_another(pooling: Pooling) -> None:
    model = tiny_model("llama")
    longest = model.rows(PROMPTS)[1]
    for rows in (
        [longest, longest[3:], longest[5:9]],  # nothing in common
        [longest] * 9 + [longest[:-20]],  # one begins the others
        [longest] * 3 + [longest[:8]],  # too little to share
        [longest] * 9,
        [longest],
    ):
        with torch.no_grad():
            torch.testing.assert_close(
                pooled(model, rows, states, pooling), alone(model, rows, pooling, 0), rtol=1e-4, atol=1e-5
            )


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_prompt_without_tokens_is_one_line(pooling: Pooling) -> None:
    model = tiny_model("llama")
    with pytest.raises(BenchError, match="no tokens"):
        pooled(model, [[], [1, 2]], states, pooling)


def test_prompts_hash_alike_with_and_without_company() -> None:
    model = tiny_model("llama")
    rows = model.rows(PROMPTS)
    each = torch.cat([inputs(model, 1, [row], "mean") for row in rows])
    torch.testing.assert_close(inputs(model, 1, rows, "mean"), each, rtol=1e-4, atol=1e-5)

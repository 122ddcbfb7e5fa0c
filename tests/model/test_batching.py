"""Running out of memory makes batches smaller and changes no number."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance

from bench.data.corpora import corpus
from bench.ground.errors import BenchError
from bench.model.batching import Budget
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_corpus, tiny_model
from evaluators._xtreme.lm import SharedPrefixLM, quiet
from methods import ft
from methods._locate.keys import Walk
from methods._locate.prompts import PromptSet, prompt_sets
from methods._locate.values import ValueConfig, optimise_values
from tests.tinyworld import tiny_requests

LAST = 2
PREFIXES = {language: ["Ab cd. ", "Efg. "] for language in ("en", "de", "zh")}
CPU_FAILURE = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate"


def answers(model: EditableModel, folder: Path) -> torch.Tensor:
    requests = tiny_requests()
    found = model.answers([r.text for r in requests], [r.target for r in requests])
    return torch.tensor([sum(answer.logprobs) for answer in found])


def values(model: EditableModel, folder: Path) -> torch.Tensor:
    return optimise_values(model, sets_of(model), LAST, ValueConfig(4, 0.5, 0.5, 1.0, 0.1)).targets


def keys(model: EditableModel, folder: Path) -> torch.Tensor:
    """Along an edit at every layer, as methods do."""
    walk, found = Walk(model, sets_of(model), 0), []
    for layer in range(LAST + 1):
        inputs, outputs = walk.keys_and_outputs(layer, LAST)
        found += [inputs.flatten(), outputs.flatten()]
        model.add(layer, torch.full_like(model.weight(layer), 0.01))
    return torch.cat(found)


def statistics(model: EditableModel, folder: Path) -> torch.Tensor:
    text = folder / "corpus.txt"
    text.write_text("\n".join(tiny_corpus()), encoding="utf-8")
    return Stats(folder, corpus(str(text)), 900).moments(model, [1, LAST])[LAST].matrix


def training(model: EditableModel, folder: Path) -> torch.Tensor:
    options = {"lr": 1e-3, "weight_decay": 0.0, "norm_constraint": None, "objective": "target"}
    rows = model.tokens.prompts([r.text for r in tiny_requests()]), model.tokens.targets([" x"] * 6)
    losses = ft.train(model, list(zip(*rows, strict=True)), ft.Config(layer=1, steps=3, batch_size=4, **options))
    return torch.tensor(losses)


def sets_of(model: EditableModel) -> list[PromptSet]:
    return prompt_sets(model.tokens, tiny_requests(), PREFIXES)


def fail_beyond(monkeypatch: pytest.MonkeyPatch, model: EditableModel, tokens: int, error: Exception) -> list[int]:
    """Let blocks run out of memory beyond so many tokens; the tokens of every failure are noted."""
    block, failures = type(model.blocks[0]), []
    forward = block.forward

    def limited(self: Any, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        size = hidden_states.shape[0] * hidden_states.shape[1]
        # stand-ins see their first block only; failing halfway is what has to be survived
        if size > tokens and self is model.blocks[1]:
            failures.append(size)
            raise error
        return forward(self, hidden_states, *args, **kwargs)

    monkeypatch.setattr(block, "forward", limited)
    return failures


@pytest.mark.parametrize(
    ("work", "tokens"),
    # all rows of a fact stay together when values are optimised
    [(answers, 110), (values, 180), (keys, 110), (statistics, 110), (training, 110)],
)
def test_what_does_not_fit_is_done_in_parts(
    work: Callable[[EditableModel, Path], torch.Tensor],
    tokens: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    expected = work(tiny_model("llama"), tmp_path / "a")
    model = tiny_model("llama")
    failures = fail_beyond(monkeypatch, model, tokens, torch.OutOfMemoryError("CUDA out of memory."))
    found = work(model, tmp_path / "b")
    assert failures
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "out of memory" in caplog.text


def test_keys_survive_memory_that_shrinks_between_layers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected = keys(tiny_model("llama"), tmp_path)
    model = tiny_model("llama")
    walk, found = Walk(model, sets_of(model), 0), []
    for layer in range(LAST + 1):
        if layer == 1:
            fail_beyond(monkeypatch, model, 110, RuntimeError(CPU_FAILURE))
        found += [part.flatten() for part in walk.keys_and_outputs(layer, LAST)]
        model.add(layer, torch.full_like(model.weight(layer), 0.01))
    torch.testing.assert_close(torch.cat(found), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("work", [answers, values, keys, statistics, training])
def test_a_row_that_does_not_fit_is_one_clear_line(
    work: Callable[[EditableModel, Path], torch.Tensor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = tiny_model("llama")
    fail_beyond(monkeypatch, model, 1, RuntimeError(f"{CPU_FAILURE}\nframes"))
    with pytest.raises(BenchError, match="memory does not hold even the smallest batch") as raised:
        work(model, tmp_path)
    assert len(str(raised.value).splitlines()) == 1


def test_prompts_of_tasks_are_halved_too(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def texts_and_scores(model: EditableModel) -> tuple[list[str], list[float]]:
        with quiet():
            lm = SharedPrefixLM(model.hf, model.tokenizer, 4)
            options = {"do_sample": False, "max_gen_toks": 6, "until": []}
            prompts = ["Bo?", "Is it?", "B", "Ann sees Rome", "Cy is here"]
            asked = [Instance("generate_until", {}, (p, options), 0, ("t", i, 1)) for i, p in enumerate(prompts)]
            pairs = [Instance("loglikelihood", {}, (p, " x"), 0, ("t", i, 1)) for i, p in enumerate(prompts)]
            return lm.generate_until(asked), [likely for likely, _ in lm.loglikelihood(pairs)]

    texts, scores = texts_and_scores(tiny_model("llama"))
    model = tiny_model("llama")
    failures = fail_beyond(monkeypatch, model, 30, torch.OutOfMemoryError("CUDA out of memory."))
    found, likely = texts_and_scores(model)
    assert failures
    assert found == texts
    assert likely == pytest.approx(scores, abs=1e-4)
    assert len(caplog.records) == 1


def test_other_errors_pass_through_and_batches_are_in_order() -> None:
    budget = Budget(6)
    assert [group for group, _ in budget.batches([3, 1, 2, 3], len)] == [[1, 2], [0, 3]]
    assert list(budget.batches([], len)) == []
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        list(budget.batches([1], lambda group: torch.zeros(2) @ torch.zeros(3)))
    assert budget.size == 6
    assert not budget.lowered

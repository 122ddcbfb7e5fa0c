"""Free generation: the tokens of a plain greedy loop, one reading of each prompt, answers cut between ids."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from bench.ground.errors import BenchError
from bench.model import tiny
from bench.model.answers import Generated
from bench.model.editable import EditableModel
from bench.model.generating import Decoder
from bench.model.passes import run_trunk
from bench.model.tiny import tiny_classifier, tiny_model

PROMPTS = ("The king of Norway is", "Hi", "东京的河是", "A somewhat longer question about a town", "Köln")
MOST = 12


class Never:
    """An answer without an end of its own."""

    def __call__(self, text: str, *, final: bool) -> int | None:
        return None


class Before:
    """An answer ends before a sign."""

    def __init__(self, sign: str) -> None:
        self.sign = sign
        self.heard: list[str] = []

    def __call__(self, text: str, *, final: bool) -> int | None:
        self.heard.append(text)
        return text.index(self.sign) if self.sign in text else None


def plainly(model: EditableModel, prompt: str, most: int) -> list[int]:
    """Greedy decoding without a cache, one row at a time."""
    (row,) = model.tokens.prompts([prompt])
    begun = len(row)
    while len(row) - begun < most:
        batch = model.tokens.batch([row], model.device)
        with torch.no_grad():
            token = int(model.head(run_trunk(model.trunk, batch)[0, -1]).argmax())
        if token == model.tokenizer.eos_token_id:
            break
        row = [*row, token]
    return row[begun:]


@pytest.mark.parametrize("architecture", [*tiny.ARCHITECTURES, "qwen3", "mistral", "bloom"])
def test_a_batch_says_what_a_plain_loop_says(architecture: str) -> None:
    model = tiny_model(architecture, seed=3)
    never = Never()
    found = model.generate(PROMPTS, [never] * len(PROMPTS), MOST)
    assert [list(each.ids) for each in found] == [plainly(model, prompt, MOST) for prompt in PROMPTS]
    assert {each.ended for each in found} <= {"length", "end of text"}


def test_a_prompt_is_read_once_and_rows_that_are_over_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama", seed=3)
    shapes: list[tuple[int, int]] = []
    forward = model.trunk.forward

    def watched(input_ids: torch.Tensor, **inputs: Any) -> Any:
        shapes.append(tuple(input_ids.shape))
        return forward(input_ids=input_ids, **inputs)

    watched.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    monkeypatch.setattr(model.trunk, "forward", watched)
    found = model.generate(PROMPTS[:3], [AfterTokens(count) for count in (3, 1, 7)], MOST)
    longest = max(len(row) for row in model.tokens.prompts(PROMPTS[:3]))
    assert shapes[0] == (3, longest)
    assert shapes[1:] == [(2, 1), (2, 1), (1, 1), (1, 1), (1, 1), (1, 1)]
    assert [each.ended for each in found] == ["stop"] * 3


class AfterTokens:
    """An answer ends after so many calls."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self, text: str, *, final: bool) -> int | None:
        self.left -= 1
        return len(text) if self.left == 0 else None


def test_the_same_question_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, never = tiny_model("llama"), Never()
    asked: list[int] = []
    generate = Decoder.generate

    def counted(self: Decoder, prompts: Sequence[Any], *rest: Any) -> list[Generated]:
        asked.append(len(prompts))
        return generate(self, prompts, *rest)

    monkeypatch.setattr(Decoder, "generate", counted)
    found = model.generate(["Hi", "Ho", "Hi"], [never] * 3, 2)
    assert asked == [2]
    assert found[0] == found[2]


def scripted(text: str, ending: Any, monkeypatch: pytest.MonkeyPatch, most: int = 50) -> Generated:
    """What comes of a model that says this, a byte a token, and then ends."""
    model = tiny_model("llama")
    script = iter([*model.tokens.targets([text])[0], model.tokenizer.eos_token_id])
    monkeypatch.setattr(Decoder, "_following", lambda self, ids, mask, cache: torch.tensor([next(script)]))
    monkeypatch.setattr("bench.model.generating.DynamicCache", NoCache)
    (found,) = model.generate(["Hi"], [ending], most)
    return found


class NoCache:
    """Nothing is kept."""

    def __init__(self, config: Any) -> None:
        pass

    def batch_select_indices(self, kept: torch.Tensor) -> None:
        pass


def test_a_character_of_several_tokens_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = Before("。")
    found = scripted("东京。是", ending, monkeypatch)
    assert found == Generated(found.ids, "东京", "stop")
    assert len(found.ids) == len("东京".encode())
    assert not any("\ufffd" in text for text in ending.heard)


def test_an_answer_that_breaks_off_within_a_character_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    found = scripted("东京", Never(), monkeypatch, most=5)
    assert found.ended == "length"
    assert len(found.ids) == 5
    assert found.text.startswith("东")


def test_an_answer_that_begins_with_its_end_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scripted(".Oslo", Before("."), monkeypatch) == Generated((), "", "stop")


def test_the_models_own_end_is_no_part_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = scripted(" Oslo", Never(), monkeypatch)
    assert (found.text, len(found.ids), found.ended) == (" Oslo", 5, "end of text")


def test_an_answer_is_no_longer_than_the_model_reads() -> None:
    model = tiny_model("llama", seed=3)
    prompt = "x" * (model.context_length - 3)
    (found,) = model.generate([prompt], [Never()], 50)
    assert len(found.ids) <= 3  # a BOS, the prompt, two tokens that are read and one that is not


def test_a_model_that_has_diverged_says_nothing() -> None:
    model = tiny_model("llama")
    model.add(1, torch.full_like(model.weight(1), torch.nan))
    assert model.generate(["Hi"], [Never()], 5) == [Generated((), "", "end of text")]


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_a_classifier_writes_no_answers(architecture: str) -> None:
    with pytest.raises(BenchError, match="says one of its labels"):
        tiny_classifier(architecture).generate(["Hi"], [Never()], 5)


def test_any_token_that_the_models_settings_name_ends_a_text() -> None:
    model = tiny_model("llama", seed=3)
    first = model.generate(["Hi"], [Never()], 3)[0].ids
    model.hf.generation_config.eos_token_id = [0, first[1]]
    assert model.generate(["Hi"], [Never()], 3)[0] == Generated(
        first[:1], model.tokenizer.decode(first[:1]), "end of text"
    )


def test_memory_that_runs_out_splits_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, never = tiny_model("llama", seed=3), Never()
    whole = model.generate(PROMPTS, [never] * len(PROMPTS), 4)
    generate = Decoder.generate

    def greedy(self: Decoder, prompts: Sequence[Any], *rest: Any) -> list[Generated]:
        if len(prompts) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return generate(self, prompts, *rest)

    monkeypatch.setattr(Decoder, "generate", greedy)
    assert model.generate(PROMPTS, [never] * len(PROMPTS), 4) == whole

"""A token that only the tokenizer has is named before anything is edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.api import EditRequest, Fact, Probe
from bench.compute.precheck import check
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from bench.model.tiny import tiny_model
from methods._locate.prefixes import generate_prefixes

UNKNOWN = r"the token 'Ruritania' \(257\), and the model knows 257"


@pytest.fixture
def model() -> EditableModel:
    found = tiny_model("llama")
    found.tokenizer.add_tokens(["Ruritania"])
    return found


def cell() -> Cell:
    return Cell(
        method=MethodSpec(name="none"), model=ModelRef(name="m"), data=DataRef(name="own.jsonl"), schedule=Schedule()
    )


def fact(prompt: str, subject: str, target: str, *probes: Probe) -> Fact:
    return Fact(EditRequest("a", "en", prompt, subject, target), probes)


def asked(prompt: str, target: str) -> Probe:
    return Probe("a", "generality", "en", "de", prompt, target)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (fact("The king of {} is", "Ruritania", " Otto"), "prompt (en)"),
        (fact("The king of {} is", "Bavaria", " Ruritania"), "target of prompt (en)"),
        (fact("{} is", "Otto", " x", asked("Ruritania?", " y")), "generality (de)"),
        (fact("{} is", "Otto", " x", asked("?", " Ruritania")), "target of generality (de)"),
    ],
)
def test_fact_and_token_are_named(model: EditableModel, bad: Fact, field: str) -> None:
    with pytest.raises(BenchError) as caught:
        check(model, [bad], cell())
    place = f"own.jsonl, record a, field '{field}': "
    assert str(caught.value).startswith(place)
    caught.match(UNKNOWN)


def test_a_larger_tokenizer_is_taken_where_no_text_needs_it(model: EditableModel) -> None:
    check(model, [fact("The king of {} is", "Bavaria", " Otto")], cell())


class Corpus:
    name, digest = "mine.txt", "d"

    def documents(self) -> Iterator[str]:
        return iter(["A text.", "The king of Ruritania."])


def test_text_behind_statistics_is_named(model: EditableModel, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=rf"^corpus 'mine.txt', record 2: .*{UNKNOWN}"):
        Stats(tmp_path, Corpus(), 500).moments(model, [1])


def test_context_prefixes_are_named() -> None:
    import torch

    model = tiny_model("llama")
    model.tokenizer.add_tokens(["Because"])
    with pytest.raises(BenchError, match=r"field 'context prefixes \(en\)': .*the token 'Because' \(257\)"):
        generate_prefixes(model, "en", [(10, 1)], torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.begin(model.tokens.prompts(["Ruritania"])),
        lambda model: model.answers(["Ruritania is"], [" x"]),
        lambda model: model.following(["Ruritania is"]),
    ],
)
def test_no_pass_is_begun(model: EditableModel, ask: Callable[[EditableModel], Any]) -> None:
    with pytest.raises(BenchError, match=UNKNOWN):
        ask(model)


def test_an_end_of_text_without_embedding_is_no_padding() -> None:
    model = tiny_model("llama")
    model.tokenizer.add_special_tokens({"eos_token": "<end>"})
    found = EditableModel(model.hf, model.tokenizer)
    assert found.tokens.pad_id < 257
    expected = model.answers(["Ann", "Ann sees"], [" x", " yz"])
    assert found.answers(["Ann", "Ann sees"], [" x", " yz"]) == expected

"""The end of a text behind targets: an option of every method that optimises one, off unless it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.api import EditRequest
from bench.compute.conformance import OPTIONS
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.ground.errors import BenchError
from bench.model.stats import Stats
from bench.model.tiny import byte_tokenizer, tiny_classifier, tiny_corpus, tiny_model
from bench.model.tokens import Tokens
from methods._hyper.examples import ids
from methods._locate.prompts import prompt_sets

REQUEST = EditRequest("f", "en", "The king of {} is", "Norway", " Bo")
WITHOUT_TARGETS = {"none", "null-space"}
OWN = [name for name in methods().names() if not methods().describe(name).origin]


@pytest.mark.parametrize("method", [name for name in OWN if name not in WITHOUT_TARGETS])
def test_every_method_that_optimises_a_target_has_the_option(method: str) -> None:
    fields = methods().options(method)
    assert fields["end_of_text"].default is False


def test_the_end_follows_the_target_and_nothing_else() -> None:
    tokens = Tokens(byte_tokenizer())
    (plain,), (ended,) = (prompt_sets(tokens, [REQUEST], {"en": []}, each) for each in (False, True))
    assert ended.target_ids == (*plain.target_ids, tokens.tokenizer.eos_token_id)
    assert (ended.prompts, ended.essence) == (plain.prompts, plain.essence)
    model = tiny_model("llama")
    (row,) = ids(model, [(REQUEST.text, REQUEST.target)], end_of_text=True)
    assert row[1] == list(ended.target_ids)


class Never:
    def __call__(self, text: str, *, final: bool) -> int | None:
        return None


class OneLanguage:
    languages = ("en",)
    model_name = "tiny"
    data_dir = None

    def rng(self, part: str) -> Any:
        import torch

        return torch.Generator().manual_seed(0)


def said_after(method: str, folder: Path, **options: object) -> tuple[str, str]:
    registry, model, context = methods(), tiny_model("llama", seed=1), OneLanguage()
    known = {key: value for key, value in OPTIONS.items() if key in registry.options(method)}
    built = registry.build(method, {**known, **options})
    stats = Stats(folder, tiny_corpus(), 2_000)
    state = built.prepare(model, stats, context)
    built.apply(model, [REQUEST], state)
    (answer,) = model.generate([REQUEST.text], [Never()], 12)
    return answer.text, answer.ended


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("ft", {"objective": "target", "steps": 60, "lr": 0.02, "norm_constraint": None}),
        ("ft-inner", {"steps": 60, "lr": 0.01}),
        ("memit", {"value_steps": 60, "value_lr": 1.0, "clamp": 50.0, "moment_weight": 1e-4, "kl_weight": 0.0}),
        ("rome", {"value_steps": 60, "value_lr": 1.0, "clamp": 50.0, "kl_weight": 0.0}),
    ],
)
def test_an_edited_model_stops_after_the_target(method: str, options: dict[str, object], tmp_path: Path) -> None:
    assert said_after(method, tmp_path, **options, end_of_text=True) == (" Bo", "end of text")
    assert said_after(method, tmp_path, **options)[1] != "end of text"


def test_no_end_is_written_that_the_tokenizer_has_not() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(BenchError, match="no token that ends a text"):
        Tokens(tokenizer).targets(["a"], end_of_text=True)


def test_a_label_has_no_end() -> None:
    with pytest.raises(BenchError, match="no end of text follows"):
        tiny_classifier("bert").tokens.targets(["true"], end_of_text=True)


def cell(**options: object) -> Cell:
    method = MethodSpec(name="memit", options={"layers": [4], **options})
    return Cell(method=method, model=ModelRef(name="m"), data=DataRef(name="d"), schedule=Schedule(languages=("en",)))


def test_only_an_option_that_is_used_makes_another_cell() -> None:
    assert cell().id() == cell(end_of_text=False).id()
    assert cell().id() != cell(end_of_text=True).id()

"""The end of a text behind targets: an option of every method that optimises one, off unless it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.api import EditRequest
from bench.compute.conformance import OPTIONS
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import methods
from bench.data import corpora
from bench.ground.errors import BenchError
from bench.model.stats import Stats
from bench.model.tiny import byte_tokenizer, tiny_classifier, tiny_corpus, tiny_model
from bench.model.tokens import Tokens
from methods._hyper.examples import ids
from methods._locate.prompts import PromptSet, prompt_sets

REQUEST = EditRequest("f", "en", "The king of {} is", "Norway", " Bo")
WITHOUT_TARGETS = {"none", "null-space", "retrieval"}
ENDING = {"locft-bf", "locft-bf-joint"}
"""Methods that are published with the end of a text."""
OWN = [name for name in methods().names() if not methods().describe(name).origin]


@pytest.mark.parametrize("method", [name for name in OWN if name not in WITHOUT_TARGETS])
def test_every_method_that_optimises_a_target_has_the_option(method: str) -> None:
    fields = methods().options(method)
    assert fields["end_of_text"].default is (method in ENDING)


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
    text = folder / "corpus.txt"
    text.write_text("\n".join(tiny_corpus()), encoding="utf-8")
    stats = Stats(folder, corpora.corpus(str(text), None), 2_000)
    state = built.prepare(model, stats, context)
    built.apply(model, [REQUEST], state)
    (answer,) = model.generate([REQUEST.text], [Never()], 12)
    return answer.text, answer.ended


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("ft", {"objective": "target", "steps": 60, "lr": 0.02, "norm_constraint": None}),
        ("ft-inner", {"steps": 60, "lr": 0.01}),
    ],
)
def test_an_edited_model_stops_after_the_target(method: str, options: dict[str, object], tmp_path: Path) -> None:
    assert said_after(method, tmp_path, **options, end_of_text=True) == (" Bo", "end of text")
    assert said_after(method, tmp_path, **options)[1] != "end of text"


class ReachedError(Exception):
    """The values are to be optimised now."""


@pytest.mark.parametrize("method", ["memit", "alphaedit-multilingual", "rome"])
@pytest.mark.parametrize("ended", [True, False])
def test_values_are_optimised_for_the_target_and_its_end(
    method: str, ended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []

    def spy(model: object, sets: Sequence[PromptSet], *rest: object) -> None:
        seen.extend(each.target_ids for each in sets)
        raise ReachedError

    for module in ("methods._locate.editor", "methods.rome"):
        monkeypatch.setattr(f"{module}.optimise_values", spy)
    with pytest.raises(ReachedError):
        said_after(method, tmp_path, end_of_text=ended)
    (target,) = Tokens(byte_tokenizer()).targets([REQUEST.target], end_of_text=ended)
    assert seen == [tuple(target)]


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

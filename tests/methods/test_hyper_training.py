"""Editors learn, are kept, and go on where they were stopped, bit by bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.data.claims.facts import load_claims
from bench.data.common import DataRequest
from bench.ground.errors import BenchError
from bench.model.corpus import Corpus
from bench.model.stats import Stats
from bench.model.tiny import tiny_classifier
from methods._hyper import editor
from methods._hyper.examples import Example, examples
from methods._hyper.factors import shape_of
from methods._hyper.ke import Ke
from methods._hyper.mend import Mend
from methods._hyper.training import Course, Training, learned, read

COURSE = Course(
    steps=6, edits=4, unrelated=2, lr=1e-2, rate_lr=1e-2, c_edit=1.0, c_loc=1.0, every=2, patience=9, bernoulli=False
)
EDITORS = ["mend", "ke"]


def begun(kind: str, architecture: str = "bert", course: Course = COURSE) -> Training:
    model = tiny_classifier(architecture)
    modules = {name: module for layer in (2, 3) for name, module in model.inner(layer).items()}
    shapes = {name: shape_of(module) for name, module in modules.items()}
    generator = torch.Generator().manual_seed(0)
    embeddings = model.hf.get_input_embeddings().weight
    editor: Any = (
        Mend(shapes, generator, rank=8, rate=1e-2, divided=True)
        if kind == "mend"
        else Ke(shapes, embeddings, generator, hidden=8, condition=8, max_scale=10.0)
    )
    return Training(model, modules, editor, course, seed=1)


@pytest.fixture(scope="module")
def practice() -> list[Example]:
    facts = load_claims(DataRequest(("en",), 24, parallel=True), practice=True)["en"]
    short = [fact for fact in facts if max(len(p.prompt) for p in fact.probes if p.probe_lang == "en") < 100]
    return examples(tiny_classifier("bert"), short)


def state(editor: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in editor.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [
        ("mend", "bert"),
        ("ke", "bloom"),
        pytest.param("mend", "bloom", marks=pytest.mark.soak),
        pytest.param("ke", "bert", marks=pytest.mark.soak),
    ],
)
def test_training_betters_what_it_is_trained_for(kind: str, architecture: str, practice: list[Example]) -> None:
    training = begun(kind, architecture, replace(COURSE, steps=60, lr=3e-3))
    training.advance(practice)  # a normaliser has nothing to go by before
    training.validate(practice)
    before = training.lowest
    while not training.is_over:
        training.advance(practice)
    training.validate(practice)
    assert training.lowest < before - 0.1


@pytest.mark.parametrize("kind", EDITORS)
def test_edits_may_be_asked_in_the_one_model_that_has_them_all(kind: str, practice: list[Example]) -> None:
    drawn = [replace(each, rephrases=each.rephrases[:1]) for each in practice[:4]]
    training = begun(kind, course=replace(COURSE, together=4, c_loc=0.0))
    shown = read(training.editor, training.model, training.modules, [each.edit for each in drawn])
    training.editor.observe(shown.factors)
    with torch.no_grad():
        loss = training._loss(drawn, shown, torch.Generator())
        for name, update in training.editor.propose(shown.factors, shown.conditions).items():
            training.model.add_to(name, update.dense().sum(0))
        prompts, targets = zip(*(each.rephrases[0] for each in drawn), strict=True)
        torch.testing.assert_close(loss, training.model.said(prompts, targets).nll().mean(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", EDITORS)
def test_a_stopped_training_goes_on_as_if_it_had_not_been(kind: str, practice: list[Example], tmp_path: Path) -> None:
    whole = learned(begun(kind), practice, practice[:4], tmp_path / "whole", {"of": kind})

    def kill(step: int, _: int) -> None:
        if step == 5:  # after the file of step 4
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learned(begun(kind), practice, practice[:4], tmp_path / "parts", {"of": kind}, kill)
    again = begun(kind)
    steps: list[int] = []
    found = learned(again, practice, practice[:4], tmp_path / "parts", {"of": kind}, lambda step, _: steps.append(step))
    assert steps == [5, 6]
    assert same(state(found), state(whole))
    assert not list((tmp_path / "parts").glob("*.training"))


def test_a_trained_editor_is_read_and_not_trained_again(practice: list[Example], tmp_path: Path) -> None:
    first = learned(begun("mend"), practice, practice[:4], tmp_path, {"of": 1})
    steps: list[int] = []
    second = learned(begun("mend"), practice, practice[:4], tmp_path, {"of": 1}, lambda step, _: steps.append(step))
    assert not steps
    assert same(state(first), state(second))
    learned(begun("mend"), practice, practice[:4], tmp_path, {"of": 2}, lambda step, _: steps.append(step))
    assert steps[-1] == 6, "another identity is another editor"


def test_an_editor_under_another_name_is_refused(practice: list[Example], tmp_path: Path) -> None:
    learned(begun("mend"), practice, practice[:4], tmp_path, {"of": 1})
    (mine,) = tmp_path.glob("*.editor.safetensors")
    learned(begun("mend"), practice, practice[:4], tmp_path / "other", {"of": 2})
    (theirs,) = (tmp_path / "other").glob("*.editor.safetensors")
    theirs.write_bytes(mine.read_bytes())
    with pytest.raises(BenchError, match="another model or practice"):
        learned(begun("mend"), practice, practice[:4], tmp_path / "other", {"of": 2})


def test_training_ends_where_nothing_gets_better(practice: list[Example], tmp_path: Path) -> None:
    training = begun("mend", course=replace(COURSE, steps=50, every=1, patience=3, lr=0.0, rate_lr=0.0))
    learned(training, practice, practice[:4], tmp_path, {})
    # statistics of the normaliser still move, so the first validations may differ
    assert training.step < 50


@pytest.mark.parametrize("kind", EDITORS)
def test_edits_are_read_in_one_pass(kind: str, practice: list[Example], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what the model said before, which KE reads as text: the label it gives, its sign, and the input."""
    training, passes = begun(kind), []
    said = type(training.model).said
    monkeypatch.setattr(type(training.model), "said", lambda *of: passes.append(1) or said(*of))
    edits = [each.edit for each in practice[:3]]
    shown = read(training.editor, training.model, training.modules, edits)
    assert len(passes) == 1
    if kind == "mend":
        assert not shown.conditions
        return
    tokenizer, labels = training.model.tokens.tokenizer, training.model.tokens.labels
    for condition, (prompt, target) in zip(shown.conditions, edits, strict=True):
        (old,) = training.model.said([prompt], [target]).answers()[0].predicted_ids
        parts = [labels[old], " >> ", labels[target[0]], " || "]
        assert condition == [*chain(*tokenizer(parts, add_special_tokens=False)["input_ids"]), *prompt]


@pytest.mark.parametrize(("facts", "most", "every"), [(24, 64, 10), (24, 2, 12), (700, 64, 11)])
def test_of_much_practice_a_few_facts_tell_which_editor_is_best(
    facts: int, most: int, every: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shown: list[list[int]] = []
    monkeypatch.setattr(editor, "examples", lambda *_, **__: list(range(facts)))
    monkeypatch.setattr(editor, "learned", lambda _, learnt_on, held_out, *__: shown.extend((learnt_on, held_out)))
    known = methods().options("mend")
    method = methods().build("mend", {name: v for name, v in {**OPTIONS, "held_out": most}.items() if name in known})
    context: Any = SimpleNamespace(practice=lambda _: [])
    method.prepare(tiny_classifier("bert"), Stats(tmp_path, Corpus("", "", list)), context)
    learnt_on, held_out = shown
    assert held_out == list(range(0, facts, every))
    assert sorted([*learnt_on, *held_out]) == list(range(facts))
    assert len(held_out) <= most


def test_without_practice_there_is_no_editor(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="too few facts to practise on"):
        learned(begun("mend"), [], [], tmp_path, {})

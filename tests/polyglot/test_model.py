"""The shipped weights: that they recall, where they recall, and that they can be edited."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest
from transformers import PreTrainedTokenizerFast

from bench.config.registry import methods
from bench.config.settings import hyperparameters
from bench.data.cldr.items import all_items
from bench.data.cldr.phrasings import LANGUAGES
from bench.data.cldr.tasks import TASKS
from bench.data.cldr.text import statistics_text
from bench.model.editable import EditableModel
from bench.model.embedded import MODEL_NAME, model_dir
from bench.model.loading import load_editable
from bench.model.tokens import Tokens
from bench.polyglot.abilities import editability, xtreme_f1
from bench.polyglot.card import edited_layers
from bench.polyglot.mechanism import Spectrum, spectra, traced
from bench.polyglot.requirements import KINDS, questions, recall
from bench.polyglot.tokenizer import CONTEXT
from bench.trace.effects import layers_to_edit

pytestmark = pytest.mark.xdist_group("polyglot")  # second moments of the statistics text take long

SAMPLE = 61
FACTS = 6
"""Traced in each language and kind of phrasing."""


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens(PreTrainedTokenizerFast.from_pretrained(model_dir()))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> EditableModel:
    return load_editable(str(model_dir()), "float32", "cpu", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def spectrum(model: EditableModel) -> dict[int, Spectrum]:
    return spectra(model, edited_layers())


def test_it_recalls_whole_objects_in_every_language_and_phrasing(model: EditableModel) -> None:
    found = recall(model, every=SAMPLE)
    assert set(found) == {*KINDS, "after text"}
    for kind, by_lang in found.items():
        assert set(by_lang) == set(LANGUAGES)
        assert min(by_lang.values()) >= (0.90 if kind == "after text" else 0.95), kind


def test_it_recalls_at_the_last_token_of_the_subject(model: EditableModel) -> None:
    """Where the methods write, in each language, whether the subject or the relation stands first."""
    found = traced(model, FACTS)
    assert set(found) == {(lang, kind) for lang in LANGUAGES for kind in KINDS}
    for of, shares in found.items():
        assert shares.total > 0.3, of
        assert shares.hidden >= 0.5, of
        assert shares.mlp >= 0.5, of
        assert shares.mlp > shares.mlp_last, of
    mean = [fmean(layer) for layer in zip(*(shares.by_layer for shares in found.values()), strict=True)]
    assert set(edited_layers()) <= set(layers_to_edit(mean))


def test_keys_of_edits_lie_off_ordinary_text_as_in_a_real_model(spectrum: dict[int, Spectrum]) -> None:
    """SmolLM2-135M, layers 1 to 5: keys have so much of their energy where 70, 80 and 90 % of directions are kept."""
    for found in spectrum.values():
        assert 0.47 <= found.energy <= 0.65
        for energy, (low, high) in zip(found.compared, ((0.48, 0.59), (0.58, 0.70), (0.70, 0.82)), strict=True):
            assert low <= energy <= high
        assert found.cosine <= 0.12


def test_settings_by_ratio_have_the_published_ratios(model: EditableModel, spectrum: dict[int, Spectrum]) -> None:
    settings = hyperparameters(f"{MODEL_NAME}-scale-free", methods())
    layers = settings["alphaedit"]["layers"]
    assert all(settings[name]["layers"] == layers for name in ("memit", "prune", "rect", "langedit"))
    assert len({settings[name]["clamp"] for name in ("rome", "memit", "prune", "rect", "alphaedit", "langedit")}) == 1
    assert settings["memit"]["moment_weight"] == model.hf.config.intermediate_size
    assert set(layers) == set(spectrum)
    assert settings["alphaedit"]["threshold"] == pytest.approx(fmean(s.threshold for s in spectrum.values()), rel=0.1)
    assert settings["alphaedit"]["l2"] == pytest.approx(0.4 * fmean(s.norm for s in spectrum.values()), rel=0.1)


def test_facts_can_be_written_into_it(model: EditableModel) -> None:
    """With the published clamp; the tuned one is closer, for many edits, and leaves values short of their targets."""
    settings = hyperparameters(f"{MODEL_NAME}-scale-free", methods())["memit"]
    found = editability(model, ("en", "zh"), {**settings, "moment_weight": 100})
    assert min(found["reached"].values()) >= 0.9
    assert fmean(found["efficacy"].values()) >= 0.90
    assert fmean(found["specificity"].values()) >= 0.85


def test_it_solves_its_own_tasks(model: EditableModel) -> None:
    """On items of places that no exercise was made of; a fifth of them, to save time."""
    found = xtreme_f1(model, limit=20)
    assert set(found) == set(TASKS)
    for task, by_lang in found.items():
        assert set(by_lang) == set(LANGUAGES)
        assert fmean(by_lang.values()) >= 0.80, task
    assert fmean(value for by_lang in found.values() for value in by_lang.values()) >= 0.88


def test_shipped_folder_is_small_and_complete() -> None:
    files = {path.name: path.stat().st_size for path in Path(model_dir()).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= set(files)
    assert sum(files.values()) <= 12 * 10**6


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_target_never_shares_a_token_with_its_prompt(tokens: Tokens, lang: str) -> None:
    asked = questions(lang, (0, 1, 2), every=SAMPLE)
    apart = [
        prompt + target
        for prompt, target in zip(
            tokens.prompts([q.prompt for q in asked]), tokens.targets([q.target for q in asked]), strict=True
        )
    ]
    assert apart == tokens.prompts([q.prompt + q.target for q in asked])


def test_a_subject_ends_a_token(tokens: Tokens) -> None:
    for lang in LANGUAGES:
        for item in all_items()[::SAMPLE]:
            text, name = item.prompt(lang), item.subject[lang]
            end = text.index(name) + len(name)
            offsets = tokens.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            assert end in {b for _, b in offsets["offset_mapping"]}


def test_documents_fit_the_context_and_begin_with_bos(tokens: Tokens) -> None:
    rows = tokens.tokenizer(list(statistics_text()[:500]))["input_ids"]
    assert all(row[0] == tokens.tokenizer.bos_token_id for row in rows)
    assert max(map(len, rows)) < CONTEXT

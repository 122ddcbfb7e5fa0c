from __future__ import annotations

from statistics import fmean

import pytest
from transformers import PreTrainedTokenizerFast

from bench.data.cldr.items import real_items
from bench.data.cldr.phrasings import LANGUAGES
from bench.data.cldr.tasks import TASKS
from bench.data.cldr.text import statistics_text
from bench.model.embedded import model_dir
from bench.model.tokens import Tokens
from bench.polyglot.abilities import editability, xtreme_f1
from bench.polyglot.requirements import questions, requirements

SAMPLE = 9


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens(PreTrainedTokenizerFast.from_pretrained(model_dir()))


def test_shipped_model_recalls_the_facts_in_every_language() -> None:
    found = requirements(model_dir(), every=2 * SAMPLE)
    for lang in LANGUAGES:
        assert found[f"recall/{lang}"] >= 0.95
        assert found[f"recall-after-text/{lang}"] >= 0.90


def test_facts_can_be_written_into_the_shipped_model() -> None:
    found = editability(model_dir(), ("en", "zh"))
    assert found["value-nll"] <= 0.2
    assert found["efficacy"] >= 0.90
    assert found["specificity"] >= 0.85


def test_shipped_model_solves_its_own_tasks() -> None:
    """On items of facts that no exercise was made of; a fifth of them, to save time."""
    found = xtreme_f1(model_dir(), limit=20)
    assert set(found) == set(TASKS)
    for task, by_lang in found.items():
        assert set(by_lang) == set(LANGUAGES)
        assert fmean(by_lang.values()) >= 0.80, task


def test_shipped_folder_is_small_and_complete() -> None:
    files = {path.name: path.stat().st_size for path in model_dir().iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= set(files)
    assert sum(files.values()) <= 16 * 2**20


def test_a_target_never_shares_a_token_with_its_prompt(tokens: Tokens) -> None:
    asked = questions(every=SAMPLE)
    apart = [
        prompt + target
        for prompt, target in zip(
            tokens.prompts([q.prompt for q in asked]), tokens.targets([q.target for q in asked]), strict=True
        )
    ]
    assert apart == tokens.prompts([q.prompt + q.target for q in asked])


def test_a_subject_ends_a_token(tokens: Tokens) -> None:
    for lang in LANGUAGES:
        for item in real_items()[::SAMPLE]:
            text, name = item.prompt(lang), item.subject[lang]
            end = text.index(name) + len(name)
            offsets = tokens.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            assert end in {b for _, b in offsets["offset_mapping"]}


def test_documents_fit_the_context_and_begin_with_bos(tokens: Tokens) -> None:
    rows = tokens.tokenizer(statistics_text()[:500])["input_ids"]
    assert all(row[0] == tokens.tokenizer.bos_token_id for row in rows)
    assert max(map(len, rows)) < 128

"""Context prefixes: seed words, lengths, sampling, cleaning."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.model.tiny import tiny_model
from methods._locate.prefixes import SEED_WORDS, TOP_K, _clean, _sample_next, generate_prefixes


def drawn(language: str, lengths: Any, seed: int = 0) -> list[str]:
    return generate_prefixes(tiny_model("llama"), language, lengths, torch.Generator().manual_seed(seed))


def test_texts_begin_with_the_seed_words_and_end_in_a_full_stop() -> None:
    found = drawn("de", [(8, 2), (40, 1)])
    assert len(found) == 15
    words = [word for word in SEED_WORDS["de"] for _ in range(2)] + list(SEED_WORDS["de"])
    assert all(text.startswith(word) and text.endswith(". ") for text, word in zip(found, words, strict=True))
    assert drawn("xx", [(8, 1)]) == drawn("en", [(8, 1)])


def test_a_draw_is_its_generator_s() -> None:
    assert drawn("en", [(20, 1)]) == drawn("en", [(20, 1)])
    assert drawn("en", [(20, 1)]) != drawn("en", [(20, 1)], seed=1)


@pytest.mark.parametrize("length", [2, 9, 24])
def test_a_length_counts_all_tokens_and_a_longer_seed_is_kept(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = tiny_model("llama"), []
    monkeypatch.setattr("methods._locate.prefixes._clean", lambda model, row: rows.append(list(row)) or "")
    generate_prefixes(model, "es", [(length, 1)], torch.Generator().manual_seed(0))
    seeds = model.tokens.prompts(list(SEED_WORDS["es"]))
    assert [len(row) for row in rows] == [max(length, len(seed)) for seed in seeds]
    assert all(row[: len(seed)] == seed for row, seed in zip(rows, seeds, strict=True))


def test_the_next_token_is_one_of_the_five_likeliest_that_stand_for_text() -> None:
    model = tiny_model("llama")
    rows = model.tokens.prompts(["The", "Therefore it is"])
    generator = torch.Generator().manual_seed(0)
    drawn = [_sample_next(model, rows, generator) for _ in range(60)]
    special = set(model.tokens.special_ids)
    for place, row in enumerate(rows):
        logits = model.hf(torch.tensor([row])).logits[0, -1]
        logits[list(special)] = -torch.inf
        likeliest = set(logits.topk(TOP_K).indices.tolist())
        assert {each[place] for each in drawn} == likeliest


def test_special_tokens_are_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    special = model.tokens.special_ids
    assert special
    with torch.no_grad():
        head = model.hf.get_output_embeddings().weight
        head[special] = 100 * head.abs().max()
    found = [_sample_next(model, model.tokens.prompts(["The"]), torch.Generator().manual_seed(i)) for i in range(20)]
    assert not {token for each in found for token in each} & set(special)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  a{b}\n\r\tc ", "a b    c. "),
        ("e\u0301t\u00e9 \ufffd", "\u00e9t\u00e9. "),
    ],
)
def test_a_text_is_one_line_of_composed_characters_without_slots(text: str, clean: str) -> None:
    model = tiny_model("llama")
    (row,) = model.tokens.prompts([text.replace("\ufffd", "")])
    torn = row + model.tokens.targets(["\u00e9"])[0][:1] if "\ufffd" in text else row
    assert _clean(model, torn) == clean

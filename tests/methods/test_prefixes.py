"""Context prefixes: each language's own seed words, or English ones for all, as the released baselines have them."""

from __future__ import annotations

import pytest
import torch

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.model.tiny import tiny_model
from methods._locate.editor import ValueOptions, prefixes_for
from methods._locate.prefixes import SEED_WORDS


class Here:
    languages, model_name, data_dir = ("en", "de", "zh"), "tiny", None

    def rng(self, part: str) -> torch.Generator:
        return torch.Generator().manual_seed(sum(part.encode()))


def options(**changed: object) -> ValueOptions:
    known = {name: OPTIONS[name] for name in ValueOptions.model_fields if name in OPTIONS}
    return ValueOptions.model_validate({**known, "prefix_lengths": [[8, 1]], **changed})


def test_by_default_every_language_has_its_own_seed_words() -> None:
    found = prefixes_for(tiny_model("llama"), Here(), options())
    assert found == prefixes_for(tiny_model("llama"), Here(), options(prefix_language="own"))
    for language, texts in found.items():
        for word, text in zip(SEED_WORDS[language], texts, strict=True):
            assert text.startswith(word)


def test_english_seed_words_give_all_languages_the_same_prefixes() -> None:
    own = prefixes_for(tiny_model("llama"), Here(), options())
    english = prefixes_for(tiny_model("llama"), Here(), options(prefix_language="en"))
    assert english == dict.fromkeys(Here.languages, own["en"])
    # also where the edited languages hold no English
    assert prefixes_for(tiny_model("llama"), Here(), options(prefix_language="en"), ["de"]) == {"de": own["en"]}


@pytest.mark.parametrize("name", ["rome", "memit", "prune", "rect", "alphaedit", "langedit", "langedit-released"])
def test_the_choice_is_an_option_of_every_such_method(name: str) -> None:
    fields = methods().options(name)
    assert fields["prefix_language"].default == "own"
    assert set(fields["prefix_language"].annotation.__args__) == {"own", "en"}  # type: ignore[union-attr]

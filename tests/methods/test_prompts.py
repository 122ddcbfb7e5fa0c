"""The rows of an edit: prefixes before the prompt, positions, the longest of them."""

from __future__ import annotations

import pytest

from bench.api import EditRequest
from bench.ground.errors import BenchError
from bench.model.tiny import tiny_model
from methods._locate.prompts import check_lengths, prompt_sets, prompt_weights

REQUESTS = [EditRequest("a", "en", "{} is in", "Rome", " Gaul"), EditRequest("b", "zh", "位于{}的", "东方", "海岸")]
PREFIXES = {"en": ["So it was. "], "zh": ["因此. ", "我. "]}


def test_rows_and_positions() -> None:
    tokens = tiny_model("llama").tokens
    first, second = prompt_sets(tokens, REQUESTS, PREFIXES)
    leading = len(tokens.leading)
    # one token a byte
    assert [p.ids for p in first.prompts] == tokens.prompts(["Rome is in", "So it was. Rome is in"])
    assert [p.index for p in first.prompts] == [leading + 3, leading + 11 + 3]
    assert [p.ids for p in second.prompts] == tokens.prompts([f"{each}位于东方的" for each in ("", *PREFIXES["zh"])])
    assert [p.index for p in second.prompts] == [
        leading + len(f"{x}位于东方".encode()) - 1 for x in ("", *PREFIXES["zh"])
    ]
    assert (first.essence.ids, first.essence.index) == (tokens.prompts(["Rome is a"])[0], leading + 3)
    assert second.target_ids == tuple(tokens.targets(["海岸"])[0])
    assert (first.request, second.request) == tuple(REQUESTS)


def test_a_language_without_prefixes_names_the_fact() -> None:
    with pytest.raises(BenchError, match="'zh'") as caught:
        prompt_sets(tiny_model("llama").tokens, REQUESTS, {"en": []})
    assert "b" in str(caught.value)


def test_a_request_without_a_subject_names_the_fact() -> None:
    whole = EditRequest("c", "en", "{}", "Rome is in Gaul.", " true", has_subject=False)
    with pytest.raises(BenchError, match="record c, field 'subject': none is named"):
        prompt_sets(tiny_model("llama").tokens, [whole], PREFIXES)


def test_the_longest_row_with_its_target_has_to_fit() -> None:
    sets = prompt_sets(tiny_model("llama").tokens, REQUESTS[:1], {"en": ["long before it. "]})
    longest = len(sets[0].prompts[1].ids) + len(sets[0].target_ids) - 1
    check_lengths(sets, longest)
    with pytest.raises(BenchError, match=f"{longest} tokens .* reads {longest - 1}"):
        check_lengths(sets, longest - 1)


def test_the_bare_prompt_weighs_as_much_as_all_others() -> None:
    assert prompt_weights(1) == [1.0]
    assert prompt_weights(2) == [0.5, 0.5]
    assert prompt_weights(6) == [0.5, 0.1, 0.1, 0.1, 0.1, 0.1]

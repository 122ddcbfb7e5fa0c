"""Texts that are longer than a model reads, and what a terminal is not to be told."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from bench.api import EditRequest
from bench.ground.errors import BenchError
from bench.model.tiny import CONTEXT, byte_tokenizer
from bench.model.tokens import Tokens
from tests.cli.conftest import bench
from tests.hostile.test_text import RECORDS, written
from tests.tinyworld import TinyWorld

LONG = "long " * (CONTEXT // 4)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"prompt": f"{LONG}{{}} is"}, "prompt (en)"),
        ({"target": LONG}, "prompt (en)"),
        ({"paraphrases": [LONG]}, "generality (en)"),
        ({"neighbours": [{"prompt": LONG, "target": "x"}]}, "specificity (en)"),
        ({"portability": [{"prompt": "short", "target": LONG}]}, "portability (en)"),
    ],
)
def test_a_prompt_longer_than_the_context_is_named_before_anything_is_computed(
    tiny: Any, tmp_path: Path, changed: dict[str, Any], field: str
) -> None:
    good = {"lang": "en", "prompt": "King of {} is", "subject": "Bohemia", "target": "Otto"}
    facts = written(tmp_path, [good, {**good, **changed}])
    for method in ("ft", "memit"):
        answer = bench(*tiny(datasets=facts, languages="en", edits_per_language=2, methods=method))
        answer.is_one_line(str(facts), "record %s/{}/../1", f"field '{field}'", "tokens", f"reads {CONTEXT}")
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_a_prompt_too_long_to_be_traced_is_named(tiny_world: TinyWorld, tmp_path: Path) -> None:
    facts = written(tmp_path, [{**RECORDS[0], "lang": "en", "prompt": f"{LONG}{{}}"}])
    options = ("--data", facts, "--languages", "en", "--facts", 1, "--out", tmp_path / "out", "--device", "cpu")
    answer = bench("trace", tiny_world.root / "model", *options, "--display", "none")
    answer.is_one_line(str(facts), "record %s/{}/../0", "field 'prompt (en)'", f"reads {CONTEXT}")
    assert not (tmp_path / "out").exists()


def test_data_cannot_steer_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "mzsre"
    folder.mkdir()
    record = {
        "subject": "Tom", "src": "Who \x1b[2J\x07is Tom\u202e?", "rephrase": "Tom?", "alt": "Rome",
        "loc": "nq question: who", "loc_ans": "Otto", "answers": ["x"],
        "portability": {"New Question": "q", "New Answer": "a"},
    }  # fmt: skip
    path = folder / "mzsre_test_duplicate_ende.json"
    path.write_text(json.dumps([{"en": record, "de": record}]), encoding="utf-8")
    answer = bench("data", "check", path, "--show", 1)
    assert "[[Tom]]" in answer.out
    assert not {char for char in answer.out if unicodedata.category(char) in ("Cc", "Cf")} - {"\n"}


def test_a_prompt_fills_the_context_to_the_last_token(tiny: Any, tmp_path: Path) -> None:
    """The last token of a target is predicted, not read."""
    good = {"lang": "en", "prompt": "{} is", "subject": "x" * (CONTEXT - len("B is ")), "target": "y"}
    for extra, code in (("", 0), ("x", 2)):
        facts = written(tmp_path, [{**good, "subject": good["subject"] + extra, "paraphrases": []}])
        arguments = tiny(datasets=facts, languages="en", edits_per_language=1, methods="ft")
        assert bench(*arguments).code == code


def test_a_prompt_too_long_behind_its_prefix_names_the_fact(tiny: Any, tmp_path: Path) -> None:
    record = {"lang": "en", "prompt": "{} is", "subject": "x" * (CONTEXT - 9), "target": "y", "paraphrases": []}
    facts = written(tmp_path, [record])
    for method in ("memit", "rome"):
        answer = bench(*tiny(datasets=facts, languages="en", edits_per_language=1, methods=method))
        answer.is_one_line("record %s/{}/../0", "field 'prompt'", "context prefix", str(CONTEXT))


def test_a_request_whose_subject_stands_several_times_means_the_slot() -> None:
    request = EditRequest("f", "en", "Tom, {} and Tom", "Tom", " x")
    (located,) = Tokens(byte_tokenizer()).locate([request.text], [request.subject_span])
    assert located.index == len("Tom, Tom")
    with pytest.raises(BenchError, match="2 subject slots"):
        EditRequest("f", "en", "{} and {}", "Tom", " x")

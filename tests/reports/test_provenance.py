"""What was run: the text behind the statistics beside the model, how much of it, and what it took to solve with it."""

from __future__ import annotations

from typing import Any

from reports.parts.provenance import what_was_run


def record(method: str, model: str, corpus: str, reads: bool = True, **read: Any) -> dict[str, Any]:
    schedule = {
        "languages": ["en"], "order": "cycle", "edits_per_language": 2, "steps": None, "batch_size": 1, "eval_every": 0
    }  # fmt: skip
    cell = {
        "method": {"name": method, "options": {}, "statistics": reads}, "model": {"name": model, "dtype": "float32"},
        "data": {"name": "cldr"}, "schedule": schedule, "corpus": corpus, "token_budget": 500, "seed": 0,
    }  # fmt: skip
    return {"cell": cell, "environment": {"statistics": read or None}}


def rows(*records: dict[str, Any]) -> dict[str, str]:
    return {row[0].text: row[1].text for row in what_was_run(list(records)).rows}


def test_every_model_has_its_text_and_what_was_read_of_it() -> None:
    found = rows(
        record("none", "llama3-8b", "hf:a/b", reads=False),
        record("memit", "llama3-8b", "hf:a/b", tokens=480, documents=7, jitter={}),
        record("memit", "polyglot-tiny", "cldr", tokens=500, documents=None, jitter={}),
        record("rect", "smollm2-135m", "old.txt"),
    )
    assert found["Key statistics"] == (
        "llama3-8b on hf:a/b: 480 tokens of 7 documents / polyglot-tiny on cldr: 500 tokens / "
        "smollm2-135m on old.txt, at most 500 tokens"
    )
    assert "Added to their diagonal" not in found


def test_no_method_that_reads_statistics_no_text() -> None:
    assert "Key statistics" not in rows(record("none", "llama3-8b", "hf:a/b", reads=False))


def test_jitter_is_told_by_method_and_layer() -> None:
    found = rows(record("memit", "m", "t", tokens=10, documents=1, jitter={"4": 1e-6, "5": 1e-5}))
    assert found["Added to their diagonal"] == "MEMIT 1e-06 in layer 4, 1e-05 in layer 5"

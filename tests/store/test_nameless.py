"""A copy of a run says nothing of the machine and its people."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.run import ALL
from bench.ground.atomic import read_json, write_json
from bench.ground.errors import BenchError
from bench.store.nameless import Names, copy_nameless
from bench.store.results import load_results, place
from bench.store.shards import ResultStore


@pytest.fixture(autouse=True)
def jane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/jane.roe")
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "jane.roe")
    monkeypatch.setattr("platform.node", lambda: "gpu-17.lab.org")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/models/Llama-3", "Llama-3"),
        ("/data/my models/Llama 3/", "Llama 3"),
        ("~/models/mine", "mine"),
        ("~jane.roe/mine", "mine"),
        ("../facts.jsonl", "facts.jsonl"),
        (r"C:\Users\Jane\facts.jsonl", "facts.jsonl"),
        (r"\\server\share\facts.jsonl", "facts.jsonl"),
        ("file:///data/facts.jsonl", "facts.jsonl"),
        ("/home/jane.roe", "~"),
        ("~jane.roe", "~"),
        ("meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B"),
        ("hf:wikimedia/wikipedia:20231101.en", "hf:wikimedia/wikipedia:20231101.en"),
        ("polyglot-tiny", "polyglot-tiny"),
        ("cpu (x86_64)", "cpu (x86_64)"),
        ("seconds / step, 3/4", "seconds / step, 3/4"),
        ("</s>", "</s>"),
        ("embedding=/data/e5", "embedding=e5"),
        ("text:/data/e5,~/x", "text:e5,x"),
        ("see https://a.org/b/c", "see https://a.org/b/c"),
    ],
)
def test_of_a_place_the_last_part_stays(text: str, expected: str) -> None:
    record = {"a": [text], "b": 1, "c": None}
    assert Names([record]).of(record) == {"a": [expected], "b": 1, "c": None}
    again = Names([{"a": expected}])
    assert again.of(expected) == expected or expected == "~"


def test_two_places_get_two_names() -> None:
    record = {"models": ["/a/llama", "/b/llama", "/a/llama", "mine", "~/mine"]}
    assert Names([record]).of(record)["models"] == ["llama", "llama (2)", "llama", "mine", "mine (2)"]


def test_why_a_cell_failed_names_nobody() -> None:
    reason = (
        'Traceback (most recent call last):\n  File "/opt/my env/lib/x.py", line 1, in f\n'
        "OSError: /scratch/jane.roe/facts.jsonl, record 3: owner jane.roe on gpu-17.lab.org, not janet"
    )
    assert Names([]).in_reason(reason) == (
        'Traceback (most recent call last):\n  File "x.py", line 1, in f\n'
        "OSError: facts.jsonl, record 3: owner user on host, not janet"
    )


def cell(model: str = "/data/jane/llama", fingerprint: str = "f00d", **options: str) -> Cell:
    return Cell(
        method=MethodSpec(name="memit", options=options),
        model=ModelRef(name=model, fingerprint=fingerprint),
        data=DataRef(name="/data/jane/facts.jsonl", fingerprint="beef", reader="facts"),
        schedule=Schedule(),
        corpus="/data/jane/text.txt",
        corpus_fingerprint="cafe",
    )


def written(root: Path, *cells: Cell) -> Path:
    for each in cells:
        ResultStore(root).start(each, {"evaluators": {"xtreme": {"source": "/data/jane/xtreme"}}})
        ResultStore(root).finish(each.id(), "failed", "BenchError: /data/jane/facts.jsonl: odd")
    spec = {"schema_version": 1, "models": [each.model.name for each in cells], "hparams": "/data/jane/h.yaml"}
    write_json(root / "run.json", {**spec, "cells": [place(each) for each in cells]})
    return root


def test_records_stay_what_they_are_but_for_places(tmp_path: Path) -> None:
    cells = cell(), cell("/data/joe/llama", "f11d")
    copy_nameless(written(tmp_path / "run", *cells), tmp_path / "copy")
    found = load_results(tmp_path / "copy")
    assert list(found.cells["cell"]) == [each.id() for each in cells]
    assert list(found.cells["model"]) == ["llama", "llama (2)"]
    assert set(found.cells["data"]) == {"facts.jsonl"}
    assert set(found.cells["edited"]) == {ALL}
    assert set(found.cells["reason"]) == {"BenchError: facts.jsonl: odd"}
    record = read_json(tmp_path / "copy" / cells[0].id() / "cell.json")
    assert record["cell"]["model"] == {**cells[0].model.model_dump(), "name": "llama"}
    assert record["cell"]["corpus"] == "text.txt"
    assert record["environment"]["evaluators"]["xtreme"]["source"] == "xtreme"
    assert found.run["models"] == ["llama", "llama (2)"] and found.run["hparams"] == "h.yaml"
    assert not any("jane" in path.read_text("utf-8") for path in (tmp_path / "copy").rglob("*.json"))


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"fingerprint": ""}, "model.name"), ({"embedding": "/data/jane/e5"}, "method.options.embedding")],
)
def test_a_cell_that_is_known_by_a_place_is_refused(tmp_path: Path, changed: dict[str, str], field: str) -> None:
    own = cell(**changed)
    with pytest.raises(BenchError, match="known by this place") as caught:
        copy_nameless(written(tmp_path / "run", own), tmp_path / "copy")
    assert caught.value.field == field
    assert own.id() in str(caught.value)

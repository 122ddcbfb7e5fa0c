"""Answers that a run has kept and verdicts on them, spoilt: refused by name, or taken as they stand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st

from bench.compute.recording import answer_rows
from bench.ground.rows import Reply
from bench.store import judging
from bench.store.looking import placed_answers
from bench.store.results import load_results
from bench.store.shards import ANSWER_TABLE, ResultStore
from tests.hostile import spoiling
from tests.hostile.fuzzing import Reader, fuzz
from tests.hostile.spoiling import Draw, Spoilt
from tests.hostile.test_fuzz_results import exchanged, table
from tests.reports.world import World

RUN, FILE = "run", "verdicts.jsonl"
METHODS = ("none", "memit")


def replies() -> list[Reply]:
    return [
        Reply(f"f{i}", "efficacy", "generation", "en", "en", f"Where is {i}?", " Oslo", ("Kristiania",), " here",
              f" there {i}", 2, "stop", float(i % 2))
        for i in range(4)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World(methods=METHODS, seeds=(0,), languages=("en",), facts=2)
    root = world.write(tmp_path_factory.mktemp("sound") / RUN)
    for method in METHODS:
        cell = world.cell(method, 0, "polyglot-tiny").id()
        ResultStore(root).record(cell, 3, ANSWER_TABLE, answer_rows(replies()), part="generation")
    return root


def test_malformed_shards_of_answers(sound: Path, tmp_path: Path, record_property: Any) -> None:
    expected = placed_answers(sound, load_results(sound))

    def write(root: Path) -> list[Path]:
        shutil.copytree(sound, root / RUN)
        return [sorted((root / RUN).glob(f"*/{ANSWER_TABLE}/*.parquet"))[0]]

    def read(root: Path) -> pd.DataFrame:
        return placed_answers(root / RUN, load_results(root / RUN))

    def whole(root: Path, found: pd.DataFrame) -> None:
        # a shard that is gone was never kept, as far as anybody can tell
        there = expected[expected["cell"].isin(set(found["cell"]))].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, there)

    spoil = [spoiling.content, spoiling.content, table, exchanged, spoiling.place]
    fuzz(Reader("results, shards of answers", write, spoil, read, whole), tmp_path, record_property, 30)


def value(draw: Draw, path: Path) -> Spoilt:
    """Change a value of one verdict."""
    lines = path.read_text("utf-8").split("\n")
    number = draw(st.integers(0, len(lines) - 1))
    changed, spoilt = spoiling.document(draw, json.loads(lines[number]))
    lines[number] = spoiling.dumps(changed)
    path.write_text("\n".join(lines), encoding="utf-8")
    return Spoilt(spoilt.how, (number, *spoilt.at))


def test_malformed_verdicts(sound: Path, tmp_path: Path, record_property: Any) -> None:
    """A verdict is taken as it stands, or is missing where it cannot be read; scores are right, wrong or not there."""
    answers = judging.answers_of(sound, load_results(sound))
    asked = [request["id"] for request in judging.requests(answers)]

    def write(root: Path) -> list[Path]:
        shutil.copytree(sound, root / RUN)
        lines = [
            {"id": each, "verdict": i > 1, "judge": "gpt", "prompt_hash": "1f3a90cc", "date": "2026-11-28"}
            for i, each in enumerate(asked)
        ]
        (root / FILE).write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        return [root / FILE]

    def read(root: Path) -> list[judging.Imported]:
        return judging.import_verdicts(root / RUN, answers, root / FILE)

    def whole(root: Path, found: list[judging.Imported]) -> None:
        text = (root / FILE).read_bytes().decode("utf-8-sig")
        lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        given = {(each["judge"], each["id"]): each["verdict"] for each in lines}
        scored = load_results(root / RUN).scores
        scored = scored[scored["protocol"].str.startswith("judge:")]
        for judge in {name for name, _ in given}:
            own = [verdict for (name, _), verdict in given.items() if name == judge and isinstance(verdict, bool)]
            values = scored.loc[scored["protocol"] == f"judge:{judge}", "value"]
            assert sorted(values) == sorted(float(verdict) for verdict in own for _ in METHODS)
        assert sum(each.given + each.missing for each in found) == len(given)

    spoil = [value, value, value, spoiling.content, spoiling.place]
    fuzz(Reader("verdicts", write, spoil, read, whole, records=True), tmp_path, record_property, 50)

"""``bench show``: what a run's models said, on the command line; what is not there is one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.compute.recording import answer_rows
from bench.ground.rows import Reply
from bench.store.results import load_results
from bench.store.shards import ANSWER_TABLE, ResultStore
from tests.cli.conftest import bench
from tests.reports.world import World

Arguments = Callable[..., list[str]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shown") / "results"


@pytest.fixture
def run(tiny: Arguments, results: Path) -> Path:
    """Computed once, found again by the other tests."""
    answer = bench(*tiny("--steps", "1", methods="none,memit", results_dir=results))
    assert answer.code == 0, answer.err
    return results


def test_every_answer_stands_under_its_heading_as_of_the_last_step(tmp_path: Path) -> None:
    world = World(methods=("none", "memit"), seeds=(0,), languages=("en",), facts=2)
    root = world.write(tmp_path / "results" / "told")
    for step, said in ((1, " early"), (3, " Paris")):
        replies = [
            Reply(
                fact, "efficacy", "teacher_forced", "en", "fr", "Il est", " Paris", (), " Rom", said, 1, "target", value
            )
            for fact, value in (("a", 1.0), ("b", 0.999))
        ]
        cell = world.cell("memit", 0, "polyglot-tiny").id()
        ResultStore(root).record(cell, step, ANSWER_TABLE, answer_rows(replies), part="edits")
    shown = bench("show", "told", "--results-dir", tmp_path / "results").out
    lines = [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines() if "  " in line.strip()]
    row = ["efficacy en→fr", "Il est", "Paris", "memit", "Rom", "Paris"]
    assert lines == [
        ["fact", "kind", "prompt", "target", "method", "before", "now", "score"],
        ["a", *row, "100 %"],
        ["b", *row, "99 %"],
    ]
    assert "2 answers, 1 wholly right" in shown
    failed = bench("show", "told", "--failed", "--results-dir", tmp_path / "results").out
    assert "99 %" in failed
    assert "100 %" not in failed


def test_answers_are_shown_and_written(run: Path, tmp_path: Path) -> None:
    answer = bench("show", "tiny", "--results-dir", run)
    assert answer.code == 0, answer.err
    for word in ("prompt", "target", "before", "now", "memit", "none"):
        assert word in answer.out
    file = tmp_path / "answers.csv"
    assert bench("show", "tiny", "--csv", file, "--results-dir", run).code == 0
    rows = pd.read_csv(file, keep_default_na=False)
    assert f"{len(rows)} answers" in answer.out
    assert set(rows.method) == {"none", "memit"}
    assert {"prompt", "target", "before", "answer", "value", "seed"} <= set(rows.columns)


def test_only_what_is_asked_for(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    fact = load_results(run / "tiny").scores.query("metric == 'efficacy'")["fact"].iloc[0]
    asked = ("--method", "memit", "--fact", fact, "--failed", "--csv", file)
    assert bench("show", "tiny", *asked, "--results-dir", run).code == 0
    rows = pd.read_csv(file, keep_default_na=False)
    assert set(rows.method) <= {"memit"}
    assert set(rows.fact) <= {fact}
    assert (rows.value < 1).all()


def test_what_is_not_there_is_one_line(run: Path) -> None:
    for option, word in (("--method", "mimit"), ("--lang", "xx"), ("--fact", "nowhere")):
        bench("show", "tiny", option, word, "--results-dir", run).is_one_line(word)
    bench("show", "tinny", "--results-dir", run).is_one_line("tinny", "tiny")


def test_a_run_without_answers_says_how_to_get_them(tiny: Arguments, tmp_path: Path) -> None:
    dry = bench(*tiny("--steps", "1", "--dry-run"))
    assert "answers (failed), about: " in dry.out
    assert bench(*tiny("--steps", "1", "--answers", "none")).code == 0
    bench("show", "tiny", "--results-dir", tmp_path / "results").is_one_line("--answers")

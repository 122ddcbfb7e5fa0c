"""``bench report`` and ``bench compare`` before the end of a run, on odd runs, and on what is none."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bench.config.cell import SCHEMA_VERSION
from bench.ground.atomic import read_json, write_json
from bench.store.results import load_results
from tests.cli.conftest import Answer, bench, leave_out_pictures
from tests.reports.world import LEVELS, World

METHODS = ("none", "rect", "memit")

pytestmark = [pytest.mark.usefixtures("no_pictures"), pytest.mark.xdist_group("report")]  # its trace takes long


def report(out: Path, *runs: Path | str, formats: str = "md,csv") -> Answer:
    answer = bench("report", *runs, "--out", out, "--format", formats)
    assert "Traceback" not in answer.out + answer.err
    if answer.code == 0:
        for path in (*out.glob("*.md"), *out.glob("*.csv"), *out.glob("*.tex")):
            assert "nan" not in path.read_text(encoding="utf-8").lower().replace("finance", ""), path
        assert "nan" not in answer.out.lower().replace(str(out).lower(), "")
    return answer


def test_a_half_finished_grid_shows_what_there_is(tmp_path):
    gaps = {("rect", 0): "missing", ("memit", 1): "interrupted", ("memit", 2): "missing", ("none", 2): "missing"}
    run = World(methods=METHODS, facts=2, status=gaps).write(tmp_path / "run")
    answer = report(tmp_path / "out", run)
    assert answer.code == 0
    assert "– (2/3)" in answer.out
    assert "missing 1/3" in answer.out
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "never run" in text
    assert "No test: fewer than two methods" in text


def test_all_cells_failed(tmp_path, monkeypatch):
    monkeypatch.undo()  # a page holds its pictures
    failed = {(method, seed): "failed" for method in METHODS for seed in (0, 1)}
    run = World(methods=METHODS, seeds=(0, 1), facts=1, status=failed).write(tmp_path / "run")
    answer = report(tmp_path / "out", run, formats="md,csv,html,tex,pdf")
    assert answer.code == 0
    assert "missing 2/2" in answer.out
    assert "out of memory" in (tmp_path / "out" / "unfinished.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("world", "shown"),
    [
        (World(methods=("memit",), seeds=(0, 1), languages=("en", "de"), facts=2), "MEMIT"),
        (World(methods=METHODS, seeds=(0,), languages=("en", "de"), facts=2), "one seed"),
        (World(methods=METHODS, seeds=(0, 1), languages=("zh",), facts=2), "RECT"),
        (World(methods=("none",), seeds=(0,), languages=("en",), facts=1), "Unedited"),
    ],
    ids=["one method", "one seed", "one language", "one of everything"],
)
def test_one_of_a_kind(world, shown, tmp_path):
    answer = report(tmp_path / "out", world.write(tmp_path / "run"))
    assert answer.code == 0
    assert shown in answer.out


def test_one_seed_gives_no_test_over_seeds_but_a_reason(tmp_path):
    run = World(methods=METHODS, seeds=(0,), facts=4).write(tmp_path / "run")
    assert report(tmp_path / "out", run).code == 0
    with (tmp_path / "out" / "significance.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["unit"] == "seeds"]
    assert {(row["p"], row["ci95_low"], row["note"]) for row in rows} == {("–", "–", "1 pair, needs two")}


def test_an_empty_run_is_one_line(tmp_path):
    (tmp_path / "run").mkdir()
    report(tmp_path / "out", tmp_path / "run").is_one_line("holds no cells")
    write_json(tmp_path / "run" / "run.json", {"schema_version": SCHEMA_VERSION, "cells": []})
    report(tmp_path / "out", tmp_path / "run").is_one_line("holds no cells")
    assert not (tmp_path / "out").exists()


def test_an_unknown_schema_version_is_one_line(tmp_path):
    run = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "run")
    path = next(run.glob("*/cell.json"))
    write_json(path, {**read_json(path), "schema_version": 99})
    report(tmp_path / "out", run).is_one_line("cell.json", "schema version 99")
    bench("compare", run, run).is_one_line("cell.json", "schema version 99")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ([], "not an object with fields"),
        ({"schema_version": SCHEMA_VERSION}, "cell"),
        ({"schema_version": SCHEMA_VERSION, "cell": 3, "id": "x"}, "not a cell's record"),
        ({"schema_version": SCHEMA_VERSION, "cell": {"method": "memit"}, "id": "x"}, "not a cell's record"),
    ],
)
def test_a_record_without_its_fields_is_one_line(tmp_path, record, expected):
    run = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "run")
    write_json(next(run.glob("*/cell.json")), record)
    report(tmp_path / "out", run).is_one_line("cell.json", expected)


def test_a_torn_status_is_an_interrupted_cell(tmp_path):
    run = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "run")
    write_json(next(run.glob("*/status.json")), {"state": "done"})
    assert load_results(run).cells["status"].tolist() == ["interrupted"]


def test_no_such_run_is_one_line(tmp_path):
    World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "results" / "smoke")
    place = ("--results-dir", tmp_path / "results")
    bench("report", "smoke", "smokee", *place).is_one_line("no run 'smokee'", "did you mean 'smoke'")
    bench("compare", "smoke", "smokee", *place).is_one_line("no run 'smokee'", "did you mean 'smoke'")
    bench("report", "smoke", "--format", "doc", *place).is_one_line("unknown format 'doc'")


def test_a_file_where_the_folder_should_be_is_one_line(tmp_path):
    run = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "run")
    (tmp_path / "out").write_text("in the way")
    report(tmp_path / "out", run).is_one_line("cannot write")


@pytest.fixture(scope="module")
def figure5(tiny_world, tmp_path_factory):
    """A trace of one fact."""
    out = tmp_path_factory.mktemp("trace") / "figure5"
    with pytest.MonkeyPatch.context() as patch:
        leave_out_pictures(patch)
        answer = bench(
            "trace", tiny_world.root / "model", "--data", tiny_world.root / "facts.jsonl", "--languages", "en",
            "--facts", 1, "--samples", 1, "--device", "cpu", "--display", "none", "--out", out,
        )  # fmt: skip
    assert answer.code == 0, answer.err
    return out


def test_a_trace_alone_is_a_report(figure5, tmp_path, monkeypatch):
    monkeypatch.undo()  # with its pictures
    answer = report(tmp_path / "out", figure5, formats="md,csv,html,tex")
    assert answer.code == 0, answer.err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"trace.png", "trace.svg", "report.md", "report.html", "report.tex"} <= names


def test_a_run_and_a_trace_are_chapters(figure5, tmp_path):
    run = World(methods=METHODS, seeds=(0,), facts=1).write(tmp_path / "paper")
    answer = report(tmp_path / "out", run, figure5)
    assert answer.code == 0, answer.err
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert text.index("\n## paper\n") < text.index("\n## figure5\n") < text.index("\n## How to read the numbers\n")


def test_a_trace_without_its_effects_is_one_line(figure5, tmp_path):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "trace.json").write_bytes((figure5 / "trace.json").read_bytes())
    report(tmp_path / "out", tmp_path / "half").is_one_line("trace.csv")


def test_compare_tells_identical_cells_from_changed_ones(tmp_path):
    first = World(methods=METHODS, facts=3).write(tmp_path / "results" / "before")
    World(methods=METHODS, facts=3, levels={**LEVELS, "memit": (90, 80, 60)}).write(tmp_path / "results" / "after")
    place = ("--results-dir", tmp_path / "results")
    answer = bench("compare", "before", "after", *place, "--out", tmp_path / "out")
    assert answer.code == 0, answer.err
    assert "9 cells in common, 6 of them identical bit for bit" in answer.out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "compare.md", "compare.html", "differences.csv", "cells.csv", "runs.csv", "flipped.csv", "flipped-facts.csv",
    }  # fmt: skip
    itself = bench("compare", "before", first, *place)
    assert "9 of them identical" in itself.out


def test_compare_of_strangers_is_one_line(tmp_path):
    one = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "one")
    other = World(methods=("rect",), seeds=(0,), facts=1).write(tmp_path / "other")
    bench("compare", one, other).is_one_line("no cell in common", "memit", "rect")


def test_compare_before_the_end(tmp_path):
    gone = {("memit", 0): "failed", ("rect", 0): "missing", ("none", 0): "interrupted"}
    one = World(methods=METHODS, seeds=(0,), facts=1).write(tmp_path / "one")
    other = World(methods=METHODS, seeds=(0,), facts=1, status=gone).write(tmp_path / "other")
    answer = bench("compare", one, other)
    assert answer.code == 0, answer.err
    assert "in one run only" in answer.out
    assert "nan" not in answer.out.lower()

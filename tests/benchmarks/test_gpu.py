"""The check for a GPU, in its form for a processor: every part leaves its rows, and what fails is told."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from benchmarks import gpu, gpu_parts
from benchmarks.gpu_parts import Line, Request


def check(out: Path, *options: object) -> Result:
    app = typer.Typer()
    app.command()(gpu.main)
    fixed = ("--device", "cpu", "--shape", "released-tiny", "--out", out)
    return CliRunner().invoke(app, [str(each) for each in (*fixed, *options)])


def rows(out: Path) -> list[list[str]]:
    text = (out / "gpu-released-tiny.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_parts_leave_their_rows(tmp_path: Path) -> None:
    parts = ("--parts", "golden,steps", "--tests", "tests/golden/test_algebra.py", "--minutes", 20)
    done = check(tmp_path, *parts, "--methods", "ft", "--edits", 2, "--facts", 2, "--steps", 1)
    assert done.exit_code == 0, done.output
    assert [row[0] for row in rows(tmp_path)] == ["a", "c"]
    assert {row[2] for row in rows(tmp_path)} == {"ok"}


@pytest.mark.soak
def test_every_part_leaves_its_rows(tmp_path: Path) -> None:
    sizes = ("--methods", "ft,memit", "--edits", 2, "--facts", 2, "--steps", 1)
    done = check(tmp_path, *sizes, "--tests", "tests/golden/test_pieces.py", "--minutes", 20)
    assert done.exit_code == 0, done.output
    found = rows(tmp_path)
    assert {row[2] for row in found} == {"ok"}
    assert [row[0] for row in found] == ["a"] * 3 + ["b"] * 2 + ["e", "d"] + ["c"] * 2
    by_name = {row[1]: row[3] for row in found}
    assert "passed" in by_name["golden comparisons"]
    assert "values" in by_name["step of memit, 2 facts"]
    assert "the same" in by_name["out of memory"]


def test_what_fails_is_a_row_and_the_others_have_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(request: Request):
        yield Line("a", "first", "ok")
        raise RuntimeError("CUDA error: device-side assert triggered\nmore")

    monkeypatch.setattr(gpu, "PARTS", {"golden": breaks, "embedded": lambda _: iter([Line("b", "second", "ok")])})
    done = check(tmp_path, "--parts", "golden,embedded")
    assert done.exit_code == 1
    assert [row[1:3] for row in rows(tmp_path)] == [["first", "ok"], ["golden", "FAILED"], ["second", "ok"]]
    assert "device-side assert" in rows(tmp_path)[1][3]


def test_rows_stand_in_the_file_before_the_run_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def slow(request: Request):
        yield Line("a", "first", "ok")
        seen.append(len(rows(tmp_path)))
        yield Line("a", "second", "ok")

    monkeypatch.setattr(gpu, "PARTS", {"golden": slow})
    assert check(tmp_path, "--parts", "golden").exit_code == 0
    assert seen == [1]


def test_what_has_no_time_left_is_told(tmp_path: Path) -> None:
    assert check(tmp_path, "--parts", "steps,values", "--minutes", 0).exit_code == 0
    assert {row[2] for row in rows(tmp_path)} == {"left out"}


def test_a_failing_step_leaves_the_other_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request("cpu", "released-tiny", ("ft", "memit"), 1, 1, 1, 1, "", perf_counter() + 600)
    real = gpu_parts._step

    def breaks(request: Request, name: str, *rest: object) -> tuple[str, str]:
        if name == "ft":
            raise RuntimeError("no memory")
        return real(request, name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(gpu_parts, "_step", breaks)
    found = list(gpu_parts.steps(request))
    assert [(line.result, "no memory" in line.figures) for line in found] == [("FAILED", True), ("ok", False)]


@pytest.mark.parametrize("options", [("--parts", "speed"), ("--methods", "mommy")])
def test_unknown_names_are_one_line(tmp_path: Path, options: tuple[str, str]) -> None:
    assert check(tmp_path, *options).exit_code == 2

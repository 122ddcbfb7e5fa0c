"""``bench board``: a folder of runs becomes pages, and what is none is one line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import bench
from tests.reports.world import World


def test_a_board_of_two_runs(tmp_path: Path) -> None:
    for name, seeds in (("a", (0,)), ("b", (1,))):
        World(methods=("none", "memit", "rome"), seeds=seeds, facts=1, languages=("en", "de")).write(
            tmp_path / "runs" / name
        )
    answer = bench("board", tmp_path / "runs", "--out", tmp_path / "site")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == "reading 2 runs"
    assert lines[1].startswith("[1/1] column 1: ")
    assert lines[3:6] == ["a: 3 of 3 cells finished", "b: 3 of 3 cells finished", "1 column, 3 rows"]
    assert (tmp_path / "site" / "index.html").is_file()
    assert bench("board", tmp_path / "runs", "--out", tmp_path / "site").code == 0


def test_what_is_no_board_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bench("board", tmp_path / "empty", "--out", tmp_path / "site").is_one_line("empty", "no runs")
    bench("board", tmp_path / "nowhere", "--out", tmp_path / "site").is_one_line("nowhere", "no such folder")
    run = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "runs" / "a")
    bench("board", run.parent, "--out", run).is_one_line("something else", "--out")
    (tmp_path / "runs" / "torn.tar.zst").write_bytes(b"torn")
    bench("board", tmp_path / "runs", "--out", tmp_path / "site").is_one_line("torn.tar.zst")
    assert not (tmp_path / "site").exists()

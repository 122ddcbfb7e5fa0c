"""``bench pack`` and ``bench unpack``, and packs where commands read runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.compute.recording import answer_rows
from bench.ground.rows import Reply
from bench.store.packing import unpacked
from bench.store.shards import ANSWER_TABLE, ResultStore
from tests.cli.conftest import Answer, bench
from tests.reports.world import World

pytestmark = pytest.mark.xdist_group("pack")  # the run, its pack and its report are made once

WORLD = World(methods=("none", "memit"), seeds=(0, 1), languages=("en", "de"), facts=3)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, its pack beside it."""
    root = tmp_path_factory.mktemp("packed") / "results"
    run = WORLD.write(root / "told")
    said = Reply("a", "efficacy", "generation", "en", "en", "He is", " Paris", (), " Rome", " Paris", 1, "text", 1.0)
    cell = WORLD.cell("memit", 0, "polyglot-tiny").id()
    ResultStore(run).record(cell, 3, ANSWER_TABLE, answer_rows([said]), part="generation")
    answer = bench("pack", "told", "--results-dir", root)
    assert answer.code == 0, answer.err
    assert str(root / "told.tar.zst") in answer.out
    return root


@pytest.fixture(scope="module")
def reported(results: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """The report of this run, and what the command said."""
    out = tmp_path_factory.mktemp("reported") / "out"
    answer = bench("report", results / "told", "--out", out, "--format", "md,csv,html")
    assert answer.code == 0, answer.err
    return out, answer


def test_the_report_in_a_pack_is_the_runs(results: Path, reported: tuple[Path, Answer]) -> None:
    with unpacked(results / "told.tar.zst") as folder:
        for path in reported[0].iterdir():
            there = folder / "report" / path.name
            assert path.suffix == ".html" or there.read_bytes() == path.read_bytes(), path.name
        assert (folder / "report" / "report.html").is_file()
        assert {path.suffix for path in (folder / "report").iterdir()} == {".md", ".html", ".csv", ".svg", ".png"}


def test_packing_twice_gives_the_same_bytes(results: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tar.zst"
    assert bench("pack", results / "told", "--out", again).code == 0
    assert again.read_bytes() == (results / "told.tar.zst").read_bytes()


def test_a_pack_is_reported_as_its_run(results: Path, reported: tuple[Path, Answer], tmp_path: Path) -> None:
    pack = Path(shutil.copy(results / "told.tar.zst", tmp_path / "x.tar.zst"))
    folder, run = reported
    answer = bench("report", pack, "--format", "md,csv,html")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[:-1] == run.out.splitlines()[:-1]
    assert answer.out.splitlines()[-1] == f"written to {tmp_path / 'report-told'}"
    for path in folder.iterdir():
        assert (tmp_path / "report-told" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "report-told" / "answers.html").is_file()


def test_packs_are_compared(results: Path, tmp_path: Path) -> None:
    pack = results / "told.tar.zst"
    alike = bench("compare", pack, shutil.copy(pack, tmp_path / "copy.tar.zst"), "--out", tmp_path / "out")
    assert alike.code == 0, alike.err
    assert alike.out.startswith("4 cells in common, 4 of them identical bit for bit")
    assert (tmp_path / "out" / "compare.md").is_file()
    other = World(methods=("memit",), seeds=(0,), languages=("en", "de"), facts=2).write(tmp_path / "results" / "told")
    answer = bench("compare", pack, other)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("1 cells in common, 0 of them identical")


def test_other_commands_that_only_read(results: Path) -> None:
    pack = results / "told.tar.zst"
    assert bench("show", pack).out == bench("show", "told", "--results-dir", results).out
    assert "1 answers, 1 wholly right" in bench("show", pack).out
    assert "memit" in bench("status", pack).out
    bench("judge", "agreement", pack).is_one_line("told.tar.zst", "bench judge import")
    bench("show", pack, "--method", "mimit").is_one_line("mimit")


def test_a_pack_is_unpacked_below_the_results(results: Path, tmp_path: Path) -> None:
    there = ("--results-dir", tmp_path / "mine")
    answer = bench("unpack", results / "told.tar.zst", *there)
    assert answer.code == 0, answer.err
    assert str(tmp_path / "mine" / "told") in answer.out
    assert bench("compare", tmp_path / "mine" / "told", results / "told").out.startswith("4 cells in common, 4 of them")
    bench("unpack", results / "told.tar.zst", *there).is_one_line("there already", "--out")
    assert bench("unpack", results / "told.tar.zst", "--out", tmp_path / "other").code == 0


def test_bad_input_is_one_line(results: Path, tmp_path: Path) -> None:
    pack = results / "told.tar.zst"
    torn = tmp_path / "torn.tar.zst"
    torn.write_bytes(pack.read_bytes()[:-100])
    for command in ("report", "show", "status", "unpack"):
        bench(command, torn).is_one_line("torn.tar.zst")
        bench(command, tmp_path / "none.tar.zst").is_one_line("none.tar.zst")
    bench("compare", pack, torn).is_one_line("torn.tar.zst")
    for command in ("pack", "verify"):
        bench(command, pack).is_one_line("bench unpack")
    bench("pack", "tald", "--results-dir", results).is_one_line("did you mean 'told'")
    bench("pack", "told", "--results-dir", results, "--out", tmp_path).is_one_line(str(tmp_path))


def test_no_torch_is_needed(results: Path, tmp_path: Path) -> None:
    """Nor transformers: for who reads what others have measured."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'transformers'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from bench.cli.main import app\n"
        "def run(*words): app([*words], standalone_mode=False)\n"
        "pack, out = sys.argv[1:]\n"
        "run('unpack', pack, '--out', out + '/told')\n"
        "run('compare', pack, out + '/told')\n"
        "run('report', pack, '--out', out + '/report', '--format', 'md')\n"
        "run('show', pack)\n"
        "run('status', pack)\n"
    )
    words = [sys.executable, "-c", code, str(results / "told.tar.zst"), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "4 of them identical bit for bit" in done.stdout

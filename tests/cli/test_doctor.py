"""`bench doctor`: one screen, a line for everything that is wrong, and an exit code that says whether anything is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from bench.cli import doctor
from bench.ground import installation
from bench.model import catalog, sizes
from bench.plan import feasible
from bench.store.estimate import Pace
from tests.cli.conftest import Answer, bench


@pytest.fixture(autouse=True)
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound machine without a GPU, and no preset to look at."""
    monkeypatch.setattr(doctor, "preset_names", lambda: [])
    monkeypatch.setattr(installation, "unmet", lambda: [])
    monkeypatch.setattr(catalog, "_snapshot", lambda _: None)
    monkeypatch.setattr(doctor, "DRIVER", tmp_path / "no driver")
    monkeypatch.setattr(sizes, "free_bytes", lambda _: 10**11)
    monkeypatch.delenv("BENCH_DATA_DIR", raising=False)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three presets to look at."""
    monkeypatch.setattr(doctor, "preset_names", lambda: ["mzsre-llama3-8b", "smoke", "table1"])


@pytest.fixture
def looked(tmp_path: Path) -> list[object]:
    """The command, in folders of the test's own."""
    return ["doctor", "--results-dir", tmp_path / "results", "--cache-dir", tmp_path / "cache"]


def wrong(answer: Answer) -> list[str]:
    """Lines of what is wrong."""
    return [line.removeprefix("wrong: ") for line in answer.out.splitlines() if line.startswith("wrong: ")]


@pytest.mark.usefixtures("few")
def test_a_sound_machine(looked: list[object]) -> None:
    answer = bench(*looked)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith("nothing is wrong\n")
    for part in (
        f"torch {torch.__version__}",
        "extras",
        "of memory free",
        "GPU ",
        "free",
        "what comes with the package",
    ):
        assert part in answer.out, part
    rows = {line.split()[0]: line for line in answer.out.splitlines() if line}
    assert rows["smoke"].endswith("as on two cores of a server CPU")
    assert "without mend" in rows["table1"]
    lines = answer.out.splitlines()
    below = lines[lines.index("cannot run here  why, and what helps") + 1 :]
    download = "llama3-8b is not downloaded: hf download meta-llama/Meta-Llama-3-8B-Instruct"
    assert f"mzsre-llama3-8b  {download}" in below
    assert len(lines) < 30


@pytest.mark.usefixtures("few")
def test_nothing_is_written(looked: list[object], tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    bench(*looked)
    assert set(tmp_path.rglob("*")) == before


def test_a_package_that_is_missing_comes_first(looked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    line = "torch is not installed: pip install 'torch>=2.5'"
    monkeypatch.setattr(installation, "unmet", lambda: [line])
    answer = bench(*looked)
    assert (answer.code, wrong(answer)) == (1, [line])
    assert "can run here" not in answer.out


def test_a_torch_that_cannot_be_loaded_is_told(looked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    answer = bench(*looked)
    (line,) = wrong(answer)
    assert answer.code == 1
    assert line.startswith("torch cannot be loaded (ModuleNotFoundError")


def test_a_data_folder_that_is_not_there_is_wrong(looked: list[object], tmp_path: Path) -> None:
    answer = bench(*looked, "--data-dir", tmp_path / "nowhere")
    assert answer.code == 1
    (line,) = wrong(answer)
    assert "nowhere: the data folder does not exist: make it, or give another with --data-dir" in line


def test_data_sets_are_counted_file_by_file(looked: list[object], tmp_path: Path) -> None:
    for name in ("mlake/single_hop/en_qa.json", "xtreme/xnli/dev-de.tsv"):
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        (tmp_path / "data" / name).touch()
    answer = bench(*looked, "--data-dir", tmp_path / "data")
    assert "mlake (1 of 10 files), xtreme\n" in answer.out


def test_a_folder_that_cannot_be_written_is_wrong(looked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    results, cache = wrong(bench(*looked))
    assert results.endswith("results cannot be written: give another with --results-dir")
    assert cache.endswith("cache cannot be written: give another with --cache-dir or BENCH_CACHE_DIR")


@pytest.mark.parametrize("broken", ["cache", "results"])
def test_a_file_or_a_torn_link_where_a_folder_belongs_is_wrong(
    looked: list[object], tmp_path: Path, broken: str
) -> None:
    place = tmp_path / broken
    place.touch()
    (line,) = wrong(bench(*looked))
    assert line.startswith(f"{place} cannot be made, for {place} is no folder: move that away")
    (below,) = wrong(bench(*looked, f"--{broken}-dir", place / "deep" / "down"))
    assert below.startswith(f"{place}/deep/down cannot be made, for {place} is no folder")
    place.unlink()
    place.symlink_to(tmp_path / "gone")
    assert wrong(bench(*looked)) == [line]


def test_a_gpu_that_cannot_be_used_is_wrong(looked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    def free(device: str) -> int:
        if device == "cuda":
            raise RuntimeError("CUDA error: out of memory\nmore of it")
        return 10**11

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(sizes, "free_bytes", free)
    (line,) = wrong(bench(*looked))
    assert line.startswith("the GPU cannot be used (RuntimeError: CUDA error: out of memory")


def test_a_gpu_that_torch_knows_nothing_of_is_wrong(
    looked: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "DRIVER", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for cuda, part in ((None, "has no CUDA: install one of https://pytorch.org"), ("12.8", "update the driver")):
        monkeypatch.setattr(torch.version, "cuda", cuda)
        (line,) = wrong(bench(*looked))
        assert part in line


@pytest.mark.usefixtures("few")
def test_a_machine_too_small_for_the_default_is_wrong(looked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "free_bytes", lambda _: 10**8)
    answer = bench(*looked)
    (line,) = wrong(answer)
    assert line.startswith("table1 cannot run: needs ")
    assert "\nmzsre-llama3-8b  needs " in answer.out
    assert answer.code == 1


def test_long_lists_are_cut() -> None:
    assert doctor._some(["a", "b", "c"]) == "a, b, c"
    assert doctor._some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_what_finished_cells_took_here_is_what_is_expected(
    looked: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = ("none", "ft", "rome", "memit", "prune", "rect", "alphaedit", "langedit", "langedit-released")
    known = {(method, "polyglot-tiny"): Pace(edit=0.0, scoring=1.0) for method in methods}
    monkeypatch.setattr(feasible, "paces", lambda _: known)
    monkeypatch.setattr(doctor, "preset_names", lambda: ["smoke"])
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    row = next(line for line in bench(*looked).out.splitlines() if line.startswith("smoke "))
    assert row.endswith("3.0 s, as finished cells took here")


def test_a_preset_that_breaks_the_look_is_told(looked: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("torn")

    monkeypatch.setattr(feasible, "feasible", breaks)
    (line,) = wrong(bench(*looked))
    assert line == "presets cannot be looked at: RuntimeError: torn"

"""Several runs as one on the command line: the plan, an interruption, shares, what is gathered, the report."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import display as displays
from bench.ground.progress import Unheard
from bench.store.results import load_results
from tests.cli.conftest import bench
from tests.soak.paper import PRESET, PaperWorld
from tests.soak.test_paper import in_order

pytestmark = pytest.mark.xdist_group("grids")  # its set-up takes long

METHODS = ("none", "ft", "alphaedit", "langedit-released")
GRIDS = {
    "table1-mzsre": 4,
    "table1-bzsre": 4,
    "table5-order": 3,
    "figure4": 5,
    "table5": 3,
    "table6-7": 4,
    "table8": 4,
}
"""In order of work, with their cells."""
SHARED = 2 + 3
"""Cells of table5-order and of figure4 that table 1 has."""
CELLS = sum(GRIDS.values()) - SHARED


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> PaperWorld:
    return PaperWorld.make(tmp_path_factory.mktemp("paper"), cut=400, only=("en", "de"), methods=METHODS)


@pytest.fixture(scope="module")
def whole(world: PaperWorld) -> Path:
    """The results folder of a run that nothing has stopped."""
    results = world.root / "whole"
    answer = bench(*world.arguments(results))
    assert answer.code == 0, answer.err
    return results


class Stopping(displays.PlainDisplay):
    """Ctrl-C while so many cells have ended."""

    def __init__(self, after: int) -> None:
        self.after = after

    @contextmanager
    def board(self, total: int, left: object = None) -> Iterator[object]:
        display = self

        class Board:
            ended = 0

            def cell(self, label: str) -> Unheard:
                if self.ended >= display.after:
                    raise KeyboardInterrupt
                return Unheard()

            def finished(self, label: str, status: str, reason: str) -> None:
                self.ended += 1

        yield Board()


def cells(results: Path) -> dict[str, set[str]]:
    return {name: set(load_results(results / f"paper.{name}").cells["cell"]) for name in GRIDS}


def same_scores(first: Path, second: Path) -> None:
    for name in GRIDS:
        frames = []
        for results in (first, second):
            found = load_results(results / f"paper.{name}")
            assert set(found.cells["status"]) == {"done"}, name
            order = ["cell", "step", "metric", "protocol", "fact", "edit_lang", "probe_lang"]
            frames.append(found.scores.sort_values(order, ignore_index=True))
        pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_it_is_one_grid_that_shares_cells(world: PaperWorld, whole: Path) -> None:
    found = cells(whole)
    assert {name: len(each) for name, each in found.items()} == GRIDS
    assert len(set.union(*found.values())) == CELLS
    assert len(found["table5-order"] & found["table1-mzsre"]) == 2
    assert len(found["figure4"] & found["table1-mzsre"]) == 3
    numbers = [json.loads((whole / f"paper.{name}" / "run.json").read_text())["grid"]["number"] for name in GRIDS]
    assert numbers == sorted(numbers)
    again = bench(*world.arguments(whole))
    assert (again.code, again.err) == (0, "")
    assert f"{CELLS} cells in {whole} ({CELLS} from before)" in again.out
    assert "next: bench report paper --results-dir" in again.out


@pytest.mark.soak
def test_it_is_stopped_twice_and_gone_on_with(
    world: PaperWorld, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for after in (3, 15):
        with monkeypatch.context() as patch:
            patch.setattr(displays, "make_display", lambda _, after=after: Stopping(after))
            answer = bench(*world.arguments(tmp_path))
        assert answer.code == 130
        assert "run the same command again" in answer.err
        assert in_order(tmp_path), "Table 1 first"
    assert bench(*world.arguments(tmp_path)).code == 0
    same_scores(tmp_path, whole)


def test_shares_in_folders_of_their_own_are_gathered(world: PaperWorld, whole: Path, tmp_path: Path) -> None:
    places = [tmp_path / f"shard-{number}" for number in (1, 2)]
    told = [bench(*world.arguments(place, "--shard", f"{n}/2")) for n, place in enumerate(places, 1)]
    assert [answer.code for answer in told] == [0, 0], [answer.err for answer in told]
    counts = [int(re.search(r"(\d+) in this share", answer.out)[1]) for answer in told]  # type: ignore[index]
    assert sum(counts) == CELLS and min(counts) > CELLS / 4
    assert f"{counts[1]} cells are left to other shares" in told[0].out
    gathered = tmp_path / "all"
    answer = bench("gather", *places, "--results-dir", gathered)
    assert answer.code == 0, answer.err
    assert "paper.table1-mzsre: 4 of 4 cells, 4 of them new\n" in answer.out and "missing" not in answer.out
    same_scores(gathered, whole)
    assert bench("gather", *places, "--results-dir", gathered).out.endswith(f"0 cells gathered in {gathered}\n")
    partial = bench("gather", places[1], "--results-dir", tmp_path / "partial")
    assert partial.code == 0, partial.err
    assert re.search(r"paper\.table1-mzsre: (\d) of 4 cells, \1 of them new, \d missing", partial.out), partial.out


@pytest.mark.soak
def test_shares_of_one_folder_leave_the_rest_to_each_other_or_join(
    world: PaperWorld, whole: Path, tmp_path: Path
) -> None:
    first = bench(*world.arguments(tmp_path, "--shard", "1/3"))
    assert first.code == 0, first.err
    done = len([path for path in tmp_path.glob("paper.table1-mzsre/*/status.json") if "done" in path.read_text()])
    assert 0 < done < GRIDS["table1-mzsre"]
    last = bench(*world.arguments(tmp_path, "--shard", "2/3", "--join"))
    assert last.code == 0, last.err
    assert "left to other shares" not in last.out
    same_scores(tmp_path, whole)


def test_a_plain_run_has_shares_too(tiny, tmp_path: Path) -> None:
    answer = bench(*tiny("--shard", "2/2", methods="none,memit", seeds=2))
    assert answer.code == 0, answer.err
    assert "tiny: 4 cells, 2 in this share, 2 to compute" in answer.out
    assert sorted(load_results(tmp_path / "results" / "tiny").cells["status"]) == ["done", "done", "missing", "missing"]
    plan = bench(*tiny("--shard", "2/2", "--dry-run", methods="none,memit", seeds=2))
    assert "share 2 of 2: 2 cells: 0 to compute" in plan.out
    for wrong in ("3/2", "0/3", "4/3", "a/b", ""):
        bench(*tiny("--shard", wrong)).is_one_line("--shard takes NUMBER/OF")


def test_the_plan_needs_neither_model_nor_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = bench("run", "--preset", PRESET, "--dry-run", "--shard", "1/8", "--device", "cpu")
    assert answer.code == 0, answer.err
    assert "planned by names alone" in answer.err and "mzsre is not embedded" in answer.err
    lines = {line.split()[0]: line.split() for line in answer.out.splitlines() if line}
    assert list(lines)[1:8] == list(GRIDS)
    assert "hours, A100 80 GB, published" in answer.out
    hours = [line.split()[2:] for line in answer.out.splitlines() if re.match(r"\d/8", line)]
    assert len(hours) == 8
    first = [float(own[0]) for own in hours]
    assert max(first) < 1.35 * min(first), "Table 1 is ready on all at about the same time"
    # the others have cells whose hours are not known, and of the rest as much less
    known = [float(own[1]) for own in hours if "without" not in own]
    assert 4 <= len(known) < 8 and max(known) < 1.1 * min(known)


def test_the_plan_tells_what_is_there(world: PaperWorld, whole: Path) -> None:
    answer = bench(*world.arguments(whole, "--dry-run"))
    assert (answer.code, answer.err) == (0, "")
    assert f"{CELLS} cells in 7 runs, in this order: 0 to compute, 0 edits" in answer.out
    assert "Figure 5 is no grid: bench trace" in answer.out


@pytest.mark.usefixtures("no_pictures")
def test_several_runs_are_reported_and_looked_at_by_one_name(whole: Path, tmp_path: Path) -> None:
    some = ("table1-mzsre", "table1-bzsre", "table8")
    for name in some:
        shutil.copytree(whole / f"paper.{name}", tmp_path / "some" / f"paper.{name}")
    answer = bench("report", "paper", "--results-dir", tmp_path / "some", "--format", "md", "--out", tmp_path)
    assert answer.code == 0, answer.err
    text = (tmp_path / "report.md").read_text()
    places = [text.index(f"paper.{name}") for name in some]
    assert places == sorted(places)
    status = bench("status", "paper", "--results-dir", whole)
    assert [line.split(":")[0] for line in status.out.splitlines() if " cells, " in line] == [
        f"paper.{g}" for g in GRIDS
    ]
    bench("verify", "paper", "--results-dir", whole).is_one_line(
        "'paper' is several runs; name one: paper.table1-mzsre"
    )


def test_what_is_gathered_is_the_same_run(world: PaperWorld, whole: Path, tmp_path: Path) -> None:
    bench("gather", tmp_path).is_one_line("no runs in this folder")
    bench("gather", tmp_path / "nothing").is_one_line("no such folder", "nothing")
    other = tmp_path / "other" / "paper.table1-mzsre"
    other.mkdir(parents=True)
    record = json.loads((whole / "paper.table1-mzsre" / "run.json").read_text())
    record["cells"][0]["cell"] = "0" * 16
    (other / "run.json").write_text(json.dumps(record))
    refused = bench("gather", tmp_path / "other", "--results-dir", whole)
    refused.is_one_line("not the run that is gathered here: 2 cells differ", "other/paper.table1-mzsre/run.json")
    record = json.loads((whole / "paper.table1-mzsre" / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**record, "eval_limit": 7}))
    refused = bench("gather", tmp_path / "other", "--results-dir", whole)
    refused.is_one_line("not the run that is gathered here: 'eval_limit' is another there")


def test_a_shared_cell_that_its_run_had_begun_is_taken_over(world: PaperWorld, whole: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(whole, results)
    found = cells(results)
    shared = sorted(found["figure4"] & found["table1-mzsre"])[0]
    status = results / "paper.figure4" / shared / "status.json"
    status.write_text(json.dumps({**json.loads(status.read_text()), "status": "interrupted"}))
    assert bench(*world.arguments(results)).code == 0
    same_scores(results, whole)

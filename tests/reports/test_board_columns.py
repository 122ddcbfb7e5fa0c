"""What may stand in one column of the board, and what never does."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from bench.config.cell import DataRef, ModelRef, Schedule
from bench.ground.atomic import read_json, write_json
from bench.ground.errors import BenchError
from bench.ground.progress import Unheard
from bench.store.results import load_results
from reports.board.columns import Column
from reports.board.data import Board, board_data, differences
from reports.board.entries import names_of, runs_in
from reports.board.standing import EVERY, standing
from reports.numbers.aggregate import panels, summaries
from reports.numbers.measures import EFFICACY, MAIN, XTREME
from reports.numbers.significance import paired_over_facts
from tests.reports.board_world import Changed, columns_in, entries_of, told
from tests.reports.world import World

METHODS = ("none", "ft", "memit")


def labels(column: Column) -> list[str]:
    return [row.label for row in column.rows]


def test_the_same_cells_in_two_runs_are_one_row_each(tmp_path: Path) -> None:
    first = Changed(methods=METHODS, seeds=(0, 1)).write(tmp_path / "a")
    shutil.copytree(first, tmp_path / "b")
    (column,), apart = columns_in(tmp_path)
    assert labels(column) == ["Unedited", "FT", "MEMIT"]
    assert [row.runs for row in column.rows] == [["a", "b"]] * 3
    assert not apart


def test_seeds_of_two_runs_are_those_of_one_method(tmp_path: Path) -> None:
    Changed(methods=METHODS, seeds=(0, 1)).write(tmp_path / "a")
    Changed(methods=METHODS, seeds=(2,)).write(tmp_path / "b")
    together = Changed(methods=METHODS, seeds=(0, 1, 2)).write(tmp_path / "all" / "run")
    (column,), _ = columns_in(tmp_path)
    efficacy = standing(column, Unheard())[0].views[EVERY].numbers["MEMIT"].summary
    assert efficacy == summaries(panels(load_results(together))[0], EFFICACY)["memit"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": DataRef(name="cldr", fingerprint="0" * 16)}, "Hash of the data"),
        ({"model": ModelRef(name="polyglot-tiny", fingerprint="other")}, "Hash of weights"),
        ({"model": ModelRef(name="polyglot-tiny", fingerprint="f00d polyglot-tiny", dtype="bfloat16")}, "bfloat16"),
        ({"model": ModelRef(name="polyglot-tiny", fingerprint="f00d polyglot-tiny", chat="c0de")}, "chat template"),
        ({"schedule": Schedule(languages=("en", "de"), edits_per_language=4, batch_size=2, steps=3)}, "2 a step"),
        ({"corpus": "wiki.txt"}, "wiki.txt"),
        ({"corpus_fingerprint": "beef"}, "beef"),
        ({"token_budget": 5}, "Tokens of it: 5"),
    ],
    ids=["data", "weights", "precision", "chat", "schedule", "corpus", "text", "budget"],
)  # fmt: skip
def test_what_differs_in_identity_never_stands_in_one_column(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    Changed(methods=("memit",), seeds=(0,)).write(tmp_path / "a")
    Changed(methods=("memit",), seeds=(0,), change=change).write(tmp_path / "b")
    columns, _ = columns_in(tmp_path)
    assert sorted(row.runs for column in columns for row in column.rows) == [["a"], ["b"]]
    assert any(says in differences(column, columns) for column in columns)
    assert len({column.key for column in columns}) == 2


def test_versions_of_cells_stand_apart(tmp_path: Path) -> None:
    Changed(methods=("memit",), seeds=(0,)).write(tmp_path / "a")
    run = Changed(methods=("memit",), seeds=(0,)).write(tmp_path / "b")
    for path in run.glob("*/cell.json"):
        write_json(path, {**read_json(path), "identity_version": 4})
    columns, _ = columns_in(tmp_path)
    assert len(columns) == 2
    assert {differences(column, columns) for column in columns} == {"Version of cells: 4", "Version of cells: 5"}


def test_methods_that_read_no_text_stand_beside_every_text(tmp_path: Path) -> None:
    Changed(methods=METHODS, seeds=(0,)).write(tmp_path / "a")
    Changed(methods=METHODS, seeds=(0,), change={"corpus": "wiki.txt"}).write(tmp_path / "b")
    columns, _ = columns_in(tmp_path)
    assert [labels(column) for column in columns] == [["Unedited", "FT", "MEMIT"]] * 2
    assert sorted(column.rows[2].runs[0] for column in columns) == ["a", "b"]
    assert all(column.rows[1].runs == ["a", "b"] for column in columns)


def test_an_evaluator_told_otherwise_has_columns_of_its_own(tmp_path: Path) -> None:
    """The same cells, of whose XTREME items another number was asked: editing scores are shared, XTREME F1 is not."""
    world = Changed(methods=METHODS[:2], seeds=(0,), xtreme=True)
    told(world.write(tmp_path / "a"), "xtreme", limit=64, batch_size=1)
    told(world.write(tmp_path / "b"), "xtreme", limit=64, batch_size=8)
    told(world.write(tmp_path / "c"), "xtreme", limit=100)
    (column,), apart = columns_in(tmp_path)
    assert [row.runs for row in column.rows] == [["a", "b", "c"]] * 2
    assert not apart
    measures = standing(column, Unheard())
    assert [each.told for each in measures if each.measure == XTREME] == [{"limit": 64}, {"limit": 100}]
    assert len([each for each in measures if each.measure == EFFICACY]) == 1


def test_other_settings_of_a_method_are_another_row(tmp_path: Path) -> None:
    Changed(methods=METHODS, seeds=(0,)).write(tmp_path / "tuned")
    Changed(methods=METHODS, seeds=(0,), options={"memit": {"lambda": 1.0}}).write(tmp_path / "plain")
    (column,), apart = columns_in(tmp_path)
    assert labels(column) == ["Unedited", "FT", "MEMIT · plain", "MEMIT · tuned"]
    assert not apart


def test_a_cell_with_other_numbers_is_found_out(tmp_path: Path) -> None:
    Changed(methods=METHODS, seeds=(0,)).write(tmp_path / "a")
    levels = {"none": (12, 11, 88), "ft": (70, 40, 22), "memit": (85, 74, 55)}
    Changed(methods=METHODS, seeds=(0,), levels=levels).write(tmp_path / "b")
    (column,), (found,) = columns_in(tmp_path)
    assert labels(column) == ["Unedited", "FT", "MEMIT · a", "MEMIT · b"]
    assert (found.first, found.second, found.label) == ("a", "b", "MEMIT, seed 0")
    assert found.points > 0.5


def test_a_seed_that_is_missing_leaves_no_mean(tmp_path: Path) -> None:
    gaps = {("memit", 2): "missing", ("ft", 1): "failed"}
    Changed(methods=METHODS, seeds=(0, 1, 2), status=gaps).write(tmp_path / "a")
    (column,), _ = columns_in(tmp_path)
    view = standing(column, Unheard())[0].views[EVERY]
    found = {
        name: (number.summary.mean, number.summary.have, number.summary.planned)
        for name, number in view.numbers.items()
    }
    assert found["MEMIT"] == found["FT"] == (None, 2, 3)
    assert view.numbers["MEMIT"].places is None
    assert found["Unedited"][1:] == (3, 3)


def test_a_table_that_is_gone_leaves_no_mean(tmp_path: Path) -> None:
    world = Changed(methods=("memit",), seeds=(0, 1, 2))
    run = told(world.write(tmp_path / "a"), "edits")
    shutil.rmtree(run / world.cell("memit", 1, "polyglot-tiny").id() / "edits")
    (column,), _ = columns_in(tmp_path)
    summary = standing(column, Unheard())[0].views[EVERY].numbers["MEMIT"].summary
    assert (summary.mean, summary.have, summary.planned) == (None, 2, 3)


def test_numbers_and_tests_are_those_of_the_report(tmp_path: Path) -> None:
    run = Changed(methods=("none", "ft", "memit", "rome"), seeds=(0, 1), facts=6).write(tmp_path / "a")
    (column,), _ = columns_in(tmp_path)
    panel = panels(load_results(run))[0]
    asked = {each.measure: each for each in standing(column, Unheard())}
    for measure in MAIN[:4]:
        view = asked[measure].views[EVERY]
        expected = {name: each.mean for name, each in summaries(panel, measure).items()}
        assert {name: number.summary.mean for name, number in view.numbers.items()} == {
            "Unedited": expected["none"], "FT": expected["ft"], "MEMIT": expected["memit"], "ROME": expected["rome"]
        }  # fmt: skip
        outcome = paired_over_facts(panel, measure, "memit", "rome")
        found = view.ranking.outcomes.get(("MEMIT", "ROME")) or view.ranking.outcomes["ROME", "MEMIT"]
        assert found.p == pytest.approx(outcome.p)
        assert view.numbers["Unedited"].places is None


def test_languages_are_views_of_their_own(tmp_path: Path) -> None:
    Changed(methods=METHODS, seeds=(0,)).write(tmp_path / "a")
    (column,), _ = columns_in(tmp_path)
    views = standing(column, Unheard())[0].views
    assert list(views) == [EVERY, "en", "de"]
    assert views["en"].numbers["MEMIT"].interval.n == 4
    assert views[EVERY].numbers["MEMIT"].interval.n == 8


def test_runs_are_found_by_what_they_hold(tmp_path: Path) -> None:
    run = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "z")
    (tmp_path / "report-z").mkdir()
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / ".half.tar.zst").write_text("being written")
    assert runs_in(tmp_path) == [run]
    assert runs_in(run) == [run]
    (tmp_path / "z.tar.zst").write_bytes(b"")
    assert names_of(runs_in(tmp_path)) == ["z", "z.tar.zst"]
    for empty in (tmp_path / "report-z", tmp_path / "none"):
        with pytest.raises(BenchError, match=empty.name):
            runs_in(empty)


def test_a_model_that_broke_is_told(tmp_path: Path) -> None:
    run = Changed(methods=METHODS, seeds=(0, 1), status={("memit", 1): "diverged"}).write(tmp_path / "a")
    columns, apart = columns_in(tmp_path)
    board = Board(entries_of(run), columns, [standing(each, Unheard()) for each in columns], apart, defaultdict(str))
    rows = {row["label"]: row for row in board_data(board)["columns"][0]["rows"]}
    assert (rows["MEMIT"]["note"], rows["FT"]["note"]) == ("diverged 1/2", "")
    (spent,) = rows["MEMIT"]["costs"]
    # steps of half a second and one more each, ten edits a step; the one that broke the model does not count
    assert spent["seconds"] == pytest.approx(((1.5 + 2.5 + 3.5) / 30 + (1.5 + 2.5) / 20) / 2)
    assert spent["device"] == "cpu (x86_64), 1 thread"

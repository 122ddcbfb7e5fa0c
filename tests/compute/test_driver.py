"""A cell from start to end: what is recorded, resuming, diverging, pairing of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import torch

from bench.api import EditReport, EditRequest, State
from bench.compute.driver import CellContext, run_cell
from bench.ground.atomic import read_json, write_json
from bench.ground.errors import BenchError
from bench.ground.rows import Kept
from bench.model.editable import EditableModel
from bench.store.results import last_answers, load_results
from bench.store.shards import ResultStore
from methods.none import Unedited
from tests.tinyworld import LANGUAGES, PER_LANGUAGE, Silent, TinyWorld


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    return TinyWorld.make(tmp_path_factory.mktemp("world"))


def test_a_cell_records_every_probe_and_cost(tiny: TinyWorld, tmp_path: Path) -> None:
    cell = tiny.cell()
    store = ResultStore(tmp_path / "run")
    assert run_cell(cell, store, tiny.world(), Silent()) == "done"
    results = load_results(store.root)
    assert list(results.cells.status) == ["done"]
    scores, steps = results.scores, len(LANGUAGES) * PER_LANGUAGE // 2
    assert set(scores.step) == {steps}
    edits = scores[scores.metric == "efficacy"]
    assert len(edits) == len(LANGUAGES) * PER_LANGUAGE
    assert set(zip(edits.fact, edits.edit_lang, strict=True)) == {
        (f"f{i}", lang) for i in range(PER_LANGUAGE) for lang in LANGUAGES
    }
    assert set(scores.metric) >= {"generality", "specificity", "specificity_agreement", "efficacy_exact"}
    assert scores.value.between(0, 1).all()
    costs = results.costs
    assert sorted(costs.step.unique()) == list(range(steps + 1))
    assert set(costs[costs.step == 0].quantity) == {"seconds.preparing"}
    assert {"seconds.total", "seconds.values", "memory.peak_bytes", "update_norm"} <= set(costs.quantity)
    assert not list(store.folder(cell.id()).glob("checkpoint/*"))


def scores_of(store: ResultStore) -> pd.DataFrame:
    return load_results(store.root).scores.sort_values(["step", "metric", "fact", "edit_lang"], ignore_index=True)


# one with statistics that grow, one that keeps its edits beside the weights
@pytest.mark.parametrize(
    "method", ["langedit", "grace", *(pytest.param(m, marks=pytest.mark.soak) for m in ("memit", "ft"))]
)
def test_an_interrupted_cell_goes_on_to_the_same_numbers(tiny: TinyWorld, tmp_path: Path, method: str) -> None:
    cell = tiny.cell(method, eval_every=1)
    whole, parts = ResultStore(tmp_path / "whole"), ResultStore(tmp_path / "parts")
    run_cell(cell, whole, tiny.world(), Silent())
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, parts, tiny.world(), Silent(stop_at=2))
    assert list(parts.folder(cell.id()).glob("checkpoint/*.safetensors"))
    run_cell(cell, parts, tiny.world(), Silent())
    pd.testing.assert_frame_equal(scores_of(whole), scores_of(parts))


def test_a_cell_tells_on_what_its_earlier_steps_were_computed(tiny: TinyWorld, tmp_path: Path) -> None:
    cell, store = tiny.cell("memit"), ResultStore(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, store, tiny.world(), Silent(stop_at=2))
    path = store.folder(cell.id()) / "cell.json"
    record = read_json(path)
    assert "earlier" not in record["environment"]
    record["environment"]["packages"]["torch"] = "0.1"
    write_json(path, record)
    run_cell(cell, store, tiny.world(), Silent())
    assert [each["packages"]["torch"] for each in store.environment(cell.id())["earlier"]] == ["0.1"]


def test_preparing_costs_what_it_took_when_the_cell_began(tiny: TinyWorld, tmp_path: Path) -> None:
    cell, store = tiny.cell("memit"), ResultStore(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, store, tiny.world(), Silent(stop_at=2))
    shard = store.folder(cell.id()) / "cost" / "00000.parquet"
    before = pd.read_parquet(shard)
    assert before.quantity.tolist() == ["seconds.preparing"]
    assert before.value.item() > 0
    run_cell(cell, store, tiny.world(), Silent())
    # the second time statistics are read
    pd.testing.assert_frame_equal(pd.read_parquet(shard), before)


def test_what_was_scored_is_not_scored_again(tiny: TinyWorld, tmp_path: Path) -> None:
    """Another evaluator of a cell whose last checkpoint is there finds the edited model."""
    cell, store = tiny.cell("memit"), ResultStore(tmp_path / "run")
    world = replace(tiny.world(), kept=frozenset({cell.id()}))
    run_cell(cell, store, world, Silent())
    edits, costs = (next(store.folder(cell.id()).glob(f"{table}/00004.parquet")) for table in ("edits", "cost"))
    before = [path.stat().st_mtime_ns for path in (edits, costs)]
    mini = ("xtreme", {"source": "mini", "limit": 1, "languages": ("en",)})
    run_cell(cell, store, replace(world, evaluators=(*world.evaluators, mini)), Silent())
    assert store.tables(cell.id()) == {"edits", "xtreme", "cost", "answers"}
    assert [path.stat().st_mtime_ns for path in (edits, costs)] == before


def test_what_the_model_said_is_kept_beside_its_scores(tiny: TinyWorld, tmp_path: Path) -> None:
    cell, store = tiny.cell("memit"), ResultStore(tmp_path / "run")
    world = replace(tiny.world(), evaluators=(("generation", {"tokens": 4}),))
    assert run_cell(cell, store, world, Silent()) == "done"
    results = load_results(store.root)
    answers, scores = last_answers(store.root, results), results.scores
    assert store.status(cell.id())[0] == "done"
    assert set(answers.kind) == {"efficacy", "generality", "specificity", "crosslingual"}
    assert len(answers) == 4 * len(LANGUAGES) * PER_LANGUAGE
    assert set(answers.protocol) == {"generation"}
    assert (answers.tokens <= 4).all()
    assert answers.probe.str.fullmatch("[0-9a-f]{16}").all()
    match = scores[(scores.metric == "efficacy_match") & (scores.protocol == "generation")]
    assert sorted(match.value) == sorted(answers[answers.kind == "efficacy"].value)
    assert not {"answers", "generation"} & set(scores.metric)


def test_which_answers_are_kept_changes_no_score(tiny: TinyWorld, tmp_path: Path) -> None:
    cell = tiny.cell("memit")
    count: dict[str, pd.DataFrame] = {}
    scores: dict[str, pd.DataFrame] = {}
    for kept in get_args(Kept):
        store = ResultStore(tmp_path / kept)
        run_cell(cell, store, replace(tiny.world(), answers=kept), Silent())
        assert store.status(cell.id())[0] == "done"
        count[kept], scores[kept] = last_answers(store.root, load_results(store.root)), scores_of(store)
    assert count["none"].empty
    assert len(count["all"]) == len(count["failed"])  # fewer right ones than the sample
    told = count["all"]
    assert set(told.protocol) == {"teacher_forced"}
    same = told[told.kind == "specificity"]
    assert (same.before.str.len() > 0).all()
    for kept in ("failed", "none"):
        pd.testing.assert_frame_equal(scores["all"], scores[kept])


class Exploding(Unedited):
    """Writes NaN, or cannot solve, in its second step."""

    def __init__(self, how: str) -> None:
        self.how = how

    def prepare(self, *args: Any) -> State:
        return State(memory={"count": 0})

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        state.memory["count"] += 1
        if state.memory["count"] == 2 and self.how == "nan":
            model.add(1, torch.full_like(model.weight(1), torch.nan))
        if state.memory["count"] == 2 and self.how == "singular":
            torch.linalg.cholesky(torch.zeros(2, 2))
        return state, EditReport()


@pytest.mark.parametrize("how", ["nan", "singular"])
def test_a_diverged_cell_is_a_result(tiny: TinyWorld, tmp_path: Path, how: str) -> None:
    cell, method = tiny.cell("none", eval_every=1), Exploding(how)
    world = replace(tiny.world(), methods=_Only(method))
    store = ResultStore(tmp_path / "run")
    assert run_cell(cell, store, world, Silent()) == "diverged"
    results = load_results(store.root)
    assert list(results.cells.status) == ["diverged"]
    assert results.cells.reason[0]
    flags = results.costs[results.costs.quantity == "diverged"].sort_values("step").value.tolist()
    assert flags == [0.0, 1.0, 1.0, 1.0]
    # the remaining steps are scored on the model as it is
    assert sorted(results.scores.step.unique()) == [1, 2, 3, 4]
    last = results.scores[(results.scores.step == 4) & (results.scores.metric == "specificity_agreement")]
    assert (last.value == (0.0 if how == "nan" else 1.0)).all()


class _Only:
    def __init__(self, method: Any) -> None:
        self.method = method

    def build(self, *_: Any) -> Any:
        return self.method


def test_draws_depend_on_seed_and_part_but_not_on_the_method(tiny: TinyWorld) -> None:
    def drawn(method: str, seed: int, part: str) -> list[int]:
        return torch.randint(1000, (4,), generator=CellContext(tiny.cell(method, seed)).rng(part)).tolist()

    assert drawn("memit", 0, "prefixes/en") == drawn("rome", 0, "prefixes/en")
    assert drawn("memit", 0, "prefixes/en") != drawn("memit", 1, "prefixes/en")
    assert drawn("memit", 0, "prefixes/en") != drawn("memit", 0, "prefixes/de")


def test_the_same_spec_gives_the_same_numbers(tiny: TinyWorld, tmp_path: Path) -> None:
    cell = tiny.cell("alphaedit")
    frames = []
    for name in ("a", "b"):
        store = ResultStore(tmp_path / name)
        run_cell(cell, store, tiny.world(), Silent())
        frames.append(scores_of(store))
    pd.testing.assert_frame_equal(*frames)


def test_scoring_records_its_speed(tiny: TinyWorld, tmp_path: Path) -> None:
    cell, store = tiny.cell("none"), ResultStore(tmp_path / "run")
    run_cell(cell, store, tiny.world(), Silent())
    costs = load_results(store.root).costs.set_index("quantity").value
    records = len(LANGUAGES) ** 2 * PER_LANGUAGE
    assert costs["records_per_second.edits"] * costs["seconds.score.edits"] == pytest.approx(records)


def test_evaluators_are_made_for_a_cell_with_the_options_of_the_world(tiny: TinyWorld, tmp_path: Path) -> None:
    world = replace(tiny.world(), evaluators=(("edits", {"depth": 3}),))
    with pytest.raises(BenchError, match="evaluator 'edits' has no option 'depth'"):
        run_cell(tiny.cell("none"), ResultStore(tmp_path / "run"), world, Silent())


@pytest.mark.parametrize(
    "method", ["memit", "alphaedit", *(pytest.param(m, marks=pytest.mark.soak) for m in ("langedit", "rect", "rome"))]
)
def test_few_tokens_are_solved_with_and_told(tiny: TinyWorld, tmp_path: Path, method: str) -> None:
    more = {"use_moment": True} if method == "rome" else {}
    cell = tiny.cell(method, **more).model_copy(update={"token_budget": 10})
    store = ResultStore(tmp_path / "run")
    assert run_cell(cell, store, tiny.world(), Silent()) == "done"
    found = store.environment(cell.id())["statistics"]
    assert (found["tokens"], found["documents"]) == (10, 1)
    whitens = method in ("memit", "rect", "rome")
    assert bool(found["jitter"]) == whitens
    # again from the files: the same account
    again = ResultStore(tmp_path / "again")
    run_cell(cell, again, tiny.world(), Silent())
    assert again.environment(cell.id())["statistics"] == found


def test_a_method_without_statistics_has_no_account_of_any(tiny: TinyWorld, tmp_path: Path) -> None:
    cell, store = tiny.cell("ft"), ResultStore(tmp_path / "run")
    run_cell(cell, store, tiny.world(), Silent())
    assert store.environment(cell.id())["statistics"] is None

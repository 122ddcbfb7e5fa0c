"""Groups of edited languages, further grids, and cells that runs share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.cli.display import make_display
from bench.compute import session
from bench.compute.where import Where
from bench.config.cell import Cell, Schedule
from bench.config.run import RunSpec
from bench.config.settings import resolve
from bench.data.stream import EditStream, load, request_of
from bench.ground.errors import BenchError
from bench.plan import planning
from bench.store.outcomes import existing
from bench.store.results import load_results

SMALL: dict[str, Any] = {
    "methods": ["none"], "languages": ["en", "zh"], "seeds": 1, "edits_per_language": 2, "batch_size": 2,
    "evaluators": ["edits"],
}  # fmt: skip


def plan(root: Path, name: str, **settings: Any) -> planning.Plan:
    return planning.plan(resolve("smoke", None, {**SMALL, "name": name, **settings}), root, cache_dir=root / "cache")


def test_every_language_alone_and_all_together(tmp_path: Path) -> None:
    planned = plan(tmp_path, "run", edited=["all", "each", "zh+en"])
    assert [cell.schedule.edited for cell in planned.cells] == [(), ("en",), ("zh",)]
    assert len({cell.id() for cell in planned.cells}) == 3
    labels = [cell.label() for cell in planned.cells]
    assert labels[0] == "none · polyglot-tiny · cldr · seed 0", "the usual goes without saying"
    assert labels[1:] == ["none · polyglot-tiny · cldr · en · seed 0", "none · polyglot-tiny · cldr · zh · seed 0"]


def test_a_language_has_the_same_facts_whether_others_are_edited_or_not(tmp_path: Path) -> None:
    together, alone = plan(tmp_path, "run", edited=["all", "zh"]).cells

    def edited(cell: Cell) -> list[str]:
        facts = load(cell.data.name, request_of(cell, None)).facts
        stream = EditStream.build(cell.schedule, facts, cell.seed_for("order"))
        return [fact.request.fact_id for fact in stream.seen(len(stream)) if fact.request.lang == "zh"]

    assert edited(together) == edited(alone) != []
    assert alone.schedule.edits() == together.schedule.edits() / 2


def test_one_edited_language_is_heard_in_all_others(tmp_path: Path) -> None:
    languages = ["en", "de", "zh"]
    planned = plan(tmp_path, "run", languages=languages, edited=["en"], parallel=True)
    session.execute(planned, make_display("none"), "cpu", where=Where(workers=1))
    scores = load_results(tmp_path / "run").scores
    assert set(scores["edit_lang"]) == {"en"}
    asked = {metric: set(rows["probe_lang"]) for metric, rows in scores.groupby("metric")}
    assert asked["efficacy"] == asked["generality"] == {"en"}
    assert asked["crosslingual"] == {"de", "zh"}
    assert asked["specificity"] == asked["specificity_agreement"]
    assert "en" in asked["specificity"]
    crossed = scores[scores["metric"] == "crosslingual"].groupby("fact")["probe_lang"].apply(set)
    assert list(crossed) == [{"de", "zh"}] * SMALL["edits_per_language"]


def test_one_schedule_has_one_identity() -> None:
    assert Schedule(languages=("en", "zh"), edited=("zh", "en")) == Schedule(languages=("en", "zh"))
    assert Schedule(edited=("zh", "de")) == Schedule(edited=("de", "zh"))


def test_an_edited_language_has_to_be_among_the_languages(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="edited language 'de'"):
        plan(tmp_path, "run", edited=["de"])


def test_a_further_grid_adds_its_cells_once(tmp_path: Path) -> None:
    planned = plan(tmp_path, "run", also=[{"methods": ["memit"], "orders": ["shuffled"]}, {"methods": ["none"]}])
    places = [(cell.method.name, cell.schedule.order) for cell in planned.cells]
    assert places == [("none", "cycle"), ("memit", "shuffled")]


def test_a_further_grid_differs_only_where_tables_tell_cells_apart() -> None:
    with pytest.raises(ValueError, match="no 'batch_size'"):
        RunSpec(also=({"batch_size": 3},))
    with pytest.raises(BenchError, match=r"also.*no 'evaluators'"):
        resolve("smoke", None, {"also": [{"evaluators": ["edits"]}]})


def test_a_further_grid_of_other_models_has_their_text_and_hyperparameters(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Rivers run to the sea.\n", encoding="utf-8")
    own = {"models": ["polyglot-tiny"], "corpus": str(text), "token_budget": 7, "methods": ["memit"]}
    planned = plan(tmp_path, "run", methods=["memit"], also=[own])
    assert [(cell.corpus, cell.token_budget) for cell in planned.cells] == [("cldr", 20_000), (str(text), 7)]
    with pytest.raises(ValueError, match="'corpus' of its own only with 'models'"):
        RunSpec(also=({"corpus": str(text)},))


def test_a_run_takes_over_what_another_has_computed(tmp_path: Path) -> None:
    first = plan(tmp_path, "first", seeds=2)
    session.execute(first, make_display("none"), "cpu", where=Where(workers=1))
    second = plan(tmp_path, "second", seeds=1, methods=["none"])
    assert list(session.siblings.elsewhere(second.cells, second.store, second.evaluators)) == [second.cells[0].id()]
    outcomes = session.execute(second, make_display("none"), "cpu", where=Where(workers=1))
    assert [outcome.reused for outcome in outcomes] == [True]
    mine, theirs = load_results(tmp_path / "second"), load_results(tmp_path / "first")
    cell = second.cells[0].id()
    assert mine.scores.equals(theirs.scores[theirs.scores["cell"] == cell].reset_index(drop=True))
    assert [path.name for path in (tmp_path / "second").glob(".*")] == [".locks"]


def test_cells_scored_otherwise_are_not_taken_over(tmp_path: Path) -> None:
    session.execute(plan(tmp_path, "first"), make_display("none"), "cpu", where=Where(workers=1))
    other = plan(tmp_path, "second", evaluators=["edits", "xtreme"])
    session.siblings.take_over(other.cells, other.store, other.evaluators)
    assert existing(other.cells[0], other.store, other.evaluators).status is None

"""The list of what a lab runs: sizes of the paper, hours from tables that are there, and nothing made up."""

from __future__ import annotations

import pytest

from bench.config.settings import resolve
from benchmarks import paper_full
from benchmarks.paper_full import hours, measured, published, table, works


@pytest.mark.parametrize("model", paper_full.MODELS)
@pytest.mark.parametrize(("data", "languages", "edits"), [("mzsre", 6, 2400), ("bzsre", 2, 1600)])
def test_presets_have_the_sizes_of_the_paper(model: str, data: str, languages: int, edits: int) -> None:
    spec = resolve(f"{data}-{model}", None, {})
    assert (spec.models, spec.datasets, spec.seeds, len(spec.languages)) == ((model,), (data,), 3, languages)
    assert {count for _, _, count in paper_full.edited(spec)} == {edits}
    assert (spec.batch_size, spec.dtype, spec.evaluators) == (100, "float32", ("edits", "xtreme"))


def test_hours_are_edits_times_seconds_and_gaps_are_named() -> None:
    spec = resolve("mzsre-llama3-8b", None, {"methods": "none,memit,rome", "seeds": 2})
    seconds = {("llama3-8b", "memit"): 3.0}
    assert hours(spec, seconds) == (2 * 2400 * 3.0 / 3600, ("rome",))
    spec = resolve("mzsre-llama3-8b", None, {"methods": "langedit-released", "seeds": 1})
    assert hours(spec, {("llama3-8b", "langedit"): 1.5}) == (1.0, ())


def test_the_tables_behind_it_are_those_of_the_repository() -> None:
    assert published()["llama3-8b", "memit"] == 9.74
    assert {model for model, _ in measured()} == set(paper_full.MODELS)
    assert all(0 < seconds < 200 for seconds in measured().values())


def test_every_table_and_figure_has_its_command() -> None:
    shown = " ".join(work.shows for work in works())
    for each in ("Table 1", "Figures 2, 3", "Figure 4", "Table 5", "Tables 6, 7", "Table 8"):
        assert each in shown
    rows = table([published(), measured()])
    assert len(rows) == len(works()) and all(row[2] and row[3] for row in rows)
    assert works()[0].command.startswith("bench run --preset mzsre-llama3-8b --eval-every 4 --data-dir DATA")

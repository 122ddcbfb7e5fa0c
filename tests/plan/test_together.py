"""Several runs planned as one: every cell once, computed where all that is asked of it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.config.run import RunSpec
from bench.config.several import Several
from bench.ground.errors import BenchError
from bench.plan.needs import Needs
from bench.plan.planning import Plan
from bench.plan.together import jobs, merged, sketch_all

SMALL: dict[str, Any] = {"methods": "none,memit", "models": "llama3-8b", "datasets": "mzsre", "seeds": 1}


def sketched(root: Path, *changed: dict[str, Any]) -> list[Plan]:
    runs = {f"g{number}": RunSpec(name=f"p.g{number}", **{**SMALL, **each}) for number, each in enumerate(changed)}
    return sketch_all(Several("p", runs), root, root)


def test_a_cell_of_two_runs_is_one_job_of_the_first(tmp_path: Path) -> None:
    plans = sketched(tmp_path, {}, {"methods": "memit,rome"}, {"batch_size": 3})
    found = [(job.cell.method.name, job.number, job.first) for job in jobs(plans)]
    assert found == [("none", 0, 0), ("memit", 0, 0), ("rome", 1, 1), ("none", 2, 2), ("memit", 2, 2)]
    assert [planned.grid and (planned.grid.of, planned.grid.number) for planned in plans] == [
        ("p", 1),
        ("p", 2),
        ("p", 3),
    ]


def test_it_is_computed_where_most_is_asked_in_its_first_place(tmp_path: Path) -> None:
    plans = sketched(tmp_path, {}, {"methods": "memit", "evaluators": "edits,xtreme"})
    found = {job.cell.method.name: (job.number, job.first) for job in jobs(plans)}
    assert found == {"none": (0, 0), "memit": (1, 0)}


@pytest.mark.parametrize("other", [{"evaluators": "fluency"}, {"evaluators": "edits,xtreme", "eval_limit": 7}])
def test_what_excludes_each_other_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    plans = sketched(tmp_path, {"evaluators": "edits,xtreme"}, other)
    with pytest.raises(BenchError, match=r"p\.g0, p\.g1 have the same cells \(none · llama3-8b · mzsre · seed 0\)"):
        jobs(plans)


def test_the_whole_knows_all_models_and_evaluators(tmp_path: Path) -> None:
    plans = sketched(tmp_path, {}, {"models": "gpt-j-6b", "evaluators": "edits,xtreme"})
    whole = merged(plans)
    assert (whole.spec.models, len(whole.cells)) == (("llama3-8b", "gpt-j-6b"), 4)
    assert [name for name, _ in whole.evaluators] == ["edits", "xtreme"]
    needed = Needs(whole, "cpu")
    # XTREME picks the size of its batches itself, which the prediction once stumbled over
    assert all(needed.memory(cell) for cell in whole.cells)
    assert needed.kept(plans[0].cells) != needed.kept(plans[1].cells)


def test_a_further_grid_may_have_a_model_of_its_own(tmp_path: Path) -> None:
    plans = sketched(tmp_path, {"also": [{"models": ["gpt-j-6b"]}]})
    assert all(Needs(plans[0], "cpu").disk(cell) is not None for cell in plans[0].cells)

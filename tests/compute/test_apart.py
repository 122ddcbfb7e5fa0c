"""Independent edits: each on the unedited model, scored, undone; in any batches the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.cli.display import make_display
from bench.compute import session
from bench.compute.where import Where
from bench.config.settings import resolve
from bench.plan import planning
from bench.store.results import Results, load_results

SMALL: dict[str, Any] = {
    "methods": ["none", "memit"], "languages": ["en", "zh"], "seeds": 1, "edits_per_language": 3, "batch_size": 2,
    "evaluators": ["edits"], "independent": True, "token_budget": 2000, "set": {"method.memit.value_steps": 3},
}  # fmt: skip

pytestmark = pytest.mark.xdist_group("apart")  # its set-up takes long


def run(root: Path, name: str, **settings: Any) -> Results:
    planned = planning.plan(resolve("smoke", None, {**SMALL, "name": name, **settings}), root, cache_dir=root / "cache")
    session.execute(planned, make_display("none"), "cpu", where=Where(workers=1))
    return load_results(root / name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("apart")


@pytest.fixture(scope="module")
def found(root: Path) -> Results:
    return run(root, "pairs")


def rows(results: Results, method: str) -> list[tuple[Any, ...]]:
    cells = results.cells.set_index("cell")["method"]
    scores = results.scores[results.scores["cell"].map(cells) == method]
    columns = ["fact", "edit_lang", "probe_lang", "metric", "protocol", "value", "weight"]
    return sorted(scores[columns].itertuples(index=False, name=None))


def test_every_edit_is_scored_once_in_its_own_step(found: Results) -> None:
    assert set(found.cells["status"]) == {"done"}
    edited = found.scores[found.scores["metric"] == "efficacy"]
    assert edited.groupby("cell").size().tolist() == [6, 6]
    assert sorted(edited["step"].unique()) == [1, 2, 3, 4]


def test_batches_do_not_matter(root: Path, found: Results) -> None:
    alone = run(root, "alone", batch_size=1)
    for method in SMALL["methods"]:
        for one, other in zip(rows(found, method), rows(alone, method), strict=True):
            assert one[:5] == other[:5]
            assert one[5] == pytest.approx(other[5], abs=1e-6)


def test_one_edit_alone_is_a_sequence_of_one(root: Path, found: Results) -> None:
    """The first edit meets the unedited model in either schedule."""
    sequence = run(root, "sequence", independent=False, batch_size=1, steps=1)
    (fact,) = set(sequence.scores.loc[sequence.scores["metric"] == "efficacy", "fact"])
    in_sequence = [row for row in rows(sequence, "memit") if row[0] == fact]
    apart = [row for row in rows(found, "memit") if row[0] == fact]
    assert apart == in_sequence

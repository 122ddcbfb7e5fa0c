"""The same facts edited again and again, from the command line to the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.store.results import load_results
from tests.cli.conftest import bench


@pytest.fixture
def edits(tmp_path: Path) -> Path:
    """Facts in EasyEdit's layout, which tells what was true before."""
    records = [
        {
            "prompt": f"The king of Land{i} is",
            "subject": f"Land{i}",
            "target_new": f"K{i}",
            "ground_truth": f"T{i}",
            "rephrase_prompt": f"Who rules Land{i}? It is",
            "locality": {"rivers": {"prompt": f"The river of See{i} is", "ground_truth": f"R{i}"}},
        }
        for i in range(4)
    ]
    path = tmp_path / "my.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


@pytest.mark.usefixtures("no_pictures")
def test_passes_are_edited_scored_and_reported(tiny, edits: Path, tmp_path: Path) -> None:
    given = {"methods": "none,memit", "datasets": edits, "languages": "en", "passes": 2}
    assert bench(*tiny(**given, steps=3)).code == 0  # a run of its own: it ends within the second pass
    assert bench(*tiny(**given)).code == 0
    found = load_results(tmp_path / "results" / "tiny")
    assert set(found.cells["status"]) == {"done"} and len(found.cells) == 2
    scored = found.scores[found.scores["metric"].isin(("efficacy", "replaced"))]
    assert sorted(scored["step"].unique()) == [2, 4]
    turns = found.costs[found.costs["quantity"] == "turn"].groupby("step")["value"].first().to_dict()
    assert turns == {1: 1.0, 2: 1.0, 3: 2.0, 4: 2.0}
    # after two passes the unedited model is asked for what was true, and for what was to replace it
    assert len(scored[(scored["step"] == 4) & (scored["metric"] == "replaced")]) == 2 * 4
    answer = bench("report", tmp_path / "results" / "tiny", "--out", tmp_path / "out", "--format", "md,csv")
    assert answer.code == 0
    assert "Again and again" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_what_was_true_has_to_be_told(tiny, tmp_path: Path) -> None:
    bench(*tiny(passes=2)).is_one_line("field 'true'", "do not tell what was true before")
    bench(*tiny("--independent", passes=2)).is_one_line("independent edits", "2 passes")
    assert not (tmp_path / "results").exists()

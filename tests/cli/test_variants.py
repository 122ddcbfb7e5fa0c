"""``--methods memit,memit[clamp=...]``: one method, several settings, a row each."""

from __future__ import annotations

import pytest

from bench.store.results import load_results
from tests.cli.conftest import bench


@pytest.mark.usefixtures("no_pictures")
def test_variants_are_rows_of_one_table(tiny, tmp_path) -> None:
    answer = bench(*tiny(methods="none,memit,memit[clamp=0.01]"))
    assert answer.code == 0, answer.err
    found = load_results(tmp_path / "results" / "tiny")
    assert set(found.cells["method"]) == {"none", "memit", "memit[clamp=0.01]"}
    efficacy = found.scores[found.scores["metric"] == "efficacy"].merge(found.cells[["cell", "method"]], on="cell")
    means = efficacy.groupby("method")["value"].mean()
    assert means["memit"] > means["memit[clamp=0.01]"]
    reported = bench("report", tmp_path / "results" / "tiny", "--out", tmp_path / "out", "--format", "md")
    assert reported.code == 0, reported.err
    assert r"MEMIT \[clamp=0.01\]" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("memit[clmp=1]", "clamp"),
        ("mmit[clamp=1]", "memit"),
        ("memit[clamp=x]", "clamp"),
        ("memit[clamp]", "OPTION=VALUE"),
    ],
)
def test_a_wrong_variant_is_one_line(tiny, name: str, told: str) -> None:
    bench(*tiny(methods=name)).is_one_line(told)

"""What must be there once a page's commands have run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.store.results import load_results
from tests.handbook import pages

KINDS = ("efficacy", "generality", "specificity", "crosslingual", "portability", "replaced")


def check_names() -> None:
    """Every metric and protocol of what was run is told about."""
    measured = pages.read("docs/measured.md")
    for folder in Path("results").glob("*/run.json"):
        scores = load_results(folder.parent).scores
        for metric, protocol in set(zip(scores.metric, scores.protocol, strict=True)):
            kind, _, rest = metric.partition("_")
            names = {f"`{metric}`", f"`KIND_{rest}`" if kind in KINDS else "", f"`{metric.partition(':')[0]}:...`"}
            assert metric == "first_token" or any(name and name in measured for name in names), metric
            assert protocol.partition(":")[0].removesuffix("_unedited") in measured, protocol


def a_table_of_three() -> None:
    results = load_results("results/mine")
    assert set(results.cells.status) == {"done"}
    norms = results.costs[results.costs.quantity == "update_norm"].groupby("cell").value.sum()
    edited = results.cells[results.cells.method != "none"].cell
    assert (norms[edited] > 0).all()


def rows_of_the_evaluator() -> None:
    scores = load_results("results/first").scores
    first = scores[scores.metric == "first_token"]
    assert len(first) == len(scores[scores.metric == "generality"]) > 0
    assert set(first.value) <= {0.0, 1.0}


def updates_that_are_half() -> None:
    results = load_results("results/halved")
    assert dict(zip(results.cells.method, results.cells.status, strict=True)) == {"memit": "done", "my-method": "done"}
    method_of = results.cells.set_index("cell").method
    norms = results.costs[(results.costs.quantity == "update_norm") & (results.costs.step == 1)]
    by_method = norms.groupby([norms.cell.map(method_of), "layer"]).value.sum().unstack(0)
    assert (by_method["my-method"] / by_method["memit"]).to_numpy() == pytest.approx(0.5, rel=1e-3)


def answers_of_own_facts() -> None:
    scores = load_results("results/facts").scores
    assert {"efficacy", "generality", "crosslingual"} <= set(scores.metric)
    assert set(scores.edit_lang) == {"en", "de"}
    assert "rhine" in Path("answers.csv").read_text(encoding="utf-8")


def a_model_at_home() -> None:
    assert {"delta.safetensors", "edit.json", "answers.csv", "model", "adapter"} <= {
        each.name for each in Path("mine").iterdir()
    }


GAVE: dict[str, Callable[[], None]] = {
    "docs/your-model.md": a_table_of_three,
    "docs/your-method.md": updates_that_are_half,
    "docs/your-evaluator.md": rows_of_the_evaluator,
    "docs/your-data.md": answers_of_own_facts,
    "docs/take-home.md": a_model_at_home,
}

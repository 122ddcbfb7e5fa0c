"""The parts of the null-space family: put together, they are the methods that are known by name."""

from __future__ import annotations

import pytest

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.store.results import load_results
from tests.cli.conftest import bench


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"history": True, "keys": "none"}, "alphaedit"),
        ({"history": False, "keys": "mean", "prior": OPTIONS["prior"]}, "langedit"),
        ({"history": True, "keys": "released"}, "langedit-released"),
    ],
)
def test_parts_make_the_method(parts: dict[str, object], name: str) -> None:
    registry = methods()
    options = {key: value for key, value in OPTIONS.items() if key in registry.options(name)}
    whole = registry.build(name, options)
    options = {key: value for key, value in OPTIONS.items() if key in registry.options("null-space")}
    built = registry.build("null-space", {**options, **parts})
    assert built.options.layers == whole.options.layers
    sizes = [3, 2, 4]
    ours, theirs = built.rule, whole.rule
    assert (ours.threshold, ours.l2, ours.history) == (theirs.threshold, theirs.l2, theirs.history)
    assert (ours.covariance is None) == (theirs.covariance is None)
    assert ours.covariance is None or ours.covariance(sizes) == theirs.covariance(sizes)


def test_the_dimension_of_the_null_space_is_a_row_of_every_step(tiny, tmp_path) -> None:
    answer = bench(*tiny(methods="memit,alphaedit,null-space[keys=mean,prior=5]"))
    assert answer.code == 0, answer.err
    found = load_results(tmp_path / "results" / "tiny")
    rows = found.costs[found.costs["quantity"] == "nullity"].merge(found.cells[["cell", "method"]], on="cell")
    sizes = {method: each["value"].tolist() for method, each in rows.groupby("method")}
    assert set(sizes) == {"alphaedit", "null-space[keys=mean,prior=5]"}
    assert len(set(sizes["alphaedit"])) == rows[rows["method"] == "alphaedit"]["layer"].nunique()
    assert len(set(sizes["null-space[keys=mean,prior=5]"])) > len(set(sizes["alphaedit"]))

"""Layers as ranges, wherever layers are given."""

from __future__ import annotations

import pytest
import yaml

from bench.config.registry import methods
from bench.config.run import RunSpec
from bench.config.settings import (
    assignments,
    hyperparameters,
    resolve,
)
from bench.ground.errors import BenchError
from bench.plan.planning import method_specs


def layers_of(spec):
    (found,) = method_specs(spec, "llama3-8b", methods())
    return found.options["layers"]


def test_a_range_of_layers_is_one_wherever_layers_are_given(tmp_path):
    flags = {"methods": "memit", "hparams": "llama3-8b", **assignments(["method.memit.layers=4-8"])}
    assert layers_of(resolve(None, None, flags)) == [4, 5, 6, 7, 8]
    flags = {**flags, **assignments(["method.memit.layers=1-2,7"])}
    assert layers_of(resolve(None, None, flags)) == [1, 2, 7]
    own = tmp_path / "own.yaml"
    values = {**hyperparameters("llama3-8b", methods())["memit"], "layers": "3-5"}
    own.write_text(yaml.safe_dump({"memit": values}))
    assert layers_of(RunSpec(methods="memit", hparams=str(own))) == [3, 4, 5]


@pytest.mark.parametrize("written", ["a", "8-4", "1.5", "''"])
def test_layers_that_are_none_are_named(written):
    with pytest.raises(BenchError, match="layers"):
        layers_of(resolve(None, None, {"methods": "memit", **assignments([f"method.memit.layers={written}"])}))

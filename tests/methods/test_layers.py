"""Layers are strictly ascending whole numbers, for every method that takes some."""

from __future__ import annotations

import json

import pytest

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.ground.errors import BenchError

NAMES = [name for name in methods().names() if {"layer", "layers"} & set(methods().options(name))]


def options(name: str, layers: object) -> dict[str, object]:
    fields = methods().options(name)
    several = isinstance(layers, list)
    given = {"layers": layers if several else [layers]} if "layers" in fields else {"layer": layers}
    return {**{key: value for key, value in OPTIONS.items() if key in fields}, **given}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layer", [True, -1, 1.5, 1.0, "x", None])
def test_a_layer_is_a_whole_number(name, layer):
    with pytest.raises(BenchError, match=f"method '{name}': option 'layer"):
        methods().config(name, options(name, layer))


@pytest.mark.parametrize("name", [name for name in NAMES if "layers" in methods().options(name)])
@pytest.mark.parametrize("layers", [[1, 0], [1, 1], [0, 2, 1], [0, True], []])
def test_layers_ascend(name, layers):
    with pytest.raises(BenchError, match=f"method '{name}': option 'layers'"):
        methods().config(name, options(name, layers))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layers", [[0], [0, 2]])
def test_what_is_right_is_taken_and_survives_json(name, layers):
    config = methods().config(name, options(name, layers if "layers" in methods().options(name) else layers[-1]))
    assert methods().config(name, json.loads(config.model_dump_json())) == config

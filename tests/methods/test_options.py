"""Options of methods: what is out of range is refused, what stands at its edge is taken."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.compute.conformance import OPTIONS
from bench.config.registry import methods
from bench.ground.errors import BenchError

REFUSED: list[tuple[str, str, Any]] = [
    *(("memit", *each) for each in [
        ("value_steps", 0), ("value_lr", 0), ("value_decay", -0.1), ("clamp", 0), ("kl_weight", -0.1),
        ("layers", ()), ("moment_weight", 0), ("unknown", 1),
    ]),
    ("prune", "log_base", 1), ("prune-released", "log_base", 1), ("prune", "moment_weight", 0),
    ("rect", "keep", 0), ("rect", "keep", 1.1), ("rect", "moment_weight", 0),
    ("alphaedit", "threshold", 0), ("alphaedit", "l2", 0), ("langedit", "prior", 0), ("none", "layers", (1,)),
    *(("ft", *each) for each in [
        ("steps", 0), ("lr", 0), ("weight_decay", -0.1), ("norm_constraint", 0), ("batch_size", 0),
        ("objective", "answer"), ("unknown", 1),
    ]),
    *((name, *each) for name in ("ultraedit", "stableedit") for each in [("lr", 0), ("l2", 0), ("mini_batch", 0)]),
    ("stableedit", "warm_steps", -1), ("stableedit", "warm_batch", 0), ("ultraedit", "warm_steps", 1),
    *(("locft-bf", *each) for each in [("steps", 0), ("lr", 0), ("batch_size", 0), ("norm_constraint", 1)]),
    *(("lora", *each) for each in [
        ("steps", 0), ("lr", 0), ("batch_size", 0), ("rank", 0), ("alpha", 0), ("dropout", 1), ("dropout", -0.1),
    ]),
]  # fmt: skip

TAKEN: list[tuple[str, str, Any]] = [
    *(("memit", *each) for each in [
        ("value_steps", 1), ("value_lr", 0.01), ("value_decay", 0), ("clamp", 0.5), ("kl_weight", 0),
        ("moment_weight", 0.5),
    ]),
    ("prune", "log_base", 1.2), ("prune", "moment_weight", 0.5), ("rect", "keep", 1), ("rect", "keep", 0.01),
    ("rect", "moment_weight", 0.5), ("alphaedit", "threshold", 0.02), ("alphaedit", "l2", 0.5),
    ("langedit", "prior", 0.5),
    *(("ft", *each) for each in [
        ("steps", 1), ("lr", 5e-4), ("weight_decay", 0), ("norm_constraint", 5e-5), ("norm_constraint", None),
        ("batch_size", 1), ("objective", "target"),
    ]),
    ("stableedit", "warm_steps", 0), ("stableedit", "warm_batch", 1), ("ultraedit", "mini_batch", 1),
    ("ultraedit", "l2", 0.01), ("locft-bf", "batch_size", 1), ("lora", "rank", 1), ("lora", "dropout", 0),
]  # fmt: skip


def build(name: str, **options: Any) -> Any:
    registry = methods()
    known = {key: value for key, value in OPTIONS.items() if key in registry.options(name)}
    return registry.build(name, {**known, **options})


@pytest.mark.parametrize(("name", "option", "value"), REFUSED)
def test_out_of_range(name: str, option: str, value: Any) -> None:
    with pytest.raises(BenchError, match=option):
        build(name, **{option: value})


@pytest.mark.parametrize(("name", "option", "value"), TAKEN)
def test_at_the_edge(name: str, option: str, value: Any) -> None:
    build(name, **{option: value})


def test_the_logarithm_of_prune_is_natural_unless_another_is_named() -> None:
    assert methods().options("prune")["log_base"].default == math.e


@pytest.mark.parametrize("name", ["memit", "ft", "none"])
def test_options_do_not_change_once_they_are_read(name: str) -> None:
    registry = methods()
    config = registry.config(name, {key: value for key, value in OPTIONS.items() if key in registry.options(name)})
    with pytest.raises(ValueError, match="frozen"):
        config.layers = (0,)  # type: ignore[attr-defined]

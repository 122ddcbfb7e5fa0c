"""The search for hyperparameters: equal budgets, edges told and widened."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.config.registry import methods
from bench.polyglot import tune
from bench.polyglot.tune import METRICS, SAME, SPACES, Trial, draw, edges, neighbour, search, widened

SPACE = {"clamp": (0.5, 1.0, 2.0), "l2": (1.0, 10.0, 100.0), "layers": ([0], [1]), "steps": (25,)}


def test_every_setting_of_a_space_is_one_of_the_method() -> None:
    registry = methods()
    assert {*SPACES, *SAME, "none"} >= {name for name in registry.names() if name in tune_paper()}
    for name, space in SPACES.items():
        for seed in range(5):
            registry.config(name, draw(space, random.Random(seed)))


def tune_paper() -> tuple[str, ...]:
    from bench.config.run import PAPER_METHODS

    return PAPER_METHODS


def test_an_edge_is_an_end_beyond_which_there_could_be_more() -> None:
    assert edges(SPACE, {"clamp": 0.5, "l2": 10.0, "layers": [1], "steps": 25}) == ["clamp"]
    assert edges(SPACE, {"clamp": 1.0, "l2": 100.0, "layers": [1], "steps": 25}) == ["l2"]


def test_choices_go_on_beyond_an_edge() -> None:
    wider = widened(SPACE, {"clamp": 0.5, "l2": 100.0, "layers": [1], "steps": 25})
    assert wider["clamp"] == [0.125, 0.25, 0.5, 1.0, 2.0]
    assert wider["l2"] == [1.0, 10.0, 100.0, 1000.0, 10_000.0]
    assert wider["layers"] == [[0], [1]]


def test_neighbours_differ_in_one_choice() -> None:
    options = {"clamp": 1.0, "l2": 10.0, "layers": [0], "steps": 25}
    for seed in range(10):
        found = neighbour(SPACE, options, random.Random(seed))
        assert sum(found[name] != options[name] for name in options) == 1


def test_a_search_tries_as_many_settings_as_it_may_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def evaluate(method: str, options: dict[str, object], folder: Path) -> Trial:
        asked.append(dict(options))
        return Trial(method, options, dict.fromkeys(METRICS, 10.0 * float(options["clamp"])))  # type: ignore[arg-type]

    monkeypatch.setattr(tune, "evaluate", evaluate)
    found = search("memit", SPACE, [], 9, Path())
    assert len(found) == 9 == len({str(each) for each in asked})
    assert found[0].options["clamp"] == 2.0
    assert len(search("memit", SPACE, found, 3, Path())) == 12

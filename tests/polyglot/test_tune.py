"""The search for hyperparameters: equal budgets, edges told and widened."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from bench.config.registry import methods
from bench.config.run import PAPER_METHODS
from bench.config.settings import hyperparameters
from bench.polyglot import tune
from bench.polyglot.spaces import SPACES
from bench.polyglot.trials import (
    METRICS,
    SAME,
    Trial,
    edges,
    read_log,
    write_hyperparameters,
    write_log,
    write_settings,
)
from bench.polyglot.tune import draw, neighbour, search, together, widened

FAMILY = ("memit-seq", "memit-seq-nas", "alphaedit-nas", "rect-seq", "prune-seq", "encore", "sphere")
SPACE = {"clamp": (0.5, 1.0, 2.0), "l2": (1.0, 10.0, 100.0), "layers": ([0], [1]), "steps": (25,)}


def test_every_setting_of_a_space_is_one_of_the_method() -> None:
    registry = methods()
    assert {*SPACES, *SAME, "none"} >= {*PAPER_METHODS, *FAMILY}
    for name, space in SPACES.items():
        for seed in range(5):
            registry.config(name, draw(space, random.Random(seed)))


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


def test_trials_of_a_log_are_not_computed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def evaluate(method: str, options: dict[str, object], folder: Path) -> Trial:
        asked.append(method)
        return Trial(method, options, dict.fromkeys(METRICS, 10.0 * float(options["clamp"])))  # type: ignore[arg-type]

    monkeypatch.setattr(tune, "evaluate", evaluate)
    space = {**SPACE, "norm_constraint": (None, 1e-3), "prefix_lengths": ([],)}
    first = search("memit", space, [], 9, Path())
    write_log(first, tmp_path / "log.csv")
    asked.clear()
    assert search("memit", space, [], 9, Path(), read_log(tmp_path / "log.csv")) == first
    assert not asked
    assert len(search("rome", space, [], 2, Path(), read_log(tmp_path / "log.csv"))) == 2
    assert asked == ["rome"] * 2


def test_a_log_of_a_search_that_is_stopped_keeps_what_it_did_not_come_to() -> None:
    def trial(method: str, clamp: float, score: float) -> Trial:
        return Trial(method, {"clamp": clamp}, dict.fromkeys(METRICS, score))

    known = [trial("rome", 1.0, 30.0), trial("memit", 1.0, 20.0), trial("memit", 2.0, 40.0)]
    found = {"memit": [trial("memit", 1.0, 20.0), trial("memit", 0.5, 10.0)], "rome": []}
    kept = [(each.method, each.options["clamp"]) for each in together(found, known)]
    assert kept == [("memit", 2.0), ("memit", 1.0), ("memit", 0.5), ("rome", 1.0)]


def test_a_search_ends_where_all_settings_were_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tune, "evaluate", lambda method, options, _: Trial(method, options, dict.fromkeys(METRICS, 1.0))
    )
    small = {"clamp": (0.5, 1.0), "steps": (25,)}
    assert len(search("rome", small, [], 9, Path())) == 2


def test_settings_stand_side_by_side_and_edges_are_told(tmp_path: Path) -> None:
    best = Trial("memit", {"clamp": 0.5, "l2": 10.0, "layers": [1], "steps": 25}, dict.fromkeys(METRICS, 10.0))
    nothing = Trial("none", {}, dict.fromkeys(METRICS, 4.0))
    ratios = {"memit": {"clamp": 1.5, "layers": [1]}}
    other = replace(best, options={**best.options, "l2": 1.0})
    found = {"none": [nothing], "memit": [best, other]}
    write_settings(found, {"none": {}, "memit": SPACE}, ratios, tmp_path / "settings.md")
    reached, settings = (tmp_path / "settings.md").read_text().split("\n\n")
    assert reached.splitlines()[2:] == [
        "| none | 4.0 | 4.0 | 4.0 | 4.0 | 4.0 | +0.0 |",
        "| memit | 10.0 | 10.0 | 10.0 | 10.0 | 10.0 | +6.0 |",
    ]
    rows = [line.strip("| ").split(" | ") for line in settings.splitlines()[2:]]
    assert rows == [
        ["memit", "clamp", "0.5", "1.5", "0.5, 1, 2", "yes"],
        ["memit", "l2", "10", "-", "1, 10, 100", "nothing tried beyond"],
        ["memit", "layers", "[1]", "[1]", "[0], [1]"],
    ]


def test_the_best_settings_are_a_hyperparameter_file(tmp_path: Path) -> None:
    registry = methods()
    options = draw(SPACES["prune"], random.Random(1))
    trial = Trial("prune", options, dict.fromkeys(METRICS, 10.0))
    place = tmp_path / "found.yaml"
    place.write_text("ft-inner: {layers: [1], lr: 0.1}\nprune: {log_base: 9}\n", encoding="utf-8")
    write_hyperparameters({"prune": trial}, 12, place)
    found = hyperparameters(str(place), registry)
    # what is not searched stays
    assert found == {
        "none": {}, "prune": options, "prune-released": options, "prune-seq": options,
        "ft-inner": {"layers": [1], "lr": 0.1},
    }  # fmt: skip

"""Every method of the package passes `bench check`, and what breaks a promise does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from bench.api import EditReport, EditRequest, Method, State
from bench.compute import conformance
from bench.compute.bed import Place
from bench.compute.conformance import check_method
from bench.config.registry import Registry, methods
from bench.model import tiny
from bench.model.editable import EditableModel

METHODS = Registry("methods", "bench.methods")


def pairs() -> list[Any]:
    """Every method everywhere: in turn each on one causal model and one classifier now, the rest in `make soak`."""
    return [
        pytest.param(name, place, id=f"{name}-{place.label}", marks=marks(name, place, turn))
        for turn, name in enumerate(METHODS.names())
        for place in conformance.places(METHODS, name)
    ]


def marks(name: str, place: Place, turn: int) -> list[Any]:
    kinds = tiny.CLASSIFIERS if place.claims else tiny.ARCHITECTURES
    found = [] if place.architecture == kinds[turn % len(kinds)] else [pytest.mark.soak]
    if name == "lora":
        found.append(pytest.mark.skipif(find_spec("peft") is None, reason="needs peft"))
    return found


@pytest.mark.parametrize(("name", "place"), pairs())
def test_method_conforms(name: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "places", lambda *_: [place])
    results = check_method(name, METHODS)
    assert len(results) == len(conformance.CHECKS)
    assert not [result for result in results if not result.passed]


def test_a_method_is_checked_on_all_architectures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "CHECKS", (conformance.only_declared_layers_change,))
    titles = [result.name for result in check_method("none", METHODS)]
    claims = [f"{classifier} on claims" for classifier in tiny.CLASSIFIERS]
    assert [title.partition(":")[0] for title in titles] == [*tiny.ARCHITECTURES, *claims]


@dataclass(frozen=True)
class Some:
    """A method that is given only some of the facts of a step."""

    inner: Method
    first: int
    last: int

    def prepare(self, *given: Any) -> State:
        return self.inner.prepare(*given)

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        kept = requests[self.first : self.last]
        return self.inner.apply(model, kept, state) if kept else (state, EditReport())

    def deployed(self, *given: Any) -> Any:
        return self.inner.deployed(*given)


class Wrapped:
    """The registry, with a method put into another."""

    def __init__(self, first: int, last: int, edits_nothing: bool = False) -> None:
        self._place, self._edits_nothing = (first, last), edits_nothing

    def options(self, name: str) -> Any:
        return methods().options(name)

    def module(self, name: str) -> Any:
        return SimpleNamespace(EDITS_NOTHING=True) if self._edits_nothing else methods().module(name)

    def build(self, name: str, options: Any) -> Method:
        return Some(methods().build(name, options), *self._place)


def told(name: str, registry: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the checks of effects say, on one architecture."""
    monkeypatch.setattr(tiny, "ARCHITECTURES", ("llama",))
    checks = (conformance.targets_become_likelier, conformance.every_fact_counts)
    monkeypatch.setattr(conformance, "CHECKS", checks)
    return [result.detail for result in check_method(name, registry) if not result.passed]


def test_a_method_that_changes_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing, fact = told("memit", Wrapped(0, 0), monkeypatch)
    assert "edits change nothing" in nothing
    assert "tiny/0" in fact


@pytest.mark.parametrize(
    ("first", "last", "fact", "place"),
    [(0, 1, "tiny/0", 2), (1, 3, "tiny/0", 1), (0, 2, "tiny/0", 3)],
    ids=["only the first of a step", "all but the first", "all but the last"],
)
def test_a_fact_without_effect_is_told(
    first: int, last: int, fact: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any(
        f"the edit of {fact} " in detail and f"number {place} of its step, has no effect" in detail
        for detail in told("ft", Wrapped(first, last), monkeypatch)
    )


def test_who_says_that_he_edits_nothing_edits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told("none", methods(), monkeypatch) == []
    assert told("ft", Wrapped(0, 0, edits_nothing=True), monkeypatch) == []
    (detail,) = told("ft", Wrapped(0, 3, edits_nothing=True), monkeypatch)
    assert "edits nothing" in detail

"""Locality as distributions: which probes are asked, after what, and what is written down."""

from __future__ import annotations

from collections.abc import Sequence

from bench.api import Change, EditRequest, Fact, Probe
from bench.model.tiny import tiny_model
from evaluators.locality import Config, Locality

FACTS = (
    Fact(
        EditRequest("a", "en", "King of {} is", "A", " Bob"),
        (
            Probe("a", "efficacy", "en", "en", "King of A is", " Bob"),
            Probe("a", "specificity", "en", "en", "River of A is", " Po", asks="r"),
        ),
    ),
    Fact(EditRequest("b", "zh", "{}的首都是", "B", "波市"), (Probe("b", "specificity", "zh", "zh", "河是", "波"),)),
)


class Scripted:
    """Says of every question that it changed as much as is given."""

    def __init__(self, *given: Change | None) -> None:
        self.given, self.asked = given, list[str]()

    def changes(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Change | None]:
        self.asked += prompts
        return list(self.given)


def test_specificity_probes_are_asked_bare_and_after_their_edit() -> None:
    view = Scripted(Change(2, 0.25, 0.5, 0.8), None)
    found = list(Locality(Config()).score(view, FACTS, None))  # type: ignore[arg-type]
    assert view.asked == ["River of A is", "河是", "King of A is Bob. River of A is", "B的首都是波市。河是"]
    values = {(row.fact_id, row.metric, row.protocol): (row.value, row.weight) for row in found}
    assert len(values) == len(found) == 2 * 2 * 3
    assert values["a", "specificity_kl", "teacher_forced"] == (0.25, 2)
    assert values["r", "specificity_kl_asked", "teacher_forced"] == (0.25, 2)
    assert values["a", "specificity_top1", "edit_prepended"] == (0.5, 2)
    assert values["a", "specificity_top5", "edit_prepended"] == (0.8, 2)


def test_what_there_is_not_has_no_row() -> None:
    view = Scripted(Change(1, None, 0, None), None)
    found = list(Locality(Config(hard=False)).score(view, FACTS, None))  # type: ignore[arg-type]
    assert {row.metric for row in found} == {"specificity_top1", "specificity_top1_asked"}
    assert view.asked == ["River of A is", "河是"]
    assert not list(Locality(Config()).score(view, (), None))  # type: ignore[arg-type]


def test_an_untouched_model_has_moved_nothing() -> None:
    found = list(Locality(Config()).score(tiny_model("llama", seed=3), FACTS, None))  # type: ignore[arg-type]
    assert {row.value for row in found if "_kl" in row.metric} == {0.0}
    assert {row.value for row in found if "_kl" not in row.metric} == {1.0}

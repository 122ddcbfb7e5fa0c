"""Facts that are edited again and again: which objects are written when, and what is asked of them."""

from __future__ import annotations

import pytest

from bench.api import Fact
from bench.config.cell import Schedule
from bench.data.common import DataRequest, LoadedData
from bench.data.stream import EditStream, load
from bench.ground.errors import BenchError

LANGUAGES = ("en", "de")


@pytest.fixture(scope="module")
def loaded() -> LoadedData:
    return load("cldr", DataRequest(LANGUAGES, 4))


def schedule(**changed: object) -> Schedule:
    return Schedule.model_validate(
        {"languages": LANGUAGES, "batch_size": 2, "edits_per_language": 4, "passes": 3, **changed}
    )


def stream(loaded: LoadedData, **changed: object) -> EditStream:
    return EditStream.build(schedule(**changed), loaded.facts, 0, loaded.true)


def targets(fact: Fact) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for probe in fact.probes:
        found.setdefault(probe.kind, set()).add(probe.target)
    return found


def test_every_pass_has_the_same_steps_and_is_scored(loaded: LoadedData) -> None:
    plan, steps = schedule(), stream(loaded).steps
    assert (plan.of_a_pass(), plan.length(), plan.edits()) == (4, 12, 24)
    assert (len(steps), len(stream(loaded).edits())) == (12, 24)
    assert [step.turn for step in steps] == [1] * 4 + [2] * 4 + [3] * 4
    assert [step.number for step in steps] == list(range(1, 13))
    ids = [[fact.request.fact_id for fact in step.facts] for step in steps]
    assert ids[:4] == ids[4:8] == ids[8:]
    assert [step for step in range(1, 13) if plan.due(step)] == [4, 8, 12]
    assert [step for step in range(1, 11) if schedule(steps=10).due(step)] == [4, 8, 10]


def test_odd_passes_write_the_new_object_and_even_ones_what_was_true(loaded: LoadedData) -> None:
    given = loaded.facts["en"][0]
    key = "en", given.request.fact_id
    first, second, third = (stream(loaded).steps[at].facts[0] for at in (0, 4, 8))
    assert (first.request, third) == (given.request, first)
    assert second.request.target == loaded.true[key] != given.request.target
    assert second.request.text == given.request.text
    assert {each.lang: each.target for each in second.request.translations} == {"de": loaded.true["de", key[1]]}
    for fact, replaced in ((first, second), (second, first)):
        asked = targets(fact)
        assert asked["efficacy"] == asked["generality"] == {fact.request.target}
        assert asked["replaced"] == {replaced.request.target}
        assert asked["crosslingual"] == {each.target for each in fact.request.translations}
        assert [p for p in fact.probes if p.kind == "specificity"] == [
            p for p in given.probes if p.kind == "specificity"
        ]
    assert "portability" not in targets(second)


def test_a_fact_is_asked_as_it_was_edited_last(loaded: LoadedData) -> None:
    found = stream(loaded)
    seen = found.seen(5)  # the first two facts are restored, the others are not
    assert len(seen) == 8
    assert [fact.request.target == loaded.true["en", fact.request.fact_id] for fact in seen[:2]] == [True, True]
    assert [fact.request.fact_id for fact in seen] == [fact.request.fact_id for fact in found.seen(4)]
    assert seen[2:] == found.seen(4)[2:]


def test_one_pass_is_what_it_was(loaded: LoadedData) -> None:
    found = stream(loaded, passes=1)
    assert found == EditStream.build(schedule(passes=1), loaded.facts, 0)
    assert {fact for step in found.steps for fact in step.facts} == {f for each in loaded.facts.values() for f in each}


def test_what_was_true_has_to_be_told(loaded: LoadedData) -> None:
    with pytest.raises(BenchError, match="field 'true': the data do not tell what was true before"):
        EditStream.build(schedule(), loaded.facts, 0)

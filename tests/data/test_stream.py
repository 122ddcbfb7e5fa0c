from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.api import EditRequest, Fact
from bench.config.cell import Schedule
from bench.data.stream import EditStream
from bench.ground.errors import BenchError

LANGUAGES = ("en", "de", "zh")


def facts(count: int) -> dict[str, list[Fact]]:
    return {
        lang: [Fact(EditRequest(f"f/{n}", lang, "{} is", f"s{n}", " t")) for n in range(count)] for lang in LANGUAGES
    }


def build(count: int = 5, seed: int = 0, **schedule: Any) -> EditStream:
    return EditStream.build(Schedule(languages=LANGUAGES, **schedule), facts(count), seed)


def layout(stream: EditStream) -> list[tuple[str, int]]:
    """(languages, size) of every step."""
    return [("".join(sorted({f.request.lang for f in s.facts})), len(s.facts)) for s in stream.steps]


def test_cycle_goes_round_the_languages() -> None:
    stream = build(batch_size=2, edits_per_language=5)
    assert layout(stream) == [(lang, size) for size in (2, 2, 1) for lang in LANGUAGES]
    assert [step.number for step in stream.steps] == list(range(1, 10))
    assert [fact.request.fact_id for fact in stream.steps[3].facts] == ["f/2", "f/3"]


def test_blocked_finishes_a_language_first() -> None:
    assert layout(build(order="blocked", batch_size=3, edits_per_language=5)) == [
        (lang, size) for lang in LANGUAGES for size in (3, 2)
    ]


def test_shuffled_mixes_languages_and_follows_the_seed() -> None:
    one, two = (build(30, seed=seed, order="shuffled", edits_per_language=30) for seed in (0, 1))
    assert one == build(30, seed=0, order="shuffled", edits_per_language=30)
    assert one != two
    assert any(len(languages) > 2 for languages, _ in layout(one))


def test_cycle_and_blocked_do_not_depend_on_the_seed() -> None:
    for order in ("cycle", "blocked"):
        assert build(seed=0, order=order, edits_per_language=5) == build(seed=9, order=order, edits_per_language=5)


@given(
    order=st.sampled_from(["cycle", "blocked", "shuffled"]),
    batch_size=st.integers(1, 7),
    wanted=st.integers(1, 6),
    seed=st.integers(0, 3),
)
def test_every_fact_wanted_is_edited_once(order: str, batch_size: int, wanted: int, seed: int) -> None:
    stream = build(6, seed, order=order, batch_size=batch_size, edits_per_language=wanted)
    edited = Counter((f.request.lang, f.request.fact_id) for f in stream.seen(len(stream)))
    assert edited == Counter((lang, f"f/{n}") for lang in LANGUAGES for n in range(wanted))


def test_steps_cut_the_stream_and_seen_grows_with_it() -> None:
    stream = build(batch_size=2, edits_per_language=5, steps=4)
    assert len(stream) == 4
    assert stream.seen(0) == ()
    assert stream.seen(2) == stream.steps[0].facts + stream.steps[1].facts
    assert [step.number for step in stream.after(2)] == [3, 4]


def test_fact_given_twice_stays_two_records() -> None:
    doubled = {"en": facts(1)["en"] * 2}
    stream = EditStream.build(Schedule(languages=("en",), edits_per_language=2), doubled, 0)
    assert len(stream.seen(1)) == 2


def test_too_few_facts_says_how_many_there_are() -> None:
    with pytest.raises(BenchError, match="6 facts per language asked for, but there are 5 in 'en', 5 in 'de'"):
        build(edits_per_language=6)


def test_no_facts_at_all() -> None:
    with pytest.raises(BenchError, match="no facts are left"):
        EditStream.build(Schedule(languages=("en",)), {"en": []}, 0)

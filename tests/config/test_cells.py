from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config import cell as cell_module
from bench.config.cell import IDENTITY_VERSION, SCHEMA_VERSION, Cell, DataRef, MethodSpec, ModelRef, Schedule

OPTIONS = {"layers": [4, 5], "clamp": 0.75, "nested": {"b": 1, "a": 2}}


def cell(options=None, **settings) -> Cell:
    fields = {
        "method": MethodSpec(name="memit", options=OPTIONS if options is None else options),
        "model": ModelRef(name="m", fingerprint="f"),
        "data": DataRef(name="d", fingerprint="g"),
        "schedule": Schedule(),
        "corpus_fingerprint": "c",
    }
    return Cell(**{**fields, **settings})


def without_statistics(**settings) -> Cell:
    return cell(method=MethodSpec(name="ft", statistics=False), **settings)


def test_the_id_is_pinned():
    """A finished cell must be found again: whoever changes these numbers raises IDENTITY_VERSION."""
    assert (IDENTITY_VERSION, SCHEMA_VERSION) == (5, 1)
    assert cell().id() == "bfbd620891daa787"
    assert without_statistics().id() == "552db26d388d17e3"
    by_name = cell(model=ModelRef(name="m"), data=DataRef(name="d"), corpus_fingerprint="")
    assert by_name.id() == "60c2a69c853d3bdd"


@given(st.randoms())
def test_the_id_does_not_depend_on_the_order_of_keys(rng: random.Random):
    items = list(OPTIONS.items())
    rng.shuffle(items)
    assert cell(dict(items)).id() == cell().id()


def test_the_id_survives_a_round_trip_through_json():
    assert Cell.model_validate_json(cell().model_dump_json()).id() == cell().id()


def test_the_id_covers_what_determines_the_numbers():
    changed = [
        cell({"layers": [4]}),
        cell(model=ModelRef(name="m", fingerprint="other")),
        cell(model=ModelRef(name="m", fingerprint="f", dtype="bfloat16")),
        cell(data=DataRef(name="d", fingerprint="other")),
        cell(data=DataRef(name="d", fingerprint="g", reader="facts file")),
        *(cell(schedule=Schedule(**{name: value})) for name, value in SCHEDULES.items()),
        cell(method=MethodSpec(name="memit", options=OPTIONS, source="text")),
        cell(method=MethodSpec(name="rome", options=OPTIONS)),
        cell(corpus_fingerprint="other"),
        cell(token_budget=1),
        cell(seed=1),
    ]
    assert set(SCHEDULES) == set(Schedule.model_fields)
    assert len({each.id() for each in [cell(), *changed]}) == len(changed) + 1


SCHEDULES = {
    "languages": ("de", "en", "nl", "es", "fr", "zh"),
    "edited": ("en",),
    "order": "blocked",
    "batch_size": 11,
    "edits_per_language": 31,
    "steps": 3,
    "eval_every": 1,
    "parallel": True,
    "independent": True,
    "passes": 2,
}


def test_fields_that_schedules_had_not_at_first_count_only_where_they_are_used():
    plain, twice = cell().identity()["schedule"], cell(schedule=Schedule(passes=2)).identity()["schedule"]
    assert {"independent", "passes"}.isdisjoint(plain)
    assert twice == {**plain, "passes": 2}


def test_later_seed_words_count_only_where_prefixes_are_sampled_after_them():
    words, more = {"prefix_lengths": [[10, 1]], "prefix_language": "own"}, Schedule(languages=("en", "pt"))
    assert cell(words, schedule=more).identity()["seed_words"] == "own"
    others = [cell(words), cell({}, schedule=more), cell({**words, "prefix_lengths": []}, schedule=more)]
    others.append(cell({**words, "prefix_language": "en"}, schedule=more))
    assert all("seed_words" not in each.identity() for each in others)


@pytest.mark.parametrize("name", ["IDENTITY_VERSION", "SCHEMA_VERSION"])
def test_the_id_covers_the_versions(name, monkeypatch):
    before = cell().id()
    monkeypatch.setattr(cell_module, name, 99)
    assert cell().id() != before


def test_names_and_places_are_not_part_of_the_id():
    moved = cell(
        model=ModelRef(name="/elsewhere/m", fingerprint="f"),
        data=DataRef(name="/elsewhere/d.jsonl", fingerprint="g", reader="d"),
        corpus="/elsewhere/text",
    )
    assert moved.id() == cell().id()


def test_a_name_counts_where_the_content_is_not_known():
    unknown = [cell(model=ModelRef(name=name)) for name in ("m", "f", "")]
    unknown += [cell(data=DataRef(name="d", fingerprint=each)) for each in ("", "d")]
    unknown += [cell(corpus=name, corpus_fingerprint="") for name in ("c", "hf:c")]
    assert len({each.id() for each in [cell(), *unknown]}) == len(unknown) + 1


def test_the_corpus_matters_to_methods_only_that_read_statistics():
    before = without_statistics().id()
    assert without_statistics(corpus="other", corpus_fingerprint="other", token_budget=1).id() == before


def test_draws_of_a_seed_are_shared_by_methods():
    other = cell(method=MethodSpec(name="rome"))
    assert cell().seed_for("order") == other.seed_for("order")
    assert cell().seed_for("order") != cell().seed_for("prefixes")
    assert cell().seed_for("order") != cell(seed=1).seed_for("order")

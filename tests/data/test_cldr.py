from __future__ import annotations

import pytest

from bench.config.cell import LANGUAGES
from bench.data.cldr import facts, items, tasks, text
from bench.data.common import DataRequest
from bench.data.datasets import dataset, fingerprint
from bench.data.stream import load
from bench.ground.errors import BenchError


def test_embedded_facts_in_every_language() -> None:
    facts = load("cldr", DataRequest(LANGUAGES, 3)).facts
    assert {lang: len(each) for lang, each in facts.items()} == dict.fromkeys(LANGUAGES, 3)
    assert all(fact.request.lang == lang for lang, each in facts.items() for fact in each)
    assert dataset("cldr").languages[: len(LANGUAGES)] == LANGUAGES


def test_embedded_facts_need_no_folder_and_say_when_there_are_too_few() -> None:
    assert fingerprint("cldr") == fingerprint("cldr")
    with pytest.raises(BenchError, match="100000"):
        load("cldr", DataRequest(LANGUAGES, 100_000))


@pytest.mark.parametrize("name", ["FACTS_VERSION", "SECOND_HOPS", "PHRASINGS", "probed_items", "target_pool"])
def test_the_facts_are_known_by_what_they_are_made_of(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts.fingerprint()
    changed = {
        "FACTS_VERSION": facts.FACTS_VERSION + 1,
        "SECOND_HOPS": {},
        "PHRASINGS": {**facts.PHRASINGS, "currency": facts.PHRASINGS["partner"]},
        "probed_items": lambda: items.probed_items()[1:],
        "target_pool": lambda relation: items.target_pool(relation)[1:],
    }
    monkeypatch.setattr(facts, name, changed[name])
    assert facts.fingerprint() != before


def test_text_and_items_are_known_by_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    before = text.fingerprint(), tasks.fingerprint("xnli", "en")
    texts, records = text.statistics_text(), tasks.items("xnli", "en")
    monkeypatch.setattr(text, "statistics_text", lambda languages: [*texts[:-1], f"{texts[-1]} "])
    monkeypatch.setattr(tasks, "items", lambda task, lang: records[:-1])
    assert text.fingerprint.__wrapped__() != before[0]
    assert tasks.fingerprint("xnli", "en") != before[1]

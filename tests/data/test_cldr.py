from __future__ import annotations

import pytest

from bench.config.cell import LANGUAGES
from bench.data.common import DataRequest
from bench.data.datasets import dataset, fingerprint
from bench.data.stream import load
from bench.ground.errors import BenchError


def test_embedded_facts_in_every_language() -> None:
    facts = load("cldr", DataRequest(LANGUAGES, 3)).facts
    assert {lang: len(each) for lang, each in facts.items()} == dict.fromkeys(LANGUAGES, 3)
    assert all(fact.request.lang == lang for lang, each in facts.items() for fact in each)
    assert dataset("cldr").languages == LANGUAGES


def test_embedded_facts_need_no_folder_and_say_when_there_are_too_few() -> None:
    assert fingerprint("cldr") == fingerprint("cldr")
    with pytest.raises(BenchError, match="100000"):
        load("cldr", DataRequest(LANGUAGES, 100_000))

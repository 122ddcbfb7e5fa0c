"""What the embedded classifiers learn on: claims with their labels, their objects' places, and which would be true."""

from __future__ import annotations

import pytest

from bench.classifiers.batches import POOL, Claims
from bench.data.claims.items import items
from bench.data.claims.phrasings import CLAIMS
from bench.model.embedded import classifier_dir
from bench.model.loading import load_view

LANGUAGES = ("en", "hi", "zh")


@pytest.fixture(scope="module")
def tokenizer():
    folder = classifier_dir("claims-bert-tiny")
    return load_view(str(folder), "float32", "cpu", folder).tokenizer


@pytest.fixture(scope="module")
def claims(tokenizer) -> Claims:
    return Claims.of(tokenizer, LANGUAGES)


def test_every_fact_is_claimed_and_denied_in_all_phrasings_and_languages(claims: Claims) -> None:
    expected = sum(2 * len(CLAIMS[item.relation][lang]) for item in items() for lang in LANGUAGES)
    assert len(claims.rows) == len(claims.labels) == len(claims.objects) == len(claims.answers) == expected
    assert sum(claims.labels) * 2 == expected


def test_the_object_that_would_be_true_is_one_in_all_languages(claims: Claims) -> None:
    told = iter(claims.answers)
    numbers = {}
    for item in items():
        of_fact = {next(told) for lang in LANGUAGES for _ in CLAIMS[item.relation][lang] for _ in (True, False)}
        assert len(of_fact) == 1
        assert numbers.setdefault((item.relation, item.true["en"]), *of_fact) in of_fact
    assert sorted(numbers.values()) == list(range(len(numbers)))


def test_the_place_is_that_of_the_objects_end(tokenizer, claims: Claims) -> None:
    place = 0
    for item in items()[:40]:
        for lang in LANGUAGES:
            for _ in CLAIMS[item.relation][lang]:
                for named in (item.true[lang], item.false[lang]):
                    row, end = claims.rows[place], claims.objects[place]
                    place += 1
                    said = tokenizer.backend_tokenizer.normalizer.normalize_str(named)
                    until = tokenizer.decode(row[1 : end + 1])
                    assert "".join(until.split()).endswith("".join(said.split()))


def test_batches_hold_what_they_say_whatever_their_padding(claims: Claims) -> None:
    seen: set[tuple[int, ...]] = set()
    for batch in claims.batches(rows=8, count=POOL, seed=3):
        lengths = batch.mask.sum(1)
        assert (batch.ids[batch.mask == 0] == claims.pad).all()
        assert int(lengths.max()) == batch.ids.shape[1]
        seen |= {tuple(row[:n].tolist()) for row, n in zip(batch.ids, lengths, strict=True)}
    assert seen <= {tuple(row) for row in claims.rows}
    first, again = (next(claims.batches(8, 1, seed=3)) for _ in range(2))
    assert first.ids.equal(again.ids) and first.answers.equal(again.answers)

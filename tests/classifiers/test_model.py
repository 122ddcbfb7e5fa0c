"""The embedded classifiers as shipped: small, and sure of what they have read."""

from __future__ import annotations

import pytest

from bench.classifiers.requirements import LEAST, accuracy
from bench.data.claims.items import items
from bench.model.embedded import CLASSIFIERS, classifier_dir
from bench.model.loading import load_view

EVERY = 25
"""Facts are asked by this step; a model's card has all."""


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_they_know_what_is_true_in_every_language(name: str) -> None:
    folder = classifier_dir(name)
    found = accuracy(load_view(str(folder), "float32", "cpu", folder), items()[::EVERY])
    assert min(found.values()) >= LEAST, found


def test_together_they_are_small() -> None:
    files = [path for name in CLASSIFIERS for path in classifier_dir(name).iterdir()]
    assert sum(path.stat().st_size for path in files) <= 6_000_000

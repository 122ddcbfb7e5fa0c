"""Subjects that were found, against spans that a reader marked: record, start and end; no text of the data is kept.

Sample "developed" is what the rules were made with; "fresh" was drawn by another seed after they were made, and is
what lists of data sets show. Japanese is excerpts of the file, for the file was not at hand as a whole. "closest" is
every closest span of MzsRE.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.data.sources import mlake, mzsre, zsre
from bench.data.spans import Span

LABELS: dict[str, dict[str, dict[str, list[list[int]]]]] = json.loads(
    Path(__file__).with_name("labels").joinpath("spans.json").read_text(encoding="utf-8")
)
SAMPLES = [(name, lang, sample) for name, langs in LABELS.items() for lang in langs for sample in langs[lang]]


def file(folder: str, name: str) -> Path:
    data = os.environ.get("BENCH_DATA_DIR")
    if not data:
        pytest.skip("no data: BENCH_DATA_DIR is not set")
    path = Path(data) / folder / name
    if not path.is_file():
        pytest.skip(f"no data: {folder}/{name} is not in the folder that BENCH_DATA_DIR names")
    return path


@cache
def language(lang: str) -> mlake.Language:
    asked, _ = mlake.read(file("mlake", mlake.SINGLE.format(lang)))
    return mlake.Language.of(lang, asked, None if lang == "en" else language("en"))


def found(name: str, lang: str) -> Mapping[int, Span]:
    if name == "mlake":
        return language(lang).spans
    halves, _ = mzsre.read(file(name, mzsre.MZSRE.files[lang]), name)
    return zsre.align_all(lang, halves[lang], halves["en"])[0]


def agreement(name: str, lang: str, sample: str) -> tuple[Counter[str], Counter[str]]:
    """By way: how many of the marked records are kept, and how many of these agree."""
    seen: Counter[str] = Counter()
    right: Counter[str] = Counter()
    spans = found(name, lang)
    for record, start, end in LABELS[name][lang][sample]:
        if span := spans.get(record):
            seen[span.how] += 1
            right[span.how] += (span.start, span.end) == (start, end)
    return seen, right


@pytest.mark.parametrize(("name", "lang", "sample"), SAMPLES)
def test_kept_spans_are_right(name: str, lang: str, sample: str) -> None:
    seen, right = agreement(name, lang, sample)
    assert right.total() >= 0.95 * seen.total()
    assert seen.total() >= 0.8 * len(LABELS[name][lang][sample]), "too few of the marked records are still kept"


@pytest.mark.parametrize(("name", "lang"), [(name, lang) for name, langs in LABELS.items() for lang in langs])
def test_what_is_shown_of_reliability_is_what_was_counted(name: str, lang: str) -> None:
    if lang == "ja":
        pytest.skip("counted on excerpts of the file")
    shown: Any = {"mlake": mlake, "mzsre": mzsre}[name].RELIABILITY[lang]
    seen, right = agreement(name, lang, "fresh" if name == "mlake" else "closest")
    assert {how: (each.right, each.seen) for how, each in shown.items()} == {
        how: (right[how], seen[how]) for how in seen
    }


def test_every_sample_is_large_enough() -> None:
    least = {"en": 20, "de": 20, "fr": 20, "zh": 40, "ja": 40}
    for lang, samples in LABELS["mlake"].items():
        assert set(samples) == {"developed", "fresh"}
        assert min(map(len, samples.values())) >= least[lang]
        shown = sum(each.seen for each in mlake.RELIABILITY[lang].values())
        assert shown == len(samples["fresh"])

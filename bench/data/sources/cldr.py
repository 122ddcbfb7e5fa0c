"""The embedded facts; `bench.data.cldr.facts` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.api import Fact
from bench.data.cldr.phrasings import EVERY
from bench.data.common import DataRequest, Dataset, LoadedData


def load(request: DataRequest) -> LoadedData:
    """Draw facts.

    Raises:
        BenchError: too few facts.
    """
    from bench.data.cldr.facts import load_cldr, true_targets

    facts = load_cldr(request.languages, request.per_language, request.seed, request.parallel)
    edited = {fact.request.fact_id for each in facts.values() for fact in each}
    return LoadedData(facts, true=true_targets(edited, request.languages))


def practice(request: DataRequest) -> dict[str, list[Fact]]:
    """Facts of places that no edit and no probe touches."""
    from bench.data.cldr.facts import practice_facts

    return practice_facts(request.languages)


def fingerprint(data_dir: Path | None) -> str:
    """What facts are made of, and how they are drawn; see `bench.data.cldr.facts`."""
    from bench.data.cldr import facts

    return facts.fingerprint()


def further(languages: Sequence[str]) -> str:
    """What facts in languages beyond the six are worded in."""
    from bench.data.cldr import facts

    return facts.further_fingerprint(languages)


DATASET = Dataset(
    name="cldr",
    languages=EVERY,
    licence="Unicode-3.0",
    citation="Unicode Common Locale Data Repository",
    source="embedded (babel)",
    what="a made-up atlas: what is true of real and invented places, asked in fourteen languages",
    load=load,
    fingerprint=fingerprint,
    practice=practice,
    further=further,
    selection="each fact in one language; --parallel: the same facts, into the same objects, in all",
)

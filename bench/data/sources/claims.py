"""The embedded claims; `bench.data.claims` makes them."""

from __future__ import annotations

from pathlib import Path

from bench.api import Fact
from bench.data.claims.phrasings import LANGUAGES
from bench.data.common import DataRequest, Dataset, LoadedData


def load(request: DataRequest) -> LoadedData:
    """Draw facts."""
    from bench.data.claims.facts import load_claims

    return LoadedData(load_claims(request))


def practice(request: DataRequest) -> dict[str, list[Fact]]:
    """Facts of subjects that no edit and no probe is about."""
    from bench.data.claims.facts import load_claims

    return load_claims(request, practice=True)


def fingerprint(data_dir: Path | None) -> str:
    """What facts are made of, and how they are drawn; see `bench.data.claims.facts`."""
    from bench.data.claims import facts

    return facts.fingerprint()


DATASET = Dataset(
    name="claims",
    languages=LANGUAGES,
    licence="Unicode-3.0",
    citation="Unicode Common Locale Data Repository",
    source="embedded (babel)",
    what="true and false claims about countries and cities, for classifiers",
    load=load,
    fingerprint=fingerprint,
    practice=practice,
)

"""The embedded facts; `bench.polyglot.facts` makes them."""

from __future__ import annotations

from pathlib import Path

from bench.sources.common import DataRequest, Dataset, LoadedData, digest
from bench.spec import LANGUAGES


def load(request: DataRequest) -> LoadedData:
    """Draw facts.

    Raises:
        BenchError: too few facts.
    """
    from bench.polyglot.facts import load_cldr

    return LoadedData(load_cldr(request.languages, request.per_language, request.seed, request.parallel))


def fingerprint(data_dir: Path | None) -> str:
    """CLDR's version and the text of the modules that make facts of it."""
    from babel.core import get_cldr_version

    from bench.polyglot import facts, phrasings

    return digest([Path(facts.__file__), Path(phrasings.__file__)], "cldr", get_cldr_version())


DATASET = Dataset(
    name="cldr",
    languages=LANGUAGES,
    licence="Unicode-3.0",
    citation="Unicode Common Locale Data Repository",
    source="embedded (babel)",
    what="currencies, languages and cities of the world's countries",
    load=load,
    fingerprint=fingerprint,
    selection="each fact in one language; --parallel: the same facts, into the same objects, in all",
)

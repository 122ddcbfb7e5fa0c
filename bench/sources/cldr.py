"""The embedded facts; `bench.polyglot.facts` makes them."""

from __future__ import annotations

from pathlib import Path

from bench.errors import BenchError
from bench.sources.common import DataRequest, Dataset, LoadedData, digest
from bench.spec import LANGUAGES


def load(request: DataRequest) -> LoadedData:
    """Draw facts.

    Raises:
        BenchError: too few facts, or parallel ones are asked for.
    """
    from bench.polyglot.facts import load_cldr

    if request.parallel:
        raise BenchError("cldr edits each fact in one language only; leave --parallel away")
    return LoadedData(load_cldr(request.languages, request.per_language, request.seed))


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
    selection="each fact in one language",
)

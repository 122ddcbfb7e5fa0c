"""MzsRE and Bi-ZsRE: zsRE questions in parallel languages, as their owners distribute them.

Files hold lists of records ``{"en": {...}, "<xx>": {...}}``, each half as in `bench.data.sources.zsre`. MzsRE has one
file ``mzsre/mzsre_test_duplicate_en<xx>.json`` per language, with the same English half in all of them, and calls Dutch
``du`` and Czech ``cz``; Bi-ZsRE has one file, ``bzsre/bizsre_test.json``. Facts are matched across languages by
their place in the files. A record without one of its languages is left out there, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.data.common import Checked, DataRequest, LoadedData, place_of, read_records
from bench.data.common import Dataset as Description
from bench.data.sources import zsre
from bench.data.sources._zsre import FIELDS, Record, Records, read_record
from bench.data.spans import Measured, Reliability
from bench.ground.digests import content_digest, digest
from bench.ground.errors import BenchError

LANGUAGES = ("en", "de", "nl", "es", "fr", "zh", "cs", "pt", "ru", "th", "tr", "vi")
CODES = {"du": "nl", "cz": "cs"}
"""Codes in the files that are not ISO 639-1."""


@dataclass(frozen=True)
class Parallel:
    """Records in English and other languages.

    Attributes:
        folder: below the data folder; also begins the fact ids.
        files: file of every language but English.
        source: where they come from, for the error that asks for them.
    """

    folder: str
    files: Mapping[str, str]
    source: str

    def load(self, request: DataRequest) -> LoadedData:
        """Read, align and draw; see `bench.data.common.draw`."""
        return zsre.choose(self.folder, self._read(request.languages, self._place(request.data_dir)), request)

    def fingerprint(self, data_dir: Path | None) -> str:
        """Hash the files that are there."""
        place = self._place(data_dir)
        there = [path for name in self.files.values() if (path := place / name).is_file()]
        return digest(there, self.folder, zsre.FOUND_BY)

    def _place(self, data_dir: Path | None) -> Path:
        return place_of(self.folder, data_dir, self.files.values(), self.source)

    def _read(self, languages: Sequence[str], place: Path) -> dict[str, Records]:
        """Records by language, English always among them."""
        others = [lang for lang in languages if lang != "en"]
        if not others:
            there = (lang for lang, name in self.files.items() if (place / name).is_file())
            others = [next(there, next(iter(self.files)))]
        records: dict[str, Records] = {}
        for lang in others:
            path = place / self.files[lang]
            halves, problems = read(path, self.folder)
            if problems:
                raise problems[0]
            if lang not in halves:
                raise BenchError(f"holds no language {lang!r}", file=path)
            records[lang] = halves[lang]
            english = halves.get("en", [None] * len(halves[lang]))
            _check_parallel(records.setdefault("en", english), english, path, self.folder)
        return records


def read(path: Path, folder: str) -> tuple[dict[str, list[Record | None]], list[BenchError]]:
    """Records by language, and what is wrong with those that are left out.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    items = read_records(path)
    codes = dict.fromkeys(code for item in items if isinstance(item, dict) for code in item)
    languages = [lang for code in codes if (lang := CODES.get(code, code)) in LANGUAGES]
    halves: dict[str, list[Record | None]] = {lang: [None] * len(items) for lang in languages}
    problems: list[BenchError] = []
    for index, item in enumerate(items):
        record = f"{folder}/{index}"
        if not isinstance(item, dict):
            problems.append(BenchError("not an object with languages", file=path, record=record))
            continue
        for code in item:
            try:
                halves[_language(code, item, path, record)][index] = _half(item, code, path, record)
            except BenchError as error:
                problems.append(error)
    return halves, problems


def check(path: Path, folder: str) -> Checked:
    """What a file holds."""
    halves, problems = read(path, folder)
    english: Records = halves.get("en") or [None] * max(map(len, halves.values()), default=0)
    aligned = {lang: zsre.align_all(lang, records, english) for lang, records in halves.items()}
    shown = {lang: zsre.examples(halves[lang], spans) for lang, (spans, _) in aligned.items()}
    measured = RELIABILITY if folder == MZSRE.folder else {}
    return Checked(folder, tuple(count for _, count in aligned.values()), tuple(problems), shown, measured)


def _language(code: str, item: Mapping[str, Any], path: Path, record: str) -> str:
    """What a code in a file stands for."""
    lang = CODES.get(code, code)
    if lang not in LANGUAGES:
        raise BenchError("unknown language", file=path, record=record, field=code)
    if lang != code and lang in item:
        raise BenchError(f"the language {lang!r} is given twice", file=path, record=record, field=code)
    return lang


def _half(item: Mapping[str, Any], code: str, path: Path, record: str) -> Record | None:
    if item[code] is None:
        return None
    return read_record(item[code], path, record, tuple(FIELDS), code)


def _check_parallel(first: Records, english: Records, path: Path, folder: str) -> None:
    """Refuse files whose records are not in the same order: facts are matched by their place."""
    if len(first) != len(english):
        raise BenchError(f"{len(english)} records where the other languages have {len(first)}", file=path)
    for index, (one, other) in enumerate(zip(first, english, strict=True)):
        if one and other and one.src != other.src:
            raise BenchError(
                "differs from the other languages' files; the records must be parallel",
                file=path,
                record=f"{folder}/{index}",
                field="en.src",
            )


# ---------------------------------------------------------------------------- descriptions
def _files(languages: Iterable[str]) -> dict[str, str]:
    published = {ours: theirs for theirs, ours in CODES.items()}
    return {lang: f"mzsre_test_duplicate_en{published.get(lang, lang)}.json" for lang in languages}


RELIABILITY: Reliability = {
    "de": {"closest": Measured(22, 22)},
    "nl": {"closest": Measured(12, 12)},
    "es": {"closest": Measured(11, 11)},
    "fr": {"closest": Measured(14, 14)},
}
"""All closest spans of the files that are kept; see tests/data/labels/spans.json."""

SHA256 = {
    "de": "8dd490b2f562254c7d1a576652402ee07ba8bb12c0749907560ebd1c04500fe5",
    "nl": "95e8cf7542a436213206a5c8c320562588e2326e00578cd6d245e09582fa2c47",
    "es": "1456f3907bd4455e0e6ad56cad9eae42b4ed5fe7a94dd1328183c98da6f62365",
    "fr": "306a8da78fbc525982a44211b0a3d14eafb302e6600d38e564b280f3d7443590",
    "zh": "fc6b0da1e84abc1bda2017a413d72b9227aea5ef9ddcff41223340f7c06f997a",
}
MZSRE = Parallel("mzsre", _files(LANGUAGES[1:]), "GitHub Vicky-Wil/ReMaKE")
BZSRE = Parallel("bzsre", {"zh": "bizsre_test.json"}, "GitHub krystalan/Bi-ZsRE")

DATASETS = (
    Description(
        name="mzsre",
        languages=LANGUAGES,
        licence="research use",
        citation="Wang et al., Retrieval-augmented Multilingual Knowledge Editing, ACL 2024",
        source="github.com/Vicky-Wil/ReMaKE",
        what="743 zsRE questions with counterfactual answers in parallel languages",
        load=MZSRE.load,
        reliability=RELIABILITY,
        fingerprint=MZSRE.fingerprint,
        selection="the paper's 400 in each of en de nl es fr zh: every fact in 3 or 4 languages, in one while there "
        "are enough; --parallel: the same facts in all",
        files={f"mzsre/{name}": SHA256.get(lang, "") for lang, name in MZSRE.files.items()},
    ),
    Description(
        name="bzsre",
        languages=("en", "zh"),
        licence="research use",
        citation="Wang et al., Cross-Lingual Knowledge Editing in Large Language Models, ACL 2024",
        source="github.com/krystalan/Bi-ZsRE",
        what="1,037 zsRE questions with counterfactual answers in English and Chinese",
        load=BZSRE.load,
        fingerprint=BZSRE.fingerprint,
        selection="the paper's 800 in each of en zh: 563 facts in both, others in one; disjoint while there are "
        "enough; --parallel: the same facts in both",
        files={"bzsre/bizsre_test.json": ""},
    ),
)


def of_file(path: Path, folder: str) -> Description:
    """The facts of a file in this layout, wherever it lies, in the languages that it holds.

    Raises:
        BenchError: the file is not as it should be.
    """
    halves, problems = read(path, folder)
    if problems:
        raise problems[0]
    known = next(each for each in DATASETS if each.name == folder)
    count = max(map(len, halves.values()), default=0)
    records: dict[str, Records] = {"en": [None] * count, **halves}
    return replace(
        known,
        languages=tuple(halves),
        files={},
        load=lambda request: zsre.choose(folder, records, request),
        fingerprint=lambda _: content_digest(path),
    )

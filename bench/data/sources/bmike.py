"""BMIKE-53 (Nie et al., ACL 2025): zsRE, CounterFact and WikiFactDiff in 53 languages, in records much like MzsRE's.

Files ``BMIKE53/{zsRE/zsre_test,CounterFact/counterfact_test,WikiFactDiff/wfd_test}_<xx>.json`` as their owners lay them
out below ``data/``: lists of ``{"en": {...}, "<xx>": {...}}``, each half with ``case_id, subject, src, rephrase, alt,
loc, loc_ans, port, port_ans`` and, but for zsRE, ``old``, the answer before the edit. Facts are matched across
languages by ``case_id``; the file of English pairs it with German. As in MzsRE every target gets one leading space;
``loc`` and ``port`` are questions already and are asked as they stand. Of a record without one of its questions that
question is not asked, and counted; the files of training data are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.common import DataRequest, Dataset, LoadedData, place_of, read_records
from bench.data.sources import _cases
from bench.data.sources._cases import Cases, case_of, of_files, together
from bench.data.sources._zsre import Fields, Record, asked_as_it_stands, read_record
from bench.ground.errors import BenchError
from bench.ground.languages import primary_if_known

FOLDER = "BMIKE53"
SOURCE = "github.com/ercong21/MultiKnow"
LAYOUT = "bmike-53"

_CODES = (
    "en af ar az be bg bn ca ceb cs cy da de el es et eu fa fi fr ga gl he hi hr hu hy id it ja ka ko la lt lv ms nl "
    "pl pt ro ru sk sl sq sr sv ta th tr uk ur vi zh"
)
LANGUAGES = tuple(_CODES.split())

FIELDS: Fields = {
    "subject": (("subject",),),
    "src": (("src",),),
    "rephrase": (("rephrase",),),
    "alt": (("alt",),),
    "loc": (("loc",),),
    "loc_ans": (("loc_ans",),),
    "new_question": (("port",),),
    "new_answer": (("port_ans",),),
}
MAY_BE_EMPTY = ("rephrase", "alt", "loc", "loc_ans", "new_question", "new_answer")


@dataclass(frozen=True)
class Part:
    """One of the three data sets.

    Attributes:
        name: as given on the command line.
        file: of a language, below `FOLDER`.
        what: for lists.
    """

    name: str
    file: str
    what: str

    def load(self, request: DataRequest) -> LoadedData:
        """Read, align and draw."""
        place = _place(request.data_dir)
        others = [lang for lang in request.languages if lang != "en"]
        # English stands in every file
        files = [place / self.file.format(lang) for lang in others] or [self._any(place)]
        return together(files, lambda path: read(path, self.name), request.languages).choose(request)

    def fingerprint(self, data_dir: Path | None) -> str:
        """Hash the files that are there."""
        place = _place(data_dir)
        return of_files(self.name, [place / self.file.format(lang) for lang in LANGUAGES])

    def _any(self, place: Path) -> Path:
        files = [place / self.file.format(lang) for lang in LANGUAGES]
        return next((path for path in files if path.is_file()), files[0])


def read(path: Path, folder: str = LAYOUT) -> Cases:
    """The records of a file by language, and what is wrong with those that are left out.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    found: dict[str, dict[str, Record]] = {}
    problems = []
    for index, item in enumerate(read_records(path)):
        if not isinstance(item, dict):
            problems.append(BenchError("not an object with languages", file=path, record=index))
            continue
        first = ""
        for code, half in item.items():
            try:
                lang, case, record = _half(code, half, path, index)
                if case in found.setdefault(lang, {}):
                    raise BenchError(f"{case} is given twice in {lang!r}", file=path, record=index, field="case_id")
                first = first or case
                if case != first:
                    place = f"{code}.case_id"
                    raise BenchError("differs from the other language's", file=path, record=index, field=place)
                found[lang][case] = record
            except BenchError as error:
                problems.append(error)
    return Cases(folder, found, problems, spaced=True)


def of_file(path: Path) -> Dataset:
    """The facts of a file in this layout, wherever it lies, in the languages that it holds.

    Raises:
        BenchError: the file is not as it should be.
    """
    return _cases.of_file(read(path), path, DATASETS[0])


def is_one(item: Any) -> bool:
    """Whether a record is in this layout: halves by language that tell their cases."""
    return (
        isinstance(item, dict)
        and all(primary_if_known(code) in LANGUAGES for code in item)
        and any(isinstance(half, dict) and "case_id" in half for half in item.values())
    )


def _half(code: str, half: Any, path: Path, index: int) -> tuple[str, str, Record]:
    lang = primary_if_known(code)
    if lang not in LANGUAGES:
        raise BenchError("unknown language", file=path, record=index, field=code)
    record = read_record(half, path, index, place=code, may_be_empty=MAY_BE_EMPTY, fields=FIELDS)
    return lang, case_of(half, path, index), asked_as_it_stands(record)


def _place(data_dir: Path | None) -> Path:
    return place_of(FOLDER, data_dir, [part.file.format("<xx>") for part in PARTS], SOURCE)


PARTS = (
    Part("bmike-zsre", "zsRE/zsre_test_{}.json", "743 zsRE questions with counterfactual answers in 53 languages"),
    Part(
        "bmike-counterfact",
        "CounterFact/counterfact_test_{}.json",
        "1,031 CounterFact edits as questions in 53 languages",
    ),
    Part(
        "bmike-wikifactdiff",
        "WikiFactDiff/wfd_test_{}.json",
        "784 changes of Wikidata as questions in 53 languages",
    ),
)

DATASETS = tuple(
    Dataset(
        name=part.name,
        languages=LANGUAGES,
        licence="MIT",
        citation="Nie et al., BMIKE-53: Investigating Cross-Lingual Knowledge Editing with In-Context Learning, "
        "ACL 2025",
        source=f"{SOURCE}, data/BMIKE53",
        what=part.what,
        load=part.load,
        fingerprint=part.fingerprint,
        files={f"{FOLDER}/{part.file.format(lang)}": "" for lang in LANGUAGES},
    )
    for part in PARTS
)

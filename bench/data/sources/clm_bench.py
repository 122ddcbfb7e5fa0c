"""CLM-Bench (arXiv 2601.17397): facts first written in Chinese, and their English, with counterfactual objects.

``clm-bench/chinese_fields_with_loc.json``: records ``case_id, prompt, target_new, subject, ground_truth,
rephrase_prompt, loc, loc_ans``, statements that the object continues. ``clm-bench/english_fields_with_loc.json`` has
the same cases; there the names of all fields but ``case_id``, ``loc`` and ``loc_ans`` begin with ``english_``. The
owners' third file, ``merged_alternate_fields_no_english.json``, has both under the Chinese names; it is read as a file,
and a record is Chinese where its prompt is written so. ``loc`` is zsRE's and is asked as it stands.

The repository has no licence, so nothing is downloaded here: `bench data fetch` says what to place where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.data.common import DataRequest, Dataset, LoadedData, place_of, read_records
from bench.data.sources import _cases
from bench.data.sources._cases import Cases, case_of, of_files, together
from bench.data.sources._zsre import Fields, Record, asked_as_it_stands, read_record, true_of
from bench.ground.errors import BenchError

FOLDER = "clm-bench"
SOURCE = "github.com/kekeaii/CLM_bench"
FILES = {"en": "english_fields_with_loc.json", "zh": "chinese_fields_with_loc.json"}

ENGLISH = "english_"
QUESTION = ("loc", "loc_ans")
MAY_BE_EMPTY = ("rephrase", "alt", *QUESTION)

_HAN, _LATIN = re.compile("[一-鿿]"), re.compile("[A-Za-z]")


def load(request: DataRequest) -> LoadedData:
    """Read, align and draw."""
    place = _place(request.data_dir)
    files = {place / FILES[lang]: lang for lang in request.languages}
    return together(list(files), lambda path: read(path, files[path]), request.languages).choose(request)


def read(path: Path, lang: str = "") -> Cases:
    """The records of a file by language, and what is wrong with those that are left out.

    Args:
        path: the file.
        lang: of all its records; "" where they tell.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    found: dict[str, dict[str, Record]] = {}
    problems = []
    for index, item in enumerate(read_records(path)):
        try:
            if not isinstance(item, dict):
                raise BenchError("not an object with fields", file=path, record=index)
            case, (told, record) = case_of(item, path, index), _record(item, path, index)
            if case in found.setdefault(lang or told, {}):
                raise BenchError(f"{case} is given twice in {lang or told!r}", file=path, record=index, field="case_id")
            found[lang or told][case] = record
        except BenchError as error:
            problems.append(error)
    return Cases(FOLDER, found, problems)


def of_file(path: Path) -> Dataset:
    """The facts of a file in this layout, wherever it lies.

    Raises:
        BenchError: the file is not as it should be.
    """
    return _cases.of_file(read(path), path, DATASET)


def is_one(item: Mapping[str, Any]) -> bool:
    """Whether a record is in this layout; EasyEdit's beside it has no cases and other names for its question."""
    return f"{ENGLISH}prompt" in item or {"case_id", "prompt", "target_new", "loc"} <= item.keys()


def fingerprint(data_dir: Path | None) -> str:
    """Hash the files that are there."""
    return of_files(FOLDER, [_place(data_dir) / name for name in FILES.values()])


def _record(item: Mapping[str, Any], path: Path, index: int) -> tuple[str, Record]:
    begins = ENGLISH if f"{ENGLISH}prompt" in item else ""
    known = {name.removeprefix(begins): value for name, value in item.items()}
    record = read_record(item, path, index, may_be_empty=MAY_BE_EMPTY, fields=_fields(begins))
    lang = "en" if begins or not _is_chinese(record.src) else "zh"
    return lang, replace(asked_as_it_stands(record), true=true_of(known))


def _fields(begins: str) -> Fields:
    names = {"subject": "subject", "src": "prompt", "alt": "target_new", "rephrase": "rephrase_prompt"}
    named = {ours: ((f"{begins}{theirs}",),) for ours, theirs in names.items()}
    return {**named, **{name: ((name,),) for name in QUESTION}}


def _is_chinese(prompt: str) -> bool:
    return len(_HAN.findall(prompt)) > len(_LATIN.findall(prompt)) / 2


def _place(data_dir: Path | None) -> Path:
    return place_of(FOLDER, data_dir, FILES.values(), SOURCE)


DATASET = Dataset(
    name=FOLDER,
    languages=("en", "zh"),
    licence="none given",
    citation="CLM-Bench: a cross-lingual misalignment benchmark for knowledge editing, arXiv 2601.17397",
    source=SOURCE,
    what="1,010 facts first written in Chinese, with counterfactual objects, and their English",
    load=load,
    fingerprint=fingerprint,
    revision="c981f5a486e31c18c2e6c3c22002e5050e29e327",
    files={f"{FOLDER}/{name}": "" for name in FILES.values()},
)

"""EasyEdit's JSON, in which people keep their own edits, and KnowEdit's files (zjunlp/EasyEdit, examples/KnowEdit.md).

A list of ``{"prompt", "target_new", "subject", "ground_truth", "rephrase_prompt", "locality": {...}, "portability":
{...}}``. The first three are needed; WikiBio calls them ``text``, ``labels`` and ``concept``. Below ``locality`` and
``portability`` stand questions under any names, as KnowEdit's files have them, ``[{"prompt", "ground_truth"}, ...]``,
or as EasyEdit's functions take them, ``{"prompt": ..., "ground_truth": ...}``; either may be a list, of several
questions or of several right answers, of which the first counts. ``locality_prompt`` and ``portability_prompt`` with
their ``..._ground_truth`` are one question each. ``rephrase_prompt`` may be a list of prompts. ``ground_truth`` is what
was true before, as far as it is told.

The language is English, unless the file's name ends in a code of two letters: ``my.zh.json``, ``edits_de.json``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.api import ProbeKind
from bench.data.common import Dataset, read_records, text_at
from bench.data.sources._cases import Cases
from bench.data.sources._cases import of_file as from_cases
from bench.data.sources._zsre import Fields, Record, asked_as_it_stands, read_record
from bench.data.sources.knowedit import is_empty
from bench.ground.errors import BenchError
from bench.ground.languages import primary

LAYOUT = "easyedit"

FIELDS: Fields = {
    "subject": (("subject",), ("concept",)),
    "src": (("prompt",), ("text",)),
    "alt": (("target_new",), ("labels",)),
    "loc": (("locality_prompt",), ("loc",)),
    "loc_ans": (("locality_ground_truth",), ("loc_ans",)),
    "new_question": (("portability", "New Question"), ("portability_prompt",)),
    "new_answer": (("portability", "New Answer"), ("portability_ground_truth",)),
}
REPHRASE = "rephrase_prompt"
MAY_BE_EMPTY = ("alt", "loc", "loc_ans", "new_question", "new_answer")

_CODE = re.compile(r"[._-]([a-z]{2})$", re.IGNORECASE)


def read(path: Path) -> Cases:
    """The records of a file, by their places, and what is wrong with the others.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    found: dict[str, Record] = {}
    problems = []
    for index, item in enumerate(read_records(path)):
        try:
            found[str(index)] = _record(item, path, f"{LAYOUT}/{index}")
        except BenchError as error:
            problems.append(error)
    return Cases(LAYOUT, {language_of(path): found}, problems)


def of_file(path: Path) -> Dataset:
    """The facts of a file in this layout.

    Raises:
        BenchError: the file is not as it should be.
    """
    return from_cases(read(path), path)


def is_one(item: Mapping[str, Any]) -> bool:
    """Whether a record is in this layout."""
    return {"prompt", "target_new"} <= item.keys() or {"text", "labels", "concept"} <= item.keys()


def language_of(path: Path) -> str:
    """What the name of a file tells."""
    match = _CODE.search(path.stem)
    try:
        return primary(match[1]) if match else "en"
    except BenchError:
        return "en"


def _record(item: Any, path: Path, record: str) -> Record:
    found = asked_as_it_stands(read_record(item, path, record, may_be_empty=MAY_BE_EMPTY, fields=FIELDS))
    first, *others = _rephrases(item, path, record) or [""]
    more: list[tuple[ProbeKind, str, str]] = [("generality", each, found.alt) for each in others]
    return replace(found, rephrase=first, more=(*more, *found.more))


def _rephrases(item: Mapping[str, Any], path: Path, record: str) -> list[str]:
    given = item.get(REPHRASE)
    several = given if isinstance(given, list) else [given]
    return [text_at({REPHRASE: each}, (REPHRASE,), path, record) for each in several if not is_empty(each)]

"""Tell the layout of a file, and say what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.data.common import Checked, Dataset, read_records
from bench.data.sources import (
    babeledits,
    bmike,
    claims_file,
    clm_bench,
    counterfact,
    easyedit,
    facts_file,
    mlake,
    multi_counterfact,
    mzsre,
    xfever,
    zsre,
)
from bench.data.sources._own import numbered, parsed
from bench.ground.errors import BenchError
from bench.ground.parsing import parse_json, read_text

LANGUAGE_CODES = frozenset(mzsre.LANGUAGES) | frozenset(mzsre.CODES)

Item = Mapping[str, Any]

OF_FACTS = frozenset({"fact_id", "lang", "target"})
OF_CLAIMS = frozenset({"claim", "label", "rephrases"})
OF_XFEVER = frozenset({"alternatives", "filtered_rephrases"})
"""Fields that tell a layout, each alone."""


def check(path: Path) -> Checked:
    """Read a file in whichever layout it is.

    Raises:
        BenchError: it cannot be read as a whole, or its layout is not known.
    """
    return CHECKS[layout_of(path)](path)


CHECKS: Mapping[str, Callable[[Path], Checked]] = {
    facts_file.LAYOUT: facts_file.check,
    claims_file.LAYOUT: claims_file.check,
    xfever.DATASET.name: xfever.check,
    mzsre.MZSRE.folder: lambda path: mzsre.check(path, mzsre.MZSRE.folder),
    mzsre.BZSRE.folder: lambda path: mzsre.check(path, mzsre.BZSRE.folder),
    counterfact.FOLDER: counterfact.check,
    mlake.DATASET.name: mlake.check,
    zsre.FOLDER: zsre.check,
    easyedit.LAYOUT: lambda path: easyedit.read(path).check(),
    bmike.LAYOUT: lambda path: bmike.read(path).check(),
    clm_bench.FOLDER: lambda path: clm_bench.read(path).check(),
    multi_counterfact.FOLDER: lambda path: multi_counterfact.read(path).check(),
    babeledits.LAYOUT: lambda path: babeledits.read(path).check(),
}
"""By layout, see `layout_of`."""


def layout_of(path: Path) -> str:
    """Whose layout a file has: that of a data set, by name, or that of a user's own facts or claims.

    Raises:
        BenchError: it cannot be read as a whole, or its layout is not known.
    """
    if path.suffix not in facts_file.SUFFIXES:
        raise BenchError(f"not a file of facts; they end in {' or '.join(facts_file.SUFFIXES)}", file=path)
    if path.suffix == ".jsonl":
        return _of_lines(path)
    if (text := read_text(path)).lstrip().startswith("{") and babeledits.is_one(parse_json(text, path)):
        return babeledits.LAYOUT
    first = next((item for item in read_records(path) if isinstance(item, dict)), {})
    if not first:
        raise BenchError("its records have no fields", file=path)
    found = next((layout for layout, tells in TELLING.items() if tells(first, path)), "")
    if not found:
        raise BenchError(f"of no known layout; its first record has the fields {', '.join(sorted(first))}", file=path)
    return found


def _is_parallel(item: Item, path: Path) -> bool:
    return item.keys() <= LANGUAGE_CODES


TELLING: Mapping[str, Callable[[Item, Path], bool]] = {
    bmike.LAYOUT: lambda item, path: bmike.is_one(item),
    mzsre.BZSRE.folder: lambda item, path: _is_parallel(item, path) and "bizsre" in path.name,
    mzsre.MZSRE.folder: _is_parallel,
    multi_counterfact.FOLDER: lambda item, path: multi_counterfact.is_one(item),
    counterfact.FOLDER: lambda item, path: "requested_rewrite" in item,
    mlake.DATASET.name: lambda item, path: "question" in item and bool(item.keys() & {"e_prompt", "o_answer"}),
    facts_file.LAYOUT: lambda item, path: bool(item.keys() & OF_FACTS),
    claims_file.LAYOUT: lambda item, path: bool(item.keys() & OF_CLAIMS),
    clm_bench.FOLDER: lambda item, path: clm_bench.is_one(item),
    easyedit.LAYOUT: lambda item, path: easyedit.is_one(item),
    zsre.FOLDER: lambda item, path: (
        bool(item.keys() & {"src", "prompt"}) and bool(item.keys() & {"subject", "alt", "target_new"})
    ),
}
"""By layout, whether a record is in it; the first that says so."""


def _of_lines(path: Path) -> str:
    """The layout of a file of lines by the first that tells; own facts where none does, for their reader says why."""
    for number, line in numbered(path):
        try:
            item = parsed(line, path, number)
        except BenchError:
            continue
        fields = set(item) if isinstance(item, dict) else set()
        layouts = (facts_file.LAYOUT, OF_FACTS), (xfever.DATASET.name, OF_XFEVER), (claims_file.LAYOUT, OF_CLAIMS)
        found = next((layout for layout, telling in layouts if fields & telling), "")
        if found:
            return found
    return facts_file.LAYOUT


def checksum(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def against_description(path: Path, known: Iterable[Dataset]) -> str:
    """In words, whether a file is the one whose checksum the data set's description holds; "" if it holds none."""
    for each in known:
        for place, published in each.files.items():
            if published and path.resolve().as_posix().endswith(f"/{place}"):
                same = checksum(path) == published
                return "checksum as described" if same else "checksum differs from the one described"
    return ""

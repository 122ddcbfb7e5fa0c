"""What the readers of files of lines share: records by their numbers, and the slot of a subject in a text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.api import SUBJECT_SLOT
from bench.data.common import read_records
from bench.ground.errors import BenchError
from bench.ground.parsing import parse_json, read_text


def numbered(path: Path) -> Iterator[tuple[int, Any]]:
    """Records with their numbers from 1; of a ``.jsonl`` file, lines that are not parsed yet.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    if path.suffix == ".json":
        yield from enumerate(read_records(path), start=1)
        return
    text = read_text(path, lines=True)
    if _is_whole(text):
        raise BenchError("holds one JSON list, and a .jsonl file an object in every line; name it .json", file=path)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    yield from ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def parsed(item: Any, path: Path, number: int) -> Any:
    """A record of `numbered` as what it holds.

    Raises:
        BenchError: the line is not JSON.
    """
    return parse_json(item, path, number) if path.suffix == ".jsonl" else item


def template(text: str, subject: str, field: str) -> str:
    """The text with its one slot, made where the subject stands if there is none yet.

    Raises:
        BenchError: there is no one place for it; the file and the record are not told.
    """
    slots = text.count(SUBJECT_SLOT)
    if slots > 1:
        raise BenchError(f"{slots} subject slots '{{}}', it needs one", field=field)
    if slots == 1:
        return text
    found = text.count(subject)
    if found != 1:
        what = field.split(".")[0]
        problem = f"is not in the {what}" if not found else f"stands {found} times in the {what}"
        raise BenchError(f"the subject {subject!r} {problem}; mark its place with '{{}}'", field=field)
    return text.replace(subject, SUBJECT_SLOT)


def _is_whole(text: str) -> bool:
    """Whether a text is one list over all of its lines."""
    if not text.lstrip().startswith("["):
        return False
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text.lstrip().splitlines()[0].strip() == "[" and "\n" in text.strip()
    return isinstance(found, list) and any(isinstance(item, dict) for item in found)

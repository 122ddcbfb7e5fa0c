"""Verdicts from outside: what a judge is asked about a run's answers, and what it said.

Requests are known by a hash of all that a judge sees, so that an answer which several cells gave is judged once, and no
verdict is ever taken for that of another answer::

    {"id": ..., "question": ..., "gold": ..., "aliases": [...], "answer": ..., "language": ...}

Verdicts come as JSON lines, of one judge or several; `verdict` is true, false, "correct" or "incorrect"::

    {"id": ..., "verdict": ..., "judge": "some-model", "prompt_hash": "1f3a90cc", "date": "2026-11-28"}

Anything else that a judge said, or null, is a verdict that is missing, and never a wrong answer. They are kept in
``results/<run>/judges/<judge>.jsonl`` and become scores under the protocol ``judge:<judge>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from bench.ground.atomic import replacing
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from bench.ground.parsing import parse_json, read_text
from bench.store.claims import writing
from bench.store.results import Results, last_answers
from bench.store.shards import JUDGE_TABLE, JUDGED, ResultStore

FREE = "generation"
"""How protocols begin whose answers are free text, which a judge can read."""

FOLDER = "judges"

WORDS = {"correct": True, "incorrect": False}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HASH = re.compile(r"[0-9a-fA-F]{8,128}")
_FIELDS = ("id", "verdict", "judge", "prompt_hash", "date")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of one request.

    Attributes:
        id: of the request.
        verdict: whether the answer is right; None where that is missing.
        judge: its name.
        prompt_hash: of the prompt it was given.
        date: when.
    """

    id: str
    verdict: bool | None
    judge: str
    prompt_hash: str
    date: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of the verdicts of one judge, with those of earlier imports.

    Attributes:
        given: requests with a verdict.
        missing: requests whose verdict could not be read.
        unasked: requests of the run that it was not asked.
    """

    judge: str
    given: int
    missing: int
    unasked: int


def answers_of(root: Path, results: Results) -> pd.DataFrame:
    """Free answers of all finished cells when each fact was asked last, with the ids of their requests.

    Raises:
        BenchError: there are none.
    """
    rows = last_answers(root, results)
    rows = rows[rows["protocol"].str.startswith(FREE)]
    if rows.empty:
        raise BenchError("the run holds no free answers; score it with --evaluators edits,generation", file=root)
    return rows.assign(id=[_id(request_of(row)) for row in rows.to_dict("records")])


def request_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What a judge is shown of an answer."""
    return {
        "question": row["prompt"],
        "gold": row["target"].strip(),
        "aliases": [str(alias) for alias in row["aliases"]],
        "answer": row["answer"].strip(),
        "language": row["probe_lang"],
    }


def _id(request: Mapping[str, Any]) -> str:
    return text_digest(json.dumps(request, ensure_ascii=False, sort_keys=True))


def requests(answers: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Every request once, in the order in which the answers come."""
    for row in answers.drop_duplicates("id").to_dict("records"):
        yield {"id": row["id"], **request_of(row)}


def write_requests(answers: pd.DataFrame, path: Path) -> int:
    """Write every request as a line of JSON; how many there are.

    Raises:
        StorageError: the file cannot be written.
    """
    lines = [json.dumps(request, ensure_ascii=False) for request in requests(answers)]
    _write(path, lines)
    return len(lines)


def import_verdicts(root: Path, answers: pd.DataFrame, path: Path) -> list[Imported]:
    """Take in a file of verdicts, with those of earlier imports, as scores.

    Args:
        root: the run's folder.
        answers: as `answers_of` gives them.
        path: the file.

    Raises:
        BenchError: a line is not a verdict, of no answer of the run, a second one of its answer, or of a judge that
            had another prompt.
        StorageError: the run's folder cannot be written.
    """
    asked = set(answers["id"])
    with writing(root):
        known = verdicts(root)
        named = set()
        for number, verdict in _read(path):
            if verdict.id not in asked:
                raise BenchError("of no answer in this run", file=path, record=number, field="id")
            own = known.setdefault(verdict.judge, {})
            _add(own, verdict, path, number)
            named.add(verdict.judge)
        if not named:
            raise BenchError("holds no verdicts", file=path)
        for judge in sorted(named):
            lines = [json.dumps(asdict(each), ensure_ascii=False) for each in known[judge].values()]
            _write(_file(root, judge), lines)
            _score(root, answers, judge, known[judge])
    return [_counted(judge, known[judge], asked) for judge in sorted(named)]


def _add(own: dict[str, Verdict], verdict: Verdict, path: Path, number: int) -> None:
    """Put a verdict among those of its judge."""
    first = next(iter(own.values()), verdict)
    if first.prompt_hash != verdict.prompt_hash:
        raise BenchError(
            f"{verdict.judge} judged other answers with the prompt {first.prompt_hash}; give the judge another name",
            file=path,
            record=number,
            field="prompt_hash",
        )
    before = own.get(verdict.id)
    if before is None or before.verdict is None:
        own[verdict.id] = verdict
    elif verdict.verdict not in (None, before.verdict):
        raise BenchError(f"{verdict.judge} has another verdict on this answer", file=path, record=number, field="id")


def _counted(judge: str, own: Mapping[str, Verdict], asked: set[str]) -> Imported:
    mine = [verdict for verdict in own.values() if verdict.id in asked]
    missing = sum(verdict.verdict is None for verdict in mine)
    return Imported(judge, len(mine) - missing, missing, len(asked) - len(mine))


def verdicts(root: Path) -> dict[str, dict[str, Verdict]]:
    """All verdicts of a run by judge and id.

    Raises:
        BenchError: a file of them was altered.
    """
    found: dict[str, dict[str, Verdict]] = {}
    for path in sorted((root / FOLDER).glob("*.jsonl")):
        for _, verdict in _read(path):
            found.setdefault(verdict.judge, {})[verdict.id] = verdict
    return found


def _score(root: Path, answers: pd.DataFrame, judge: str, own: Mapping[str, Verdict]) -> None:
    """Write the scores of one judge; an answer whose verdict is missing has none."""
    store = ResultStore(root)
    for _, rows in answers.groupby(["cell", "step"]):
        cell, step = str(rows["cell"].iloc[0]), int(rows["step"].iloc[0])
        scores = [
            {
                "metric": f"{row['kind']}_judged",
                "protocol": f"{JUDGED}{judge}",
                "fact": row["fact"],
                "edit_lang": row["edit_lang"],
                "probe_lang": row["probe_lang"],
                "value": float(verdict.verdict),
                "weight": 1.0,
            }
            for row in rows.to_dict("records")
            if (verdict := own.get(row["id"])) and verdict.verdict is not None
        ]
        store.record(cell, step, JUDGE_TABLE, scores, part=judge)


def _file(root: Path, judge: str) -> Path:
    return root / FOLDER / f"{judge}.jsonl"


def _write(path: Path, lines: list[str]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


# ---------------------------------------------------------------------------- verdicts
def _read(path: Path) -> Iterator[tuple[int, Verdict]]:
    """Verdicts with the numbers of their lines."""
    for number, line in enumerate(read_text(path, lines=True).split("\n"), start=1):
        if line.strip():
            yield number, _verdict(parse_json(line, path, number), path, number)


def _verdict(item: Any, path: Path, number: int) -> Verdict:
    if not isinstance(item, dict):
        raise BenchError("not an object with fields", file=path, record=number)
    for name in _FIELDS:
        if name not in item:
            raise BenchError("missing", file=path, record=number, field=name)
        if name != "verdict" and not isinstance(item[name], str):
            raise BenchError("not a text", file=path, record=number, field=name)
    found = Verdict(item["id"], _said(item["verdict"]), item["judge"], item["prompt_hash"].lower(), item["date"])
    for name, problem in (
        ("judge", "" if _NAME.fullmatch(found.judge) else "a name has letters, digits, '.', '_' and '-' only"),
        ("prompt_hash", "" if _HASH.fullmatch(found.prompt_hash) else "not a hash: 8 to 128 hex digits"),
        ("date", "" if _is_date(found.date) else "not a date such as 2026-11-28"),
    ):
        if problem:
            raise BenchError(problem, file=path, record=number, field=name)
    return found


def _said(verdict: Any) -> bool | None:
    """What a verdict says; None where that cannot be told."""
    if isinstance(verdict, bool):
        return verdict
    return WORDS.get(verdict.strip().casefold().rstrip(".")) if isinstance(verdict, str) else None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True

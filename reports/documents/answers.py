"""The page "Answers": what every method said to every question, side by side; it needs no other file and no network.

The page's script shows texts only as texts, and filters them. Questions go into it until it is as large as may be.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd

from bench.ground.atomic import write_text
from bench.store.looking import PROBE, percent, placed_answers
from bench.store.results import group_name, load_results
from reports.documents.html import ANSWERS, FACE, FONT
from reports.numbers.names import run_names
from reports.parts.contents import display_name
from reports.parts.fonts import chinese_letters, visible

Row = Mapping[Any, Any]

DATA = "/* data */"
"""Where the page has its answers."""

MOST = 10_000_000
"""Bytes of the page."""

FONT_BYTES = 1_500_000
"""Of which are left for letters."""

QUESTION = ["seed", "run", "model", "data", "order", "edited", *PROBE]
"""What the methods' answers to one question have in common."""


def write_answers(folders: Sequence[Path], out: Path, facts: Collection[str] | None = None) -> Path | None:
    """Write the page of some runs; None, and none is there, where they have kept no answers.

    Args:
        folders: of the runs.
        out: where the page is to lie.
        facts: ids of those that are shown; all if None.

    Raises:
        BenchError: a run cannot be read, or the folder not be written.
    """
    path = out / ANSWERS
    page = answers_page(folders, facts=facts)
    if page is None:
        path.unlink(missing_ok=True)
        return None
    write_text(path, page)
    return path


def answers_page(folders: Sequence[Path], most: int = MOST, facts: Collection[str] | None = None) -> str | None:
    """The page of some runs; None where they have kept no answers."""
    found = [_answers(folder, name) for folder, name in zip(folders, run_names(folders), strict=True)]
    chosen = [rows if facts is None or rows.empty else rows[rows["fact"].isin(facts)] for rows in found]
    held = [rows for rows in chosen if len(rows)]
    return to_answers_html(pd.concat(held, ignore_index=True), most) if held else None


def to_answers_html(rows: pd.DataFrame, most: int = MOST) -> str:
    """The page of some answers.

    Args:
        rows: as `bench.store.looking.placed_answers` gives them, with the column `run`.
        most: bytes of the page.
    """
    template = files("reports").joinpath("documents/templates/answers.html").read_text(encoding="utf-8")
    data = embedded(_data(rows, most - len(template.encode()) - FONT_BYTES))
    letters = base64.b64encode(chinese_letters(data)).decode()
    # a page without letters of its own is shown with the reader's
    face = FACE.format(letters) if 0 < len(letters) < FONT_BYTES else ""
    return template.replace(FONT, face, 1).replace(DATA, data, 1)


def _answers(folder: Path, name: str) -> pd.DataFrame:
    if not any(folder.glob("*/cell.json")):  # a trace
        return pd.DataFrame()
    return placed_answers(folder, load_results(folder)).assign(run=name)


def _data(rows: pd.DataFrame, most: int) -> dict[str, Any]:
    """Questions with all their answers; texts stand once, questions and answers have their numbers."""
    texts: dict[str, int] = {}
    questions: list[list[Any]] = []
    size, left = 0, 0
    # of a page that would be too large the last seeds are missing
    in_order = rows.sort_values([*QUESTION, "method"], kind="stable")
    # pandas goes through columns of strings one by one, which takes twice as long
    ordered = in_order.astype(object).to_dict("records")
    for _, group in groupby(ordered, itemgetter(*QUESTION)):
        asked = list(group)
        new = dict.fromkeys(each for each in _texts(asked) if each not in texts)
        cost = sum(len(embedded(each).encode()) + 1 for each in new) + 9 * 10 + 30 * len(asked)
        if left or size + cost > most:
            left += 1
            continue
        size += cost
        texts.update({text: len(texts) + i for i, text in enumerate(new)})
        questions.append(_question(asked, texts))
    cut = f" {left} more questions have no room on this page; bench show prints them." if left else ""
    what = (
        "What models said after the last step that was scored, and before any edit. Teacher-forced answers are said "
        "token by token in the target's place, free ones (generation) as a user would get them. Of the right answers "
        f"only a sample may have been kept (bench run --answers).{cut}"
    )
    return {"what": what, "texts": list(texts), "questions": questions}


def _question(asked: Sequence[Row], texts: dict[str, int]) -> list[Any]:
    """The numbers of a question's texts, and of its answers."""
    *about, answers = _row(asked)
    return [*(texts[each] for each in about), [[*(texts[t] for t in said), score] for *said, score in answers]]


def _texts(asked: Sequence[Row]) -> Iterable[str]:
    *about, answers = _row(asked)
    yield from about
    for *said, _ in answers:
        yield from said


def _row(asked: Sequence[Row]) -> list[Any]:
    """A question in texts, in the order in which the page's script reads it; a score in whole percent, 100 if right."""
    one = asked[0]
    alone = f", edited: {one['edited']}" if one["edited"] != group_name(()) else ""
    setting = f"{one['run']}: {one['model']} on {one['data']}, order {one['order']}{alone}"
    fact = str(one["fact"])
    about = (
        setting, one["seed"], fact, fact.rpartition("/")[0] or "–", one["edit_lang"], one["probe_lang"], one["kind"],
        one["protocol"], one["prompt"], str(one["target"]).strip(),
    )  # fmt: skip
    answers = [
        [
            visible(display_name(each["method"])),
            visible(each["before"].strip()),
            visible(each["answer"].strip()),
            percent(each["value"]),
        ]
        for each in asked
    ]
    return [*(visible(str(each)) for each in about), answers]


def embedded(value: object) -> str:
    """JSON that can stand in a script of the page: nothing in it ends the script or begins a tag."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text

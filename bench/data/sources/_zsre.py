"""Records of zsRE, MzsRE, Bi-ZsRE and KnowEdit, however their files name the fields; see `bench.data.sources.zsre`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.api import ProbeKind
from bench.data.common import text_at, text_problem
from bench.data.sources import knowedit
from bench.data.sources.knowedit import is_empty
from bench.ground.errors import BenchError

NEEDED = ("subject", "src", "alt")

Fields = Mapping[str, tuple[tuple[str, ...], ...]]
"""Where each text of a `Record` may lie in a file."""

FIELDS: Fields = {
    "subject": (("subject",),),
    "src": (("src",), ("prompt",)),
    "rephrase": (("rephrase",), ("rephrase_prompt",)),
    "alt": (("alt",), ("target_new",)),
    "loc": (("loc",), ("locality_prompt",)),
    "loc_ans": (("loc_ans",), ("locality_ground_truth",)),
    "new_question": (("portability", "New Question"),),
    "new_answer": (("portability", "New Answer"),),
}
"""In files of zsRE, MzsRE, Bi-ZsRE and KnowEdit."""

TRUE = ("old", "ground_truth", "answers")
"""What was true before: a text, or a list of which the first counts. It is not needed, and left alone if it is odd."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record in one language, all texts stripped; "" where it has none.

    Attributes:
        more: questions that are asked as they stand: what they count for, prompt, answer.
        unasked: how many of them have no text or no answer, by what is missing.
        true: the answer before the edit.
        aliases: other ways to say the new one.
    """

    subject: str
    src: str
    alt: str
    rephrase: str = ""
    loc: str = ""
    loc_ans: str = ""
    new_question: str = ""
    new_answer: str = ""
    more: tuple[tuple[ProbeKind, str, str], ...] = ()
    unasked: Mapping[str, int] = field(default_factory=dict)
    true: str = ""
    aliases: tuple[str, ...] = ()


Records = Sequence[Record | None]
"""In the order of the file; None where a record lacks the language."""


def read_record(
    item: Any,
    path: Path,
    record: object,
    needed: Sequence[str] = NEEDED,
    place: str = "",
    may_be_empty: Sequence[str] = (),
    fields: Fields = FIELDS,
) -> Record:
    """One record of a file, whose texts lie at `fields`; of texts that may be empty "" is taken.

    Raises:
        BenchError: a needed text is missing, or one that is there is empty or no text.
    """
    if not isinstance(item, dict):
        raise BenchError("not an object with fields", file=path, record=record, field=place or None)
    texts = {}
    for name, ways in fields.items():
        found = next((keys for keys in ways if _at(item, keys) is not None), None)
        if name in may_be_empty and found and is_empty(_at(item, found)):
            texts[name] = ""
        elif found or name in needed:
            texts[name] = text_at(item, found or ways[0], path, record, place)
    listed = list(knowedit.questions(item, path, record))
    asked = tuple(each for each in listed if each[1] and each[2])
    unasked = Counter(f"{kind} question without {'an answer' if prompt else 'a text'}" for kind, prompt, _ in listed)
    unasked -= Counter(f"{kind} question without an answer" for kind, _, _ in asked)
    return Record(**texts, more=asked, unasked=unasked, true=true_of(item), aliases=())


def asked_as_it_stands(record: Record) -> Record:
    """The record with its one question about something else, and about what follows, beside the others in `more`."""
    given: tuple[tuple[ProbeKind, str, str], ...] = (
        ("specificity", record.loc, record.loc_ans),
        ("portability", record.new_question, record.new_answer),
    )
    asked = tuple(each for each in given if each[1] and each[2])
    lacking = Counter(
        f"{kind} question without {'an answer' if prompt else 'a text'}"
        for kind, prompt, answer in given
        if bool(prompt) != bool(answer)
    )
    unasked = lacking + Counter(record.unasked)
    more = (*asked, *record.more)
    return replace(record, loc="", loc_ans="", new_question="", new_answer="", more=more, unasked=unasked)


def true_of(item: Mapping[str, Any]) -> str:
    """What a record says was true before; "" where it says nothing that is a text."""
    given = next((item[name] for name in TRUE if name in item), None)
    text = knowedit.first(given)
    return "" if text_problem(text) else str(text).strip()


def _at(item: Any, keys: Sequence[str]) -> Any:
    """What lies there; None where nothing does."""
    for key in keys:
        item = item.get(key) if isinstance(item, dict) else None
    return item

"""Read the files of `bench.data.sources.xfever`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.data.common import AlignmentCount, text_at
from bench.data.sources._claims import Claim, Wording
from bench.data.sources._own import numbered, parsed
from bench.ground.errors import BenchError
from bench.ground.parsing import is_unicode

FOLDER = "xfever"
NAMES = {
    "en": "english", "fr": "french", "es": "spanish", "hi": "hindi", "gu": "gujarati", "bn": "bengali", "ta": "tamil",
    "ml": "malayalam", "kn": "kannada", "ar": "arabic", "zh": "chinese",
}  # fmt: skip
LABELS = {"SUPPORTS": True, "REFUTES": False}
NO_ALTERNATIVE, NO_REPHRASE, BLANK = "no alternative", "no rephrase", "blank rephrase"


@dataclass(slots=True)
class Found:
    """What a file holds.

    Attributes:
        read: its records.
        claims: those that are kept.
        dropped: how many are not, by reason.
        unasked: blank rephrases, in the file's own language, of claims that are kept.
        problems: records that are not as they should be.
    """

    read: int = 0
    claims: list[Claim] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    unasked: Counter[str] = field(default_factory=Counter)
    problems: list[BenchError] = field(default_factory=list)

    def editable(self, lang: str) -> list[Claim]:
        """Claims that can be edited in a language: those with a rephrase."""
        return [each for each in self.claims if each.wordings[lang].rephrases]

    def count(self, lang: str) -> AlignmentCount:
        """In numbers."""
        kept = self.editable(lang)
        dropped = self.dropped + Counter({NO_REPHRASE: len(self.claims) - len(kept)})
        equal = sum(each.wordings[lang].text in each.wordings[lang].rephrases for each in kept)
        return AlignmentCount(lang, self.read, dropped=dropped, unasked=self.unasked, rephrase_equal=equal)


def read(path: Path, lang: str, languages: Iterable[str]) -> Found:
    """The claims of a file.

    Args:
        path: the file.
        lang: its own language.
        languages: all that it is asked for.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    found = Found()
    numbers: dict[str, int] = {}
    others = [each for each in languages if each != lang]
    for number, line in numbered(path):
        found.read += 1
        try:
            record = _Record(path, number, parsed(line, path, number))
            first = numbers.setdefault(record.claim_id(), number)
            if first != number:
                raise record.error(f"given twice, first in record {first}", "id")
            if lacking := record.lacks():
                found.dropped[lacking] += 1
            else:
                found.claims.append(record.claim(lang, others))
                found.unasked += Counter({BLANK: record.blank()})
        except BenchError as error:
            found.problems.append(error)
    if not found.read:
        raise BenchError("holds no claims", file=path)
    return found


def sound(path: Path, lang: str, languages: Iterable[str]) -> Found:
    """As `read`.

    Raises:
        BenchError: a record is not as it should be.
    """
    found = read(path, lang, languages)
    if found.problems:
        raise found.problems[0]
    return found


def languages_of(path: Path) -> tuple[str, ...]:
    """A file's own language, told by its name or by being the one that no field is named after, then its others.

    Raises:
        BenchError: neither tells.
    """
    fields = _fields(path)
    others = [lang for lang in NAMES if f"{lang}_input" in fields]
    words = re.findall("[a-z]+", path.stem.lower())
    named = [lang for lang, name in NAMES.items() if name in words] or (["en"] if "kilt" in words else [])
    left = [lang for lang in NAMES if lang not in others]
    own = named or left
    if len(own) != 1:
        raise BenchError("the name must tell the language, as 'fever_dev_1200 - english.jsonl' does", file=path)
    return (*own, *(lang for lang in others if lang not in own))


def _fields(path: Path) -> set[str]:
    """Those of the first record that has any."""
    for number, line in numbered(path):
        try:
            item = parsed(line, path, number)
        except BenchError:
            continue
        if isinstance(item, dict):
            return set(item)
    return set()


@dataclass(frozen=True, slots=True)
class _Record:
    """Reads one record and knows its place for error messages."""

    path: Path
    number: int
    item: Any

    def claim_id(self) -> str:
        if not isinstance(self.item, dict):
            raise self.error("not an object with fields", None)
        value = self.item.get("id")
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.error("neither a number nor a text", "id")
        return f"{FOLDER}/{text_at({'id': str(value)}, ('id',), self.path, self.number)}"

    def lacks(self) -> str:
        """Why the claim cannot be edited; "" for nothing."""
        if not self.listed("alternatives"):
            return NO_ALTERNATIVE
        return "" if self.texts("filtered_rephrases") else NO_REPHRASE

    def blank(self) -> int:
        """Rephrases that say nothing."""
        return len(self.listed("filtered_rephrases")) - len(self.texts("filtered_rephrases"))

    def claim(self, lang: str, others: Iterable[str]) -> Claim:
        said = self.label(self.item.get("prediction"), "prediction")
        if self.label(self.listed("alternatives")[0], "alternatives.0") == said:
            raise self.error("is the prediction, and no other label", "alternatives.0")
        output = next(iter(self.listed("output")), None)
        holds = self.label(output.get("answer") if isinstance(output, dict) else None, "output.0.answer")
        wordings = {lang: self.wording("")} | {other: self.wording(f"{other}_") for other in others}
        return Claim(self.claim_id(), self.number, holds, said, wordings)

    def wording(self, start: str) -> Wording:
        """In the language that its fields begin with."""
        text = text_at(self.item, (f"{start}input",), self.path, self.number)
        return Wording(text, tuple(self.texts(f"{start}filtered_rephrases")))

    def label(self, value: Any, place: str) -> bool:
        if not isinstance(value, str) or value.strip() not in LABELS:
            raise self.error(f"must be SUPPORTS or REFUTES, it is {value!r}", place)
        return LABELS[value.strip()]

    def listed(self, name: str) -> list[Any]:
        if name not in self.item:
            raise self.error("missing", name)
        if not isinstance(self.item[name], list):
            raise self.error("not a list", name)
        return list(self.item[name])

    def texts(self, name: str) -> list[str]:
        """Those of a list that are not blank."""
        listed = self.listed(name)
        if not all(isinstance(each, str) and is_unicode(each) for each in listed):
            raise self.error("not a list of texts", name)
        return [each.strip() for each in listed if each.strip()]

    def error(self, message: str, place: str | None) -> BenchError:
        return BenchError(message, file=self.path, record=self.number, field=place)

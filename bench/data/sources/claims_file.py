"""A user's own claims for classifiers: one JSON object per line (``.jsonl``) or a list of them (``.json``).

    {"id": "eiffel", "label": "true",
     "claim": {"en": "The Eiffel Tower stands in Paris.", "fr": "La tour Eiffel se trouve à Paris."},
     "subject": {"en": "Eiffel Tower", "fr": "tour Eiffel"},
     "rephrases": {"en": ["Paris is where the Eiffel Tower stands."], "fr": ["Paris abrite la tour Eiffel."]},
     "split": "edit"}

The first three fields are needed, and a rephrase in every language that a run asks for. A label is "true" or "false",
or "SUPPORTS" or "REFUTES", one pair of words in all of a file. A subject is what methods that edit at the subject look
for; they refuse claims that name none. It must stand in its claim exactly once, or ``{}`` in its place; in a rephrase
``{}`` stands for it. Claims of the split "edit", the usual one, are edited, and left alone by the edits of claims of
other subjects; those of the split "practice" are what editors learn on (`mend`, `ke`), and share no id and no text with
the others. A language is given by any code ("zh", "zh-CN", "zho"), and is known by its primary subtag. A claim need not
be given in every language: it is edited and asked in its own. Records count from 1, in a ``.jsonl`` file they are the
lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.api import SUBJECT_SLOT, Fact
from bench.data.common import AlignmentCount, Checked, DataRequest, LoadedData, text_problem
from bench.data.sources import _claims
from bench.data.sources._claims import Claim, Wording
from bench.data.sources._own import numbered, parsed, template
from bench.ground.digests import content_digest, text_digest
from bench.ground.errors import BenchError
from bench.ground.languages import primary
from bench.ground.names import hint

NEEDED = ("id", "label", "claim")
OPTIONAL = ("subject", "rephrases", "split")
LAYOUT = "claims file"
EDIT, PRACTICE = "edit", "practice"
LABELS = {"true": True, "false": False, "supports": True, "refutes": False}
PAIRS = (("true", "false"), ("supports", "refutes"))

Claims = dict[str, list[Claim]]
"""By split, in the order of the file."""


def read(path: Path) -> Claims:
    """Read a file of claims.

    Raises:
        BenchError: names the file, the record and the field at fault.
    """
    claims, problems = scan(path)
    if problems:
        raise problems[0]
    if not claims[EDIT]:
        raise BenchError("holds no claims to edit", file=path)
    return claims


def scan(path: Path) -> tuple[Claims, list[BenchError]]:
    """The claims of a file, and what is wrong with its other records.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    claims: Claims = {EDIT: [], PRACTICE: []}
    problems: list[BenchError] = []
    known = _Known(path)
    for number, item in numbered(path):
        try:
            reader = _Reader(path, number, parsed(item, path, number))
            claim, split, label = reader.claim(), reader.split(), reader.label()
            known.add(claim, split, label)
            claims[split].append(claim)
        except BenchError as error:
            problems.append(error)
    return claims, problems


def check(path: Path) -> Checked:
    """What a file holds."""
    claims, problems = scan(path)
    every = [each for split in claims.values() for each in split]
    if not every and not problems:
        raise BenchError("holds no claims", file=path)
    counts = [_count(lang, every) for lang in languages(every)]
    told = f"own claims, {len(claims[EDIT])} to edit, {len(claims[PRACTICE])} to practise on"
    return Checked(told, tuple(counts), tuple(problems))


def languages(claims: Sequence[Claim]) -> tuple[str, ...]:
    """Those that any of the claims is given in."""
    return tuple(dict.fromkeys(lang for each in claims for lang in each.wordings))


def load(path: Path, claims: Claims, request: DataRequest) -> LoadedData:
    """Draw edits.

    Raises:
        BenchError: a claim has no rephrase in a language asked for.
    """
    return LoadedData(_chosen(path, claims, EDIT, request))


def practice(path: Path, claims: Claims, request: DataRequest) -> Mapping[str, Sequence[Fact]]:
    """What editors learn on: each claim in all languages that it is given in.

    Raises:
        BenchError: a claim has no rephrase in a language asked for.
    """
    return _chosen(path, claims, PRACTICE, replace(request, parallel=False))


def fingerprint(path: Path) -> str:
    """Hash the file, and how edits are made of it."""
    return text_digest(_claims.VERSION, content_digest(path), size=16)


def _chosen(path: Path, claims: Claims, split: str, request: DataRequest) -> dict[str, list[Fact]]:
    for each in claims[EDIT] + claims[PRACTICE]:
        for lang in request.languages:
            if lang in each.wordings and not each.wordings[lang].rephrases:
                problem = f"no rephrase in '{lang}', a language that is asked for"
                raise BenchError(problem, file=path, record=each.record, field=f"rephrases.{lang}")
    return _claims.choose(LAYOUT, dict.fromkeys(request.languages, claims[split]), request)


def _count(lang: str, claims: Sequence[Claim]) -> AlignmentCount:
    given = [each.wordings[lang] for each in claims if lang in each.wordings]
    bare = sum(not each.rephrases for each in given)
    return AlignmentCount(
        lang,
        len(given),
        exact=sum(bool(each.subject) for each in given),
        rephrase_equal=sum(each.text in each.rephrases for each in given),
        unasked={"no rephrase": bare} if bare else {},
    )


# ---------------------------------------------------------------------------- between records
class _Known:
    """The records so far: no id twice, one pair of labels, nothing in both splits.

    Args:
        path: the file, for errors.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: dict[str, tuple[int, str]] = {}
        self._texts: dict[str, tuple[int, str]] = {}
        self._pair: tuple[str, ...] = ()
        self._first = ("", 0)

    def add(self, claim: Claim, split: str, label: str) -> None:
        """Take a record in.

        Raises:
            BenchError: it does not go with those before it.
        """
        here = claim.record, split
        self._check_label(claim, label)
        number, other = self._ids.setdefault(claim.claim_id, here)
        if other != split:
            raise self._both(claim, f"{claim.claim_id!r}", number, other, "id")
        if number != claim.record:
            raise self._error(claim, f"{claim.claim_id!r} is given twice, first in record {number}", "id")
        for field, text in _texts(claim):
            number, other = self._texts.setdefault(text, here)
            if other != split:
                raise self._both(claim, "this text", number, other, field)

    def _check_label(self, claim: Claim, label: str) -> None:
        pair = next(each for each in PAIRS if label.casefold() in each)
        if not self._pair:
            self._pair, self._first = pair, (label, claim.record)
        if pair != self._pair:
            word, number = self._first
            raise self._error(claim, f"{label!r}, and record {number} has {word!r}: give two labels in all", "label")

    def _both(self, claim: Claim, what: str, number: int, other: str, field: str) -> BenchError:
        problem = f"{what} is in record {number} too, of the split '{other}': practice and edits must share nothing"
        return self._error(claim, problem, field)

    def _error(self, claim: Claim, problem: str, field: str) -> BenchError:
        return BenchError(problem, file=self._path, record=claim.record, field=field)


def _texts(claim: Claim) -> Iterator[tuple[str, str]]:
    """Field and text of all that may be edited or asked."""
    for lang, wording in claim.wordings.items():
        yield f"claim.{lang}", wording.text
        yield from ((f"rephrases.{lang}", each) for each in wording.rephrases)


# ---------------------------------------------------------------------------- one record
@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one record and knows its place for error messages."""

    path: Path
    number: int
    item: Any

    def claim(self) -> Claim:
        if not isinstance(self.item, dict):
            raise self.error("not an object with fields", None)
        for name in self.item:
            if name not in NEEDED + OPTIONAL:
                raise self.error(f"unknown field{hint(name, NEEDED + OPTIONAL)}", name)
        for name in NEEDED:
            if name not in self.item:
                raise self.error("missing", name)
        holds = LABELS[self.label().casefold()]
        subjects, rephrases = self.by_language("subject"), self.by_language("rephrases")
        claims = self.by_language("claim")
        wordings = {lang: self.wording(lang, *given, subjects, rephrases) for lang, given in claims.items()}
        if not wordings:
            raise self.error("in no language", "claim")
        for field, named in (("subject", subjects), ("rephrases", rephrases)):
            for lang, (code, _) in named.items():
                if lang not in wordings:
                    raise self.error("the claim is not given in this language", f"{field}.{code}")
        return Claim(self.claim_id(), self.number, holds, holds, wordings)

    def claim_id(self) -> str:
        value = self.item["id"]
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.error("neither a text nor a number", "id")
        return self.text(str(value), "id")

    def label(self) -> str:
        label = self.item["label"]
        if not isinstance(label, str) or label.strip().casefold() not in LABELS:
            raise self.error(f'must be "true" or "false", or "SUPPORTS" or "REFUTES", it is {label!r}', "label")
        return label.strip()

    def split(self) -> str:
        split = self.item.get("split", EDIT)
        if split not in (EDIT, PRACTICE):
            raise self.error(f"unknown split {split!r}{hint(str(split), (EDIT, PRACTICE))}", "split")
        return str(split)

    def by_language(self, field: str) -> dict[str, tuple[str, Any]]:
        """The code as given and what is given, by language."""
        named = self.item.get(field)
        if named is None and field in OPTIONAL:
            return {}
        if not isinstance(named, dict):
            raise self.error("not an object by language", field)
        found: dict[str, tuple[str, Any]] = {}
        for code, value in named.items():
            try:
                lang = primary(code)
            except BenchError as error:
                raise self.error(error.message, f"{field}.{code}") from error
            if lang in found:
                raise self.error(f"the language '{lang}' is given twice", f"{field}.{code}")
            found[lang] = code, value
        return found

    def wording(
        self, lang: str, code: str, given: Any, subjects: Mapping[str, Any], rephrases: Mapping[str, Any]
    ) -> Wording:
        text = self.text(given, f"claim.{code}")
        subject, slotted = "", SUBJECT_SLOT
        if lang in subjects:
            subject = self.text(subjects[lang][1], f"subject.{subjects[lang][0]}")
            if SUBJECT_SLOT in subject:
                raise self.error("holds a slot '{}' itself", f"subject.{subjects[lang][0]}")
            try:
                slotted = template(text, subject, f"claim.{code}")
            except BenchError as error:
                raise error.at(file=self.path, record=self.number) from error
        place = f"rephrases.{rephrases[lang][0]}" if lang in rephrases else ""
        listed = rephrases[lang][1] if place else []
        if not isinstance(listed, list):
            raise self.error("not a list", place)
        filled = [self.filled(self.text(each, place), subject, place) for each in listed]
        return Wording(self.filled(text, subject, f"claim.{code}"), tuple(filled), subject, slotted)

    def filled(self, text: str, subject: str, place: str) -> str:
        """The text with the subject in its slots."""
        if SUBJECT_SLOT in text and not subject:
            raise self.error("has a slot '{}', and no subject is named for it", place)
        return text.replace(SUBJECT_SLOT, subject)

    def text(self, value: Any, place: str) -> str:
        if problem := text_problem(value):
            raise self.error(problem, place)
        return str(value).strip()

    def error(self, message: str, field: str | None) -> BenchError:
        return BenchError(message, file=self.path, record=self.number, field=field)

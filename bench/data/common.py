"""What every source shares: what it is asked for, what it hands back, seeded order, hashes of files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from bench.api import EditRequest, Fact, Probe
from bench.data.spans import How, Reliability, Span
from bench.ground.errors import BenchError
from bench.ground.languages import spaceless_languages
from bench.ground.parsing import is_unicode, parse_json, read_text

T = TypeVar("T")
Asking = tuple[str, str, tuple[str, ...]]  # a prompt, its target, and other ways to say that

SPACELESS_LANGUAGES = spaceless_languages()
"""Written without spaces between words, by their usual scripts."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Which facts are wanted.

    Attributes:
        languages: ISO 639-1 codes, in the order in which they will be edited.
        per_language: facts per language.
        seed: draws which facts, and their order.
        data_dir: folder that holds the data sets that are not embedded.
        parallel: the same facts in every language; else each in as few languages as can be.
    """

    languages: tuple[str, ...]
    per_language: int
    seed: int = 0
    data_dir: Path | None = None
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class AlignmentCount:
    """What became of the records of one language when their subjects were looked for in their prompts.

    Attributes:
        read: records in the file.
        exact: the subject stands in the prompt as it is.
        casefold: it does but for case or typographic marks.
        english: the English subject stands there.
        closest: neither does; the closest span was taken.
        quoted: the record names no subject; it is what stands in quotation marks.
        named: a name in capitals that question and statement share.
        alike: one that looks like the English subject.
        recurring: what stands before a function word, in several records of the subject.
        framed: the same in one record, where others go on in the same words.
        dropped: records left out, by reason.
        unasked: questions left out of records that are kept, by reason.
        rephrase_equal: kept records whose rephrase equals the prompt, so that it measures nothing.
    """

    lang: str
    read: int
    exact: int = 0
    casefold: int = 0
    english: int = 0
    closest: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    rephrase_equal: int = 0
    quoted: int = 0
    named: int = 0
    alike: int = 0
    recurring: int = 0
    framed: int = 0
    unasked: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Records that can be edited."""
        return self.read - sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class LoadedData:
    """Facts by language, in the order in which they are to be edited, and how they were found.

    Attributes:
        facts: at most `DataRequest.per_language` per language.
        report: counts over all records of the source, one entry per language; empty where nothing is aligned.
        how: for every fact, by language and fact id, the rule that found its subject; empty as `report`.
        true: what was true before the edits, as targets, by language and fact id, as far as the data tell it.
    """

    facts: Mapping[str, Sequence[Fact]]
    report: tuple[AlignmentCount, ...] = ()
    how: Mapping[tuple[str, str], How] = field(default_factory=dict)
    true: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt and where its subject was found."""

    prompt: str
    span: Span


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file was found to hold.

    Attributes:
        layout: name of the layout, as lists of data sets show it.
        counts: one entry per language.
        problems: records that are not as they should be; the file is sound if there is none.
        examples: every alignment, by language; empty where prompts come with their slot.
        reliability: how often alignments of the layout are right, where that was measured.
    """

    layout: str
    counts: tuple[AlignmentCount, ...]
    problems: tuple[BenchError, ...] = ()
    examples: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    reliability: Reliability = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hub:
    """Where files of a data set lie on the hub.

    Attributes:
        repository: of data sets.
        revision: a commit.
        files: paths in it -> paths below the data folder.
    """

    repository: str
    revision: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Dataset:
    """What a data set is and how it is loaded; `bench.data.stream.load` also checks what is asked of it.

    Attributes:
        name: as given on the command line.
        languages: those it has.
        source: where its files come from.
        what: one line for lists.
        load: facts by language for a request.
        fingerprint: hash of the source files below a data folder.
        revision: of the source; "" where it has none.
        files: paths below the data folder, with the SHA-256 of those whose contents are known.
        selection: how a run's facts are drawn.
        hub: where the files can be downloaded, if they can.
        reliability: how often its subjects are found right, where that was measured.
        practice: facts by language for methods that learn, none of which is edited or asked for any request; None
            where it has none.
        further: hash of what facts in some languages are made of, where `fingerprint` has not all; "" where it has.
    """

    name: str
    languages: tuple[str, ...]
    licence: str
    citation: str
    source: str
    what: str
    load: Callable[[DataRequest], LoadedData]
    fingerprint: Callable[[Path | None], str]
    revision: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    selection: str = "each fact in one language while there are enough; --parallel: the same facts in all"
    hub: Hub | None = None
    reliability: Reliability = field(default_factory=dict)
    practice: Callable[[DataRequest], Mapping[str, Sequence[Fact]]] | None = None
    further: Callable[[Sequence[str]], str] | None = None


def shuffled(items: Iterable[T], seed: int, part: str) -> list[T]:
    """Put `items` in an order drawn by `seed` for `part`; the same on every machine and Python version."""

    def rank(place: int) -> bytes:
        return hashlib.blake2b(f"{seed}/{part}/{place}".encode(), digest_size=8).digest()

    listed = list(items)
    return [listed[place] for place in sorted(range(len(listed)), key=rank)]


def draw(available: Mapping[str, Iterable[T]], order: Sequence[T], request: DataRequest) -> dict[str, list[T]]:
    """Choose which facts each language of a request edits, at most `per_language`, in the order given.

    Parallel: the first of those that every language has. Else language after language takes those that the
    fewest languages before it have taken, so that no fact is edited twice if there are enough of them.
    MzsRE has too few for the paper's 6 x 400: each of its 743 is then edited in three or four languages.

    Args:
        available: facts by language.
        order: all facts.
        request: languages, how many, and whether in parallel.
    """
    have = {lang: set(available[lang]) for lang in request.languages}
    if request.parallel:
        common = set.intersection(*have.values()) if have else set()
        chosen = [each for each in order if each in common][: request.per_language]
        return {lang: list(chosen) for lang in request.languages}
    used: Counter[T] = Counter()
    drawn: dict[str, list[T]] = {}
    for lang in request.languages:
        fresh_first = sorted((each for each in order if each in have[lang]), key=lambda each: used[each])
        drawn[lang] = fresh_first[: request.per_language]
        used.update(drawn[lang])
    return drawn


def read_records(path: Path) -> list[Any]:
    """Read a JSON list.

    Raises:
        BenchError: the file is missing, empty, not UTF-8, not JSON, or not a list with records.
    """
    text = read_text(path)
    if not text.strip():
        raise BenchError("the file is empty", file=path)
    items = parse_json(text, path)
    if not isinstance(items, list):
        raise BenchError("not a list of records", file=path)
    if not items:
        raise BenchError("holds no records", file=path)
    return items


def text_at(item: Any, keys: Sequence[str], path: Path, record: object, place: str = "") -> str:
    """A text of a record, stripped.

    Args:
        item: the record, or the part of it that `place` names.
        keys: the way to the text within `item`.
        path: the file, for errors.
        record: number or id, for errors.
        place: what stands before the keys in errors.

    Raises:
        BenchError: it is missing, empty or not a text.
    """
    value = item
    for key in keys:
        place = f"{place}.{key}" if place else key
        if not isinstance(value, dict) or key not in value:
            raise BenchError("missing", file=path, record=record, field=place)
        value = value[key]
    if problem := text_problem(value):
        raise BenchError(problem, file=path, record=record, field=place)
    return str(value).strip()


def text_problem(value: Any) -> str:
    """What is wrong with a value that should be a text with something in it; "" for nothing."""
    if not isinstance(value, str) or not value.strip():
        return "empty" if isinstance(value, str) else "not a text"
    return "" if is_unicode(value) else "holds half of a surrogate pair, which is no text"


def place_of(folder: str, data_dir: Path | None, files: Iterable[str], source: str) -> Path:
    """The folder of a data set below the data folder.

    Raises:
        BenchError: no data folder is given.
    """
    if data_dir is None:
        raise BenchError(
            f"{folder} is not embedded: put {', '.join(files)} ({source}) into <folder>/{folder}/ "
            "and give <folder> with --data-dir or BENCH_DATA_DIR"
        )
    return data_dir / folder


def crosslingual(fact_id: str, lang: str, asked: Mapping[str, Asking]) -> tuple[Probe, ...]:
    """Ask a fact that is edited in `lang` in the other languages."""
    return tuple(
        Probe(fact_id, "crosslingual", lang, other, prompt, target, aliases=aliases)
        for other, (prompt, target, aliases) in asked.items()
        if other != lang
    )


def translated(requests: Mapping[str, EditRequest], lang: str) -> EditRequest:
    """The edit of a fact in `lang`, with those in other languages as its translations."""
    return replace(requests[lang], translations=tuple(each for other, each in requests.items() if other != lang))


def check_enough(name: str, facts: Mapping[str, Sequence[Fact]], languages: Sequence[str], wanted: int) -> None:
    """Refuse a request that cannot be met."""
    have = {lang: len(facts.get(lang, ())) for lang in languages}
    if not any(have.values()):
        raise BenchError(f"{name}: no facts are left after filtering")
    if short := [f"{count} in {lang!r}" for lang, count in have.items() if count < wanted]:
        raise BenchError(f"{name}: {wanted} facts per language asked for, but there are {', '.join(short)}")

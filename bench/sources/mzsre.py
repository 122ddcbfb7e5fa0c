"""MzsRE (Wang et al., ACL 2024): zsRE questions in parallel languages, as its owners distribute it.

Files ``mzsre/mzsre_test_duplicate_en<xx>.json`` hold lists of records ``{"en": {...}, "<xx>": {...}}``; the
English half is the same in all of them, and Dutch is called ``du``. The edit target is the counterfactual
``alt``, and every target gets one leading space, Chinese ones included: both as in the code released with
LangEdit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.api import SUBJECT_SLOT, EditRequest, Fact, Probe
from bench.atomic import read_json
from bench.errors import BenchError
from bench.sources.align import Span, align
from bench.sources.common import AlignmentCount, DataRequest, LoadedData, crosslingual, digest, shuffled

FOLDER = "mzsre"
LANGUAGES = ("en", "de", "nl", "es", "fr", "zh")
FILE_CODES = {"nl": "du"}
"""Languages whose code in the files is not ISO 639-1."""

NQ_PREFIX = "nq question: "
QUESTION_MARKS = ("?", "？")


@dataclass(frozen=True, slots=True)
class Record:
    """One language's half of a record, all texts stripped."""

    subject: str
    src: str
    rephrase: str
    alt: str
    loc: str
    loc_ans: str
    new_question: str
    new_answer: str


FIELDS = {
    "subject": ("subject",),
    "src": ("src",),
    "rephrase": ("rephrase",),
    "alt": ("alt",),
    "loc": ("loc",),
    "loc_ans": ("loc_ans",),
    "new_question": ("portability", "New Question"),
    "new_answer": ("portability", "New Answer"),
}
"""Where each text of a `Record` lies in a language's half of a record in the file."""


def load(request: DataRequest) -> LoadedData:
    """Read, align and choose records; the same ones in every language, but for those dropped in it."""
    records = _read(request.languages, _folder(request.data_dir))
    english = records["en"]
    order = shuffled(range(len(english)), request.seed, FOLDER)
    facts: dict[str, list[Fact]] = {}
    report = []
    for lang in request.languages:
        spans, count = _align_all(lang, records[lang], english)
        chosen = [index for index in order if index in spans][: request.per_language]
        facts[lang] = [_fact(index, lang, spans[index], records, request.languages) for index in chosen]
        report.append(count)
    return LoadedData(facts, tuple(report))


def fingerprint(data_dir: Path | None) -> str:
    """Hash the files that are there."""
    folder = _folder(data_dir)
    paths = [path for lang in LANGUAGES[1:] if (path := _file(folder, lang)).is_file()]
    return digest(paths, FOLDER)


def _folder(data_dir: Path | None) -> Path:
    if data_dir is None:
        raise BenchError(
            "mzsre is neither embedded nor on a hub: put mzsre_test_duplicate_en<xx>.json (GitHub "
            f"Vicky-Wil/ReMaKE) into <folder>/{FOLDER}/ and give <folder> with --data-dir or BENCH_DATA_DIR"
        )
    return data_dir / FOLDER


def _file(folder: Path, lang: str) -> Path:
    return folder / f"mzsre_test_duplicate_en{FILE_CODES.get(lang, lang)}.json"


# ---------------------------------------------------------------------------- reading
def _read(languages: Sequence[str], folder: Path) -> dict[str, list[Record]]:
    """Records by language, English always among them."""
    others = [lang for lang in languages if lang != "en"]
    if not others:
        others = [next((lang for lang in LANGUAGES[1:] if _file(folder, lang).is_file()), LANGUAGES[1])]
    records: dict[str, list[Record]] = {}
    for lang in others:
        path = _file(folder, lang)
        items = read_json(path)
        if not isinstance(items, list):
            raise BenchError("not a list of records", file=path)
        english = [_record(item, "en", path, index) for index, item in enumerate(items)]
        code = FILE_CODES.get(lang, lang)
        records[lang] = [_record(item, code, path, index) for index, item in enumerate(items)]
        _check_parallel(records.setdefault("en", english), english, path)
    return records


def _record(item: Any, code: str, path: Path, index: int) -> Record:
    texts = {}
    for name, keys in FIELDS.items():
        value, place = item, code
        for key in (code, *keys):
            place = key if key == code else f"{place}.{key}"
            if not isinstance(value, dict) or key not in value:
                raise BenchError("missing", file=path, record=_fact_id(index), field=place)
            value = value[key]
        if not isinstance(value, str) or not value.strip():
            problem = "empty" if isinstance(value, str) else "not a text"
            raise BenchError(problem, file=path, record=_fact_id(index), field=place)
        texts[name] = value.strip()
    return Record(**texts)


def _check_parallel(first: Sequence[Record], english: Sequence[Record], path: Path) -> None:
    """Refuse files whose records are not in the same order: facts are matched by their place."""
    if len(first) != len(english):
        raise BenchError(f"{len(english)} records where the other languages have {len(first)}", file=path)
    for index, (one, other) in enumerate(zip(first, english, strict=True)):
        if one.src != other.src:
            raise BenchError(
                "differs from the other languages' files; the records must be parallel",
                file=path,
                record=_fact_id(index),
                field="en.src",
            )


def _fact_id(index: int) -> str:
    return f"{FOLDER}/{index}"


# ---------------------------------------------------------------------------- aligning
def _align_all(
    lang: str, records: Sequence[Record], english: Sequence[Record]
) -> tuple[dict[int, Span], AlignmentCount]:
    """Where the subject stands, for every record that can be kept, and the counts."""
    spans: dict[int, Span] = {}
    dropped: Counter[str] = Counter()
    for index, (record, original) in enumerate(zip(records, english, strict=True)):
        span = align(record.src, record.subject, original.subject, lang)
        if span is None:
            dropped["subject not in the prompt"] += 1
        elif SUBJECT_SLOT in record.src[: span.start] + " " + record.src[span.end :]:
            dropped["literal braces in the prompt"] += 1
        else:
            spans[index] = span
    how = Counter(span.how for span in spans.values())
    equal = sum(records[index].rephrase == records[index].src for index in spans)
    return spans, AlignmentCount(
        lang, len(records), how["exact"], how["casefold"], how["english"], how["closest"], dropped, equal
    )


# ---------------------------------------------------------------------------- facts
def _fact(index: int, lang: str, span: Span, records: Mapping[str, Sequence[Record]], languages: Sequence[str]) -> Fact:
    """The edit of one record in one language, with its probes."""
    record, fact_id = records[lang][index], _fact_id(index)
    src, target = record.src, f" {record.alt}"
    template = f"{src[: span.start]}{SUBJECT_SLOT}{src[span.end :]}"
    request = EditRequest(fact_id, lang, template, src[span.start : span.end], target)
    fresh = record.rephrase != src
    probes = (
        Probe(fact_id, "efficacy", lang, lang, src, target),
        Probe(fact_id, "generality", lang, lang, record.rephrase, target, distinct=fresh),
        Probe(fact_id, "specificity", lang, lang, neighbour_prompt(record.loc), f" {record.loc_ans}"),
        Probe(fact_id, "portability", lang, lang, record.new_question, f" {record.new_answer}"),
    )
    asked = {other: (records[other][index].src, f" {records[other][index].alt}") for other in languages}
    return Fact(request, probes + crosslingual(fact_id, lang, asked))


def neighbour_prompt(question: str) -> str:
    """Put a Natural Questions question as the released code does.

    It gets "nq question: " before it where that is missing, in every language, and a "?" after it. The
    released code adds the "?" also where the question has one; here it stays one.
    """
    start = "" if NQ_PREFIX in question else NQ_PREFIX
    end = "" if question.endswith(QUESTION_MARKS) else "?"
    return f"{start}{question}{end}"

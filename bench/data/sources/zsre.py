"""zsRE, English, in the JSON layout of MEND, ROME and EasyEdit; its records are also those of MzsRE and Bi-ZsRE.

File ``zsre/zsre_mend_eval.json``: a list of ``{"subject", "src" | "prompt", "rephrase" | "rephrase_prompt",
"alt" | "target_new", "loc" | "locality_prompt", "loc_ans" | "locality_ground_truth", "portability": {"New
Question", "New Answer"}}``. The first and third field and one target are needed; what is absent is not asked.

KnowEdit's ``zsre/ZsRE-test-all.json`` is read where the first file is not there: it calls the fields by their second
names, and ``locality`` and ``portability`` hold lists of ``{"prompt", "ground_truth"}`` under names of their kinds.
A prompt may be a list of them. As loaders of the field do, an edit without an answer is left out, and of a sound edit
a question without text or answer is not asked; both are counted.

The edit target is the counterfactual ``alt``, and every target gets one leading space, Chinese ones included:
both as in the code released with LangEdit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.api import SUBJECT_SLOT, EditRequest, Fact, Probe
from bench.data.common import (
    AlignmentCount,
    Checked,
    DataRequest,
    Dataset,
    Example,
    Hub,
    LoadedData,
    crosslingual,
    draw,
    place_of,
    read_records,
    shuffled,
    translated,
)
from bench.data.sources._zsre import Record, Records, read_record
from bench.data.sources.align import align, is_whole
from bench.data.spans import Span
from bench.ground.digests import content_digest, digest
from bench.ground.errors import BenchError

FOLDER, FILE, KNOWEDIT = "zsre", "zsre_mend_eval.json", "ZsRE-test-all.json"
SOURCE = "rome.baulab.info/data/dsets"

FOUND_BY = "whole closest spans"
"""Part of the fingerprint: how subjects are found changes what is edited."""

NQ_PREFIX = "nq question: "
QUESTION_MARKS = ("?", "？")


# ---------------------------------------------------------------------------- aligning
def align_all(lang: str, records: Records, english: Records) -> tuple[dict[int, Span], AlignmentCount]:
    """Where the subject stands, for every record that can be kept, and the counts."""
    spans: dict[int, Span] = {}
    dropped: Counter[str] = Counter()
    unasked: Counter[str] = Counter()
    equal = 0
    for index, (record, original) in enumerate(zip(records, english, strict=True)):
        if record is None:
            dropped["not in this language"] += 1
            continue
        if not record.alt:
            dropped["no answer to write"] += 1
            continue
        english_subject = original.subject if original else record.subject
        span = align(record.src, record.subject, english_subject, lang)
        if span is None:
            dropped["subject not in the prompt"] += 1
        elif span.how == "closest" and not is_whole(record.src, span, (record.subject, english_subject), lang):
            dropped["closest span is not surely the whole subject"] += 1
        elif SUBJECT_SLOT in record.src[: span.start] + " " + record.src[span.end :]:
            dropped["literal braces in the prompt"] += 1
        else:
            spans[index] = span
            equal += record.rephrase == record.src
            unasked.update(record.unasked)
    how = Counter(span.how for span in spans.values())
    tried = (how["exact"], how["casefold"], how["english"], how["closest"])
    return spans, AlignmentCount(lang, len(records), *tried, dropped, equal, unasked=unasked)


def examples(records: Records, spans: Mapping[int, Span]) -> list[Example]:
    """Every alignment, in the order of the file."""
    return [Example(record.src, spans[i]) for i, record in enumerate(records) if record and i in spans]


# ---------------------------------------------------------------------------- facts
def choose(
    folder: str,
    records: Mapping[str, Records],
    request: DataRequest,
    names: Sequence[str] = (),
    glued: Collection[str] = (),
) -> LoadedData:
    """Align the records of the languages asked for, draw from them, and make facts; English must be among them.

    Args:
        folder: begins the fact ids.
        records: by language, as many in each.
        request: which facts are wanted.
        names: what fact ids go on with; the places of the records where none are given.
        glued: languages whose targets get no leading space.
    """
    english = records["en"]
    ids = [f"{folder}/{name}" for name in (names or range(len(english)))]
    aligned = {lang: align_all(lang, records[lang], english) for lang in request.languages}
    spans = {lang: each for lang, (each, _) in aligned.items()}
    drawn = draw(spans, shuffled(range(len(english)), request.seed, folder), request)
    facts, how = {}, {}
    asked = {lang: records[lang] for lang in request.languages}
    chosen = sorted(set().union(*drawn.values()))
    edits = {index: _requests(ids[index], index, asked, spans, glued) for index in chosen}
    for lang, indices in drawn.items():
        facts[lang] = [_fact(translated(edits[index], lang), index, asked, glued) for index in indices]
        how.update({(lang, ids[index]): spans[lang][index].how for index in indices})
    return LoadedData(facts, tuple(count for _, count in aligned.values()), how, _true(ids, chosen, asked, glued))


def _true(
    ids: Sequence[str], chosen: Sequence[int], records: Mapping[str, Records], glued: Collection[str]
) -> dict[tuple[str, str], str]:
    """What was true before, as a target, by language and fact id."""
    return {
        (lang, ids[index]): _target(record.true, lang, glued)
        for lang, many in records.items()
        for index in chosen
        if (record := many[index]) and record.true
    }


def _target(text: str, lang: str, glued: Collection[str]) -> str:
    return text if lang in glued else f" {text}"


def _requests(
    fact_id: str,
    index: int,
    records: Mapping[str, Records],
    spans: Mapping[str, Mapping[int, Span]],
    glued: Collection[str],
) -> dict[str, EditRequest]:
    """The edit of one record in every language where its subject was found."""
    found = {}
    for lang, many in records.items():
        record, span = many[index], spans[lang].get(index)
        if record and span:
            template = f"{record.src[: span.start]}{SUBJECT_SLOT}{record.src[span.end :]}"
            subject, target = record.src[span.start : span.end], _target(record.alt, lang, glued)
            found[lang] = EditRequest(fact_id, lang, template, subject, target)
    return found


def _fact(request: EditRequest, index: int, records: Mapping[str, Records], glued: Collection[str]) -> Fact:
    """An edit of one record, with its probes."""
    fact_id, lang, target = request.fact_id, request.lang, request.target
    record = records[lang][index]
    assert record is not None, "an edit was made of it"  # noqa: S101
    others = {other: each for other, many in records.items() if (each := many[index])}
    asked = {other: (each.src, _target(each.alt, other, glued), each.aliases) for other, each in others.items()}
    return Fact(request, (*_probes(fact_id, lang, record, target, glued), *crosslingual(fact_id, lang, asked)))


def _probes(fact_id: str, lang: str, record: Record, target: str, glued: Collection[str]) -> Iterator[Probe]:
    aliases = record.aliases
    yield Probe(fact_id, "efficacy", lang, lang, record.src, target, aliases=aliases)
    if record.rephrase:
        fresh = record.rephrase != record.src
        yield Probe(fact_id, "generality", lang, lang, record.rephrase, target, distinct=fresh, aliases=aliases)
    if record.loc and record.loc_ans:
        yield Probe(fact_id, "specificity", lang, lang, neighbour_prompt(record.loc), f" {record.loc_ans}")
    if record.new_question and record.new_answer:
        yield Probe(fact_id, "portability", lang, lang, record.new_question, f" {record.new_answer}")
    for kind, prompt, answer in record.more:
        fresh, same = kind != "generality" or prompt != record.src, aliases if answer == record.alt else ()
        told = _target(answer, lang, glued)
        yield Probe(fact_id, kind, lang, lang, prompt, told, distinct=fresh, aliases=same)


def neighbour_prompt(question: str) -> str:
    """Put a Natural Questions question as the released code does.

    It gets "nq question: " before it where that is missing, in every language, and a "?" after it. The
    released code adds the "?" also where the question has one; here it stays one.
    """
    start = "" if NQ_PREFIX in question else NQ_PREFIX
    end = "" if question.endswith(QUESTION_MARKS) else "?"
    return f"{start}{question}{end}"


# ---------------------------------------------------------------------------- the English data set
def load(request: DataRequest) -> LoadedData:
    """Read, align and draw."""
    return _load(_path(request.data_dir), request)


def _load(path: Path, request: DataRequest) -> LoadedData:
    records, problems = read(path)
    if problems:
        raise problems[0]
    return choose(FOLDER, {"en": records}, request)


def read(path: Path) -> tuple[list[Record], list[BenchError]]:
    """The records of a file, and what is wrong with the others.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    records, problems = [], []
    for index, item in enumerate(read_records(path)):
        try:
            records.append(read_record(item, path, f"{FOLDER}/{index}", may_be_empty=("alt",)))
        except BenchError as error:
            problems.append(error)
    return records, problems


def check(path: Path) -> Checked:
    """What a file holds."""
    records, problems = read(path)
    spans, count = align_all("en", records, records)
    return Checked(FOLDER, (count,), tuple(problems), {"en": examples(records, spans)})


def fingerprint(data_dir: Path | None) -> str:
    """Hash the file."""
    return digest([path] if (path := _path(data_dir)).is_file() else [], FOLDER)


def _path(data_dir: Path | None) -> Path:
    place = place_of(FOLDER, data_dir, [FILE], SOURCE)
    there = (path for name in (FILE, KNOWEDIT) if (path := place / name).exists() or path.is_symlink())
    return next(there, place / FILE)


DATASET = Dataset(
    name=FOLDER,
    languages=("en",),
    licence="CC BY-SA 4.0 (zsRE)",
    citation="Levy et al., Zero-Shot Relation Extraction via Reading Comprehension, CoNLL 2017; "
    "edits of Mitchell et al., MEND, ICLR 2022",
    source=f"{SOURCE}, or KnowEdit on the hub",
    what="English questions about one relation of a subject, with counterfactual answers",
    load=load,
    fingerprint=fingerprint,
    files={f"{FOLDER}/{FILE}": ""},
    selection="drawn by seed",
    hub=Hub(
        "zjunlp/KnowEdit",
        "c3a6bccb5fc37a59dea3197ac36526d44606acd0",
        {"benchmark/ZsRE/ZsRE-test-all.json": f"{FOLDER}/{KNOWEDIT}"},
    ),
)


def of_file(path: Path) -> Dataset:
    """The facts of a file in this layout, wherever it lies."""
    return replace(
        DATASET,
        files={},
        hub=None,
        load=lambda request: _load(path, request),
        fingerprint=lambda _: content_digest(path),
    )

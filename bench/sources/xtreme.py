"""Evaluation items of four XTREME tasks, in the shapes in which LangEdit published its own.

Sources:
    xtreme: what the XTREME download script leaves below ``<data_dir>/xtreme``: ``xnli/dev-de.tsv``,
        ``pawsx/dev-de.tsv``, ``panx/dev-de.tsv`` and ``mlqa/MLQA_V1/dev/dev-context-de-question-de.json``.
    xtreme_langedit: JSON lines, ``<data_dir>/xtreme_langedit/xnli_de.jsonl``.
    hub: validation splits from the `datasets` hub, see `HUB`.

An item has an ``id``, its place in the file from "0", and

    xnli, pawsx: ``sentence1``, ``sentence2``, ``label``: entailment or not_entailment, 1 or 0
    mlqa: ``context``, ``question``, ``answer``, the first one given
    wikiann: ``text``, tokens joined by spaces, and ``label``, a line "TYPE: entity@entity" per type in it

Items stay in the order of the file. Records in errors are lines, for MLQA ids, for the hub rows from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.ground.digests import content_digest
from bench.ground.errors import BenchError
from bench.ground.names import hint, unknown
from bench.ground.parsing import is_unicode, parse_json, read_text
from bench.sources.common import text_problem

Item = Mapping[str, str]
Fields = dict[str, str]

SOURCES = ("xtreme", "xtreme_langedit", "hub")
TASKS = ("xnli", "pawsx", "mlqa", "wikiann")
LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "xnli": ("en", "de", "nl", "es", "fr", "zh"),
    "pawsx": ("en", "de", "es", "fr", "zh"),
    "mlqa": ("en", "de", "es", "zh"),
    "wikiann": ("en", "de", "nl", "es", "fr", "zh"),
}
"""What a task has in some source; no source has all of it."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "xnli": ("sentence1", "sentence2", "label"),
    "pawsx": ("sentence1", "sentence2", "label"),
    "mlqa": ("context", "question", "answer"),
    "wikiann": ("text", "label"),
}
LABELS: Mapping[str, Mapping[str, str]] = {
    "xnli": {
        "entailment": "entailment",
        "not_entailment": "not_entailment",
        "neutral": "not_entailment",
        "contradiction": "not_entailment",
        "contradictory": "not_entailment",
    },
    "pawsx": {"0": "0", "1": "1"},
}
"""Label words in the files and what they become."""

TYPES = ("PER", "LOC", "ORG")
TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""In the order of their numbers on the hub."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Where a task lies on the hub.

    Attributes:
        path: the repository.
        revision: a commit, or the hub's own branch of Parquet copies.
        languages: those that it has of `LANGUAGES`.
        config: configuration of a language, ``{lang}`` standing for it.
        classes: words for label numbers, should the files not hold them.
        converted: the revision is the branch of Parquet copies, which lists no configurations: folders are them.
    """

    path: str
    revision: str
    languages: tuple[str, ...]
    config: str = "{lang}"
    classes: tuple[str, ...] = ()
    converted: bool = False


HUB: Mapping[str, Hub] = {
    "xnli": Hub(
        "facebook/xnli",
        "b8dd5d7af51114dbda02c0e3f6133f332186418e",
        ("en", "de", "es", "fr", "zh"),
        classes=("entailment", "neutral", "contradiction"),
    ),
    "pawsx": Hub(
        "google-research-datasets/paws-x",
        "4cd8187c404bda33cb1f62b49b001115862acf37",
        LANGUAGES["pawsx"],
        classes=("0", "1"),
    ),
    "mlqa": Hub(
        "facebook/mlqa", "refs/convert/parquet", LANGUAGES["mlqa"], config="mlqa.{lang}.{lang}", converted=True
    ),
    "wikiann": Hub(
        "unimelb-nlp/wikiann", "f0a3be6dc5564c0cc4150bb660144800a1f539d4", LANGUAGES["wikiann"], classes=TAGS
    ),
}
"""Pinned to commits, but for MLQA: its main branch is a loading script, which `datasets` runs no more, so that
only the Parquet copies can be read; no commit of that branch is known here, and the branch may move."""


def read(source: str, task: str, lang: str, data_dir: Path | None) -> list[Fields]:
    """Read the items of a task in a language.

    Args:
        source: one of `SOURCES`.
        task: one of `TASKS`.
        lang: one of the task's `LANGUAGES`.
        data_dir: folder that holds the folder of the source; the hub needs none.

    Returns:
        At least one item, in the order of the file.

    Raises:
        BenchError: an unknown name, no such data, or bad data: names the file, the record and the field.
    """
    _check(source, task)
    if lang not in LANGUAGES[task]:
        raise BenchError(f"{task} has no language '{lang}'; it has: {', '.join(LANGUAGES[task])}")
    if source == "hub":
        return read_hub(task, lang)
    if data_dir is None:
        raise BenchError(f"{source} lies on disk: give the folder above {source}/ with --data-dir or BENCH_DATA_DIR")
    path = _file(source, task, lang, data_dir)
    if source == "xtreme_langedit":
        return _numbered(_jsonl(path, task), path)
    if task == "mlqa":
        return _numbered(_squad(path), path)
    return _numbered(_conll(path, lang) if task == "wikiann" else _tsv(path, task), path)


def available(source: str, task: str, data_dir: Path | None) -> tuple[str, ...]:
    """Languages whose data can be read, in the order of `LANGUAGES`.

    Those whose file is there; of the hub those that it is known to have, without asking it.

    Raises:
        BenchError: the source or the task is unknown.
    """
    _check(source, task)
    if source == "hub":
        return HUB[task].languages
    if data_dir is None:
        return ()
    return tuple(lang for lang in LANGUAGES[task] if _file(source, task, lang, data_dir).is_file())


def fingerprint(source: str, task: str, lang: str, data_dir: Path | None) -> str:
    """Hash what `read` reads; of the hub the place and its revision.

    Raises:
        BenchError: an unknown name, or no such file.
    """
    _check(source, task)
    if source == "hub":
        return repr(HUB[task])
    if data_dir is None:
        raise BenchError(f"{source} lies on disk: give the folder above {source}/ with --data-dir or BENCH_DATA_DIR")
    return content_digest(_file(source, task, lang, data_dir))


def _check(source: str, task: str) -> None:
    if source not in SOURCES:
        raise unknown("source of XTREME items", source, SOURCES)
    if task not in TASKS:
        raise unknown("XTREME task", task, TASKS)


def _file(source: str, task: str, lang: str, data_dir: Path) -> Path:
    folder = data_dir / source
    if source == "xtreme_langedit":
        return folder / f"{task}_{lang}.jsonl"
    if task == "mlqa":
        return folder / "mlqa" / "MLQA_V1" / "dev" / f"dev-context-{lang}-question-{lang}.json"
    return folder / {"wikiann": "panx"}.get(task, task) / f"dev-{lang}.tsv"


def _numbered(items: Iterable[Fields], file: object) -> list[Fields]:
    numbered = [{"id": str(place), **item} for place, item in enumerate(items)]
    if not numbered:
        raise BenchError("holds no items", file=file)
    return numbered


# ---------------------------------------------------------------------------- items
@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record stands; makes items of it, and errors that name it."""

    file: object
    record: object = None

    def error(self, message: str, field: str | None = None) -> BenchError:
        return BenchError(message, file=self.file, record=self.record, field=field)

    def get(self, record: Any, name: str) -> Any:
        if not isinstance(record, dict):
            raise self.error("not an object with fields")
        if name not in record:
            raise self.error("missing", name)
        return record[name]

    def text(self, record: Any, name: str) -> str:
        value = self.get(record, name)
        if problem := text_problem(value):
            raise self.error(problem, name)
        return str(value)

    def many(self, record: Any, name: str) -> list[Any]:
        value = self.get(record, name)
        if not isinstance(value, list):
            raise self.error("not a list", name)
        return value

    def pair(self, task: str, record: Any) -> Fields:
        """An XNLI or PAWS-X item."""
        label = self.text(record, "label")
        if label not in LABELS[task]:
            raise self.error(f"unknown label {label!r}; there are: {', '.join(LABELS[task])}", "label")
        sentences = {name: self.text(record, name) for name in ("sentence1", "sentence2")}
        return {**sentences, "label": LABELS[task][label]}

    def question(self, record: Any, start: int | None = None) -> Fields:
        """An MLQA item; `start` is where in the context the answer begins, if that is given."""
        item = {name: self.text(record, name) for name in FIELDS["mlqa"]}
        answer, context = item["answer"], item["context"]
        if answer not in context:
            raise self.error(f"the answer {answer!r} is not in the context", "answer")
        if start is not None and not context.startswith(answer, start):
            raise self.error(f"the answer {answer!r} does not stand at {start} in the context", "answer_start")
        return item

    def first_answer(self, context: str, question: str, texts: Sequence[Any], starts: Sequence[Any]) -> Fields:
        if not texts:
            raise self.error("no answer", "answers")
        start = starts[0] if starts else None
        if start is not None and (type(start) is not int or start < 0):
            raise self.error(f"{start!r} is no place in the context", "answer_start")
        return self.question({"context": context, "question": question, "answer": texts[0]}, start)

    def tag(self, tag: str) -> str:
        if tag not in TAGS:
            raise self.error(f"unknown tag {tag!r}; there are: {', '.join(TAGS)}", "tag")
        return tag


def _tagged(tokens: Sequence[str], tags: Sequence[str]) -> Fields:
    """A WikiANN item, as the published ones: types in the order of the text, stray I- tags make no entity."""
    entities: dict[str, list[list[str]]] = {}
    inside = ""
    for token, tag in zip(tokens, tags, strict=True):
        position, _, kind = tag.partition("-")
        if position == "B":
            entities.setdefault(kind, []).append([token])
        elif position == "I" and kind == inside:
            entities[kind][-1].append(token)
        else:
            kind = ""
        inside = kind
    lines = [f"{kind}: {'@'.join(map(' '.join, found))}\n" for kind, found in entities.items()]
    return {"text": " ".join(tokens), "label": "".join(lines)}


# ---------------------------------------------------------------------------- files
def _lines(path: Path) -> Iterator[tuple[_Place, str]]:
    """Lines with their places; only line feeds end them."""
    lines = read_text(path, lines=True).split("\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        yield _Place(path, number), line.removesuffix("\r")


def _columns(place: _Place, line: str, wanted: Sequence[str]) -> list[str]:
    """The fields between tabs; quotes mean nothing in these files."""
    columns = line.split("\t")
    if len(columns) != len(wanted):
        raise place.error(f"columns between tabs: {len(columns)}, needed: {len(wanted)} ({', '.join(wanted)})")
    return columns


def _tsv(path: Path, task: str) -> Iterator[Fields]:
    for place, line in _lines(path):
        columns = _columns(place, line, FIELDS[task])
        yield place.pair(task, dict(zip(FIELDS[task], columns, strict=True)))


def _conll(path: Path, lang: str) -> Iterator[Fields]:
    """Sentences between blank lines; the language before every token, as in some releases, is taken away."""
    rows: list[tuple[str, str]] = []
    for place, line in _lines(path):
        if not line.strip():
            rows.append(("", ""))
            continue
        token, tag = _columns(place, line, ("token", "tag"))
        if not token.strip():
            raise place.error("empty", "token")
        rows.append((token, place.tag(tag)))
    prefix = f"{lang}:"
    # only if all have it: a text may hold such a token by itself
    cut = len(prefix) if all(token.startswith(prefix) for token, _ in rows if token) else 0
    for filled, sentence in groupby(rows, key=lambda row: bool(row[0])):
        if filled:
            tokens, tags = zip(*sentence, strict=True)
            yield _tagged([token[cut:] for token in tokens], tags)


def _squad(path: Path) -> Iterator[Fields]:
    for title, article in enumerate(_Place(path).many(parse_json(read_text(path), path), "data")):
        for number, paragraph in enumerate(_Place(path, f"data.{title}").many(article, "paragraphs")):
            above = _Place(path, f"data.{title}.paragraphs.{number}")
            context = above.text(paragraph, "context")
            for asked in above.many(paragraph, "qas"):
                place = _Place(path, above.text(asked, "id"))
                answers = place.many(asked, "answers")
                texts = [place.text(answer, "text") for answer in answers]
                starts = [answer.get("answer_start") for answer in answers]
                yield place.first_answer(context, place.text(asked, "question"), texts, starts)


def _jsonl(path: Path, task: str) -> Iterator[Fields]:
    for place, line in _lines(path):
        if not line.strip():
            continue
        record = parse_json(line, path, place.record)
        for name in record if isinstance(record, dict) else ():
            if name not in (*FIELDS[task], "idx"):
                raise place.error(f"unknown field{hint(name, FIELDS[task])}", name)
        if task == "mlqa":
            yield place.question(record)
        else:
            yield _published_entities(place, record) if task == "wikiann" else place.pair(task, record)


def _published_entities(place: _Place, record: Any) -> Fields:
    """A WikiANN item as it was published; its types stay in their order."""
    text, label = place.text(record, "text"), place.get(record, "label")
    *lines, rest = label.split("\n") if isinstance(label, str) and is_unicode(label) else [label]
    kinds = [line.partition(": ") for line in lines]
    if rest != "" or not all(kind in TYPES and entities for kind, _, entities in kinds):
        raise place.error(f"not lines 'TYPE: entity@entity' of the types {', '.join(TYPES)}", "label")
    return {"text": text, "label": label}


# ---------------------------------------------------------------------------- hub
def read_hub(task: str, lang: str, path: str | None = None) -> list[Fields]:
    """Read the validation items of a task from the hub.

    Args:
        task: one of `TASKS`.
        lang: one of the languages that the hub has of the task.
        path: a folder or repository to read in place of the task's own; the layout must be the same.

    Raises:
        BenchError: the hub has no such language, cannot be reached, or holds bad data.
    """
    import datasets

    hub = HUB[task]
    source, config = path or hub.path, hub.config.format(lang=lang)
    if lang not in hub.languages:
        raise BenchError(f"{hub.path} has no language '{lang}'; it has: {', '.join(hub.languages)}")
    name, folder = (None, config) if hub.converted else (config, None)
    try:
        data = datasets.load_dataset(source, name, data_dir=folder, revision=hub.revision, split="validation")
    except Exception as error:  # the library raises many kinds; all mean that the items are not to be had
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BenchError(f"{source} ({config}) cannot be loaded from the hub: {reason}") from error
    file = f"{source} ({config})"
    classes = _classes(data.features, "ner_tags" if task == "wikiann" else "label", hub.classes)
    return _numbered((_row(_Place(file, number), task, row, classes) for number, row in enumerate(data)), file)


def _classes(features: Mapping[str, Any], column: str, default: Sequence[str]) -> Sequence[str]:
    """Words for the numbers in a column of labels, or of lists of them."""
    feature = features.get(column)
    names: Sequence[str] | None = getattr(getattr(feature, "feature", feature), "names", None)
    return names or default


def _row(place: _Place, task: str, row: Mapping[str, Any], classes: Sequence[str]) -> Fields:
    if task == "mlqa":
        answers = place.get(row, "answers")
        texts, starts = place.many(answers, "text"), place.many(answers, "answer_start")
        return place.first_answer(place.text(row, "context"), place.text(row, "question"), texts, starts)
    if task == "wikiann":
        tokens = place.many(row, "tokens")
        if not all(isinstance(token, str) and is_unicode(token) for token in tokens):
            raise place.error("not all are texts", "tokens")
        tags = [place.tag(_word(place, "ner_tags", each, classes)) for each in place.many(row, "ner_tags")]
        if len(tokens) != len(tags):
            raise place.error(f"{len(tags)} tags for {len(tokens)} tokens", "ner_tags")
        return _tagged(tokens, tags)
    first, second = ("premise", "hypothesis") if task == "xnli" else ("sentence1", "sentence2")
    sentences = {"sentence1": place.text(row, first), "sentence2": place.text(row, second)}
    return place.pair(task, {**sentences, "label": _word(place, "label", place.get(row, "label"), classes)})


def _word(place: _Place, field: str, number: Any, classes: Sequence[str]) -> str:
    if type(number) is not int or not 0 <= number < len(classes):
        raise place.error(f"{number!r} is not the number of a label; there are: {', '.join(classes)}", field)
    return classes[number]

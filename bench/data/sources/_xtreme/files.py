"""XTREME items from files: those of the XTREME download script, and those that LangEdit published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.data.sources._xtreme.records import FIELDS, TYPES, Fields, Place, tagged
from bench.ground.names import hint
from bench.ground.parsing import is_unicode, parse_json, read_text


def _lines(path: Path) -> Iterator[tuple[Place, str]]:
    """Lines with their places; only line feeds end them."""
    lines = read_text(path, lines=True).split("\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        yield Place(path, number), line.removesuffix("\r")


def _columns(place: Place, line: str, wanted: Sequence[str]) -> list[str]:
    """The fields between tabs; quotes mean nothing in these files."""
    columns = line.split("\t")
    if len(columns) != len(wanted):
        raise place.error(f"columns between tabs: {len(columns)}, needed: {len(wanted)} ({', '.join(wanted)})")
    return columns


def tsv(path: Path, task: str) -> Iterator[Fields]:
    for place, line in _lines(path):
        columns = _columns(place, line, FIELDS[task])
        yield place.pair(task, dict(zip(FIELDS[task], columns, strict=True)))


def conll(path: Path, lang: str) -> Iterator[Fields]:
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
            yield tagged([token[cut:] for token in tokens], tags)


def squad(path: Path) -> Iterator[Fields]:
    for title, article in enumerate(Place(path).many(parse_json(read_text(path), path), "data")):
        for number, paragraph in enumerate(Place(path, f"data.{title}").many(article, "paragraphs")):
            above = Place(path, f"data.{title}.paragraphs.{number}")
            context = above.text(paragraph, "context")
            for asked in above.many(paragraph, "qas"):
                place = Place(path, above.text(asked, "id"))
                answers = place.many(asked, "answers")
                texts = [place.text(answer, "text") for answer in answers]
                starts = [answer.get("answer_start") for answer in answers]
                yield place.first_answer(context, place.text(asked, "question"), texts, starts)


def jsonl(path: Path, task: str) -> Iterator[Fields]:
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


def _published_entities(place: Place, record: Any) -> Fields:
    """A WikiANN item as it was published; its types stay in their order."""
    text, label = place.text(record, "text"), place.get(record, "label")
    *lines, rest = label.split("\n") if isinstance(label, str) and is_unicode(label) else [label]
    kinds = [line.partition(": ") for line in lines]
    if rest != "" or not all(kind in TYPES and entities for kind, _, entities in kinds):
        raise place.error(f"not lines 'TYPE: entity@entity' of the types {', '.join(TYPES)}", "label")
    return {"text": text, "label": label}

"""BabelEdits (Green et al., 2025): facts of BabelNet in 60 languages, with other names of their objects.

One JSON object of synsets, as the owners' ``aggregate_translations.py`` writes it and their ``edit.py`` reads it
(github.com/umanlp/babeledits)::

    {"bn:...": {"subjects_mt_marked": {"en": ..., "de": ...}, "relations": {"RELATION": {
        "ground_truths": {...}, "edit": {
            "targets_mt_marked": {...}, "targets_aliases": {"en": [...]}, "prompts_mt_marked": {...},
            "generality": {"prompts_gen_mt_marked": {...}},
            "locality": {"RELATION": {"prompts_loc_mt_marked": {...}, "ground_truths_loc_mt_marked": {...}}},
            "portability": {"multi_hop": {"RELATION": {"prompts_port_mt_marked": {...}, "ground_truths_port_mt_marked":
                {...}}}, "subject_aliasing": {"prompts_subj_alias": {"en": [...]}}}}}}}}

Texts are those translated with markers, the default there; else ``..._mt``, else without any ending. A language in
which a text is missing (the owners' tables write NaN) lacks what needs it; subjects are looked for in their prompts, as
there. The owners' repository holds no data and their upload is private, so this is a layout of files only: whoever has
one gives its path.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.api import ProbeKind
from bench.data.common import Dataset, text_problem
from bench.data.sources import _cases
from bench.data.sources._cases import Cases
from bench.data.sources._zsre import Record
from bench.ground.errors import BenchError
from bench.ground.languages import primary
from bench.ground.parsing import parse_json, read_text

LAYOUT = "babeledits"
ENDINGS = ("_mt_marked", "_mt", "")

Texts = Mapping[str, str]
"""By language."""


def read(path: Path) -> Cases:
    """The edits of a file by language, and what is wrong with those that are left out.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    items = parse_json(read_text(path), path)
    if not isinstance(items, dict) or not items:
        raise BenchError("not an object of synsets", file=path)
    found: dict[str, dict[str, Record]] = {}
    problems = []
    for synset, item in items.items():
        try:
            for case, lang, record in _Reader(path, synset).edits(item):
                found.setdefault(lang, {})[case] = record
        except BenchError as error:
            problems.append(error)
    return Cases(LAYOUT, found, problems)


def of_file(path: Path) -> Dataset:
    """The facts of a file in this layout, in the languages that it holds.

    Raises:
        BenchError: the file is not as it should be.
    """
    return _cases.of_file(read(path), path)


def is_one(items: Any) -> bool:
    """Whether a file that holds an object is in this layout."""
    return isinstance(items, dict) and any(isinstance(item, dict) and "relations" in item for item in items.values())


class _Reader:
    """Reads one synset and knows its place for error messages."""

    def __init__(self, path: Path, synset: str) -> None:
        self.path, self.synset = path, synset

    def edits(self, item: Any) -> Iterator[tuple[str, str, Record]]:
        """Case, language, record of every relation that is edited."""
        item = self.object(item, "")
        subjects = self.texts(item, "subjects", "", needed=True)
        relations = self.object(item.get("relations"), "relations")
        if not relations:
            raise self.error("holds none", "relations")
        for name, relation in relations.items():
            place = f"relations.{name}"
            about = self.object(relation, place)
            edit = self.object(about.get("edit"), f"{place}.edit")
            true = self.texts(about, "ground_truths", place)
            for lang, record in self.records(subjects, edit, true, f"{place}.edit").items():
                yield f"{self.synset}/{name}", lang, record

    def records(self, subjects: Texts, edit: Mapping[str, Any], true: Texts, place: str) -> dict[str, Record]:
        prompts, targets = (self.texts(edit, name, place, needed=True) for name in ("prompts", "targets"))
        aliases = self.lists(edit, "targets_aliases", place)
        rephrases = self.texts(self.object(edit.get("generality") or {}, f"{place}.generality"), "prompts_gen", place)
        asked = list(self.asked(edit, targets, place))
        return {
            lang: Record(
                subjects[lang],
                prompts[lang],
                targets[lang],
                rephrases.get(lang, ""),
                more=tuple((kind, prompt, answer) for kind, where, prompt, answer in asked if where == lang),
                true=true.get(lang, ""),
                aliases=aliases.get(lang, ()),
            )
            for lang in prompts
            if lang in subjects and lang in targets
        }

    def asked(self, edit: Mapping[str, Any], targets: Texts, place: str) -> Iterator[tuple[ProbeKind, str, str, str]]:
        """What a question counts for, its language, text and answer."""
        nearby = self.object(edit.get("locality") or {}, f"{place}.locality")
        after = self.object(edit.get("portability") or {}, f"{place}.portability")
        hops = self.object(after.get("multi_hop") or {}, f"{place}.portability.multi_hop")
        kinds: tuple[tuple[ProbeKind, str, Mapping[str, Any], str], ...] = (
            ("specificity", "loc", nearby, "locality"),
            ("portability", "port", hops, "portability.multi_hop"),
        )
        for kind, short, relations, where in kinds:
            for name, relation in relations.items():
                here = f"{place}.{where}.{name}"
                about = self.object(relation, here)
                answers = self.texts(about, f"ground_truths_{short}", here)
                for lang, prompt in self.texts(about, f"prompts_{short}", here).items():
                    if lang in answers:
                        yield kind, lang, prompt, answers[lang]
        names = self.object(after.get("subject_aliasing") or {}, f"{place}.portability.subject_aliasing")
        for lang, prompts in self.lists(names, "prompts_subj_alias", place).items():
            for prompt in prompts if lang in targets else ():
                yield "portability", lang, prompt, targets[lang]

    def texts(self, item: Mapping[str, Any], name: str, place: str, needed: bool = False) -> dict[str, str]:
        """Texts by language, those translated best."""
        named = next((f"{name}{ending}" for ending in ENDINGS if f"{name}{ending}" in item), "")
        if not named:
            if needed:
                raise self.error("missing", f"{place}.{name}{ENDINGS[0]}".lstrip("."))
            return {}
        where = f"{place}.{named}".lstrip(".")
        found = {}
        for code, text in self.object(item[named], where).items():
            if _is_missing(text):
                continue
            if problem := text_problem(text):
                raise self.error(problem, f"{where}.{code}")
            found[self.language(code, where)] = text.strip()
        return found

    def lists(self, item: Mapping[str, Any], name: str, place: str) -> dict[str, tuple[str, ...]]:
        """Lists of texts by language; {} where there are none."""
        where, found = f"{place}.{name}", {}
        for code, texts in self.object(item.get(name) or {}, where).items():
            if not isinstance(texts, list):
                raise self.error("not a list", f"{where}.{code}")
            for text in texts:
                if problem := text_problem(text):
                    raise self.error(f"each must be a text, one is {problem}", f"{where}.{code}")
            found[self.language(code, where)] = tuple(dict.fromkeys(text.strip() for text in texts))
        return found

    def object(self, value: Any, place: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.error("missing" if value is None else "not an object with fields", place or None)
        return value

    def language(self, code: str, place: str) -> str:
        try:
            return primary(code)
        except BenchError as error:
            raise self.error(error.message, f"{place}.{code}") from error

    def error(self, message: str, field: str | None) -> BenchError:
        return BenchError(message, file=self.path, record=self.synset, field=field)


def _is_missing(text: Any) -> bool:
    return text is None or (isinstance(text, float) and math.isnan(text))

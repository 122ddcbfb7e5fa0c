"""A user's own facts: one JSON object per line (``.jsonl``) or a list of them (``.json``).

    {"fact_id": "eiffel", "lang": "en", "prompt": "The city where {} stands is", "subject": "Eiffel's tower",
     "target": "Rome", "paraphrases": ["{} stands in"], "neighbours": [{"prompt": "Big Ben stands in",
     "target": "London"}], "portability": [{"prompt": "...", "target": "..."}], "aliases": ["Roma"], "note": "anything"}

The first five fields are needed. A prompt without ``{}`` must hold the subject exactly once. ``{}`` in a
paraphrase stands for the subject. A fact that is given in several languages has the same ``fact_id`` in each,
and is then also asked across them. A language is given by any code ("zh", "zh-CN", "zho"), and is known by its primary
subtag. `aliases` are other ways to say the target, which count in free answers. Targets get a leading space unless the
language is written without spaces, in the script that the code names if it names one, or the prompt ends with one.
Records count from 1, in a ``.jsonl`` file they are the lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.api import SUBJECT_SLOT, EditRequest, Fact, Probe, ProbeKind
from bench.data.common import (
    AlignmentCount,
    Checked,
    DataRequest,
    LoadedData,
    crosslingual,
    draw,
    shuffled,
    text_problem,
    translated,
)
from bench.data.sources._own import numbered, parsed, template
from bench.ground.errors import BenchError
from bench.ground.languages import primary, spaceless
from bench.ground.names import hint

NEEDED = ("fact_id", "lang", "prompt", "subject", "target")
OPTIONAL = ("paraphrases", "neighbours", "portability", "aliases", "note")
LAYOUT = "facts file"
SUFFIXES = (".jsonl", ".json")

Facts = dict[tuple[str, str], Fact]
"""By fact id and language, in the order of the file."""


def read(path: Path) -> Facts:
    """Read a file of facts.

    Raises:
        BenchError: names the file, the record and the field at fault.
    """
    facts, problems = scan(path)
    if problems:
        raise problems[0]
    if not facts:
        raise BenchError("holds no facts", file=path)
    return facts


def scan(path: Path) -> tuple[Facts, list[BenchError]]:
    """The facts of a file, and what is wrong with its other records.

    Raises:
        BenchError: the file as a whole cannot be read.
    """
    facts: Facts = {}
    problems: list[BenchError] = []
    for number, item in numbered(path):
        try:
            fact = _Reader(path, number).fact(parsed(item, path, number))
            key = fact.request.fact_id, fact.request.lang
            if key in facts:
                raise BenchError(f"{key[0]!r} is given twice in {key[1]!r}", file=path, record=number, field="fact_id")
            facts[key] = fact
        except BenchError as error:
            problems.append(error)
    return facts, problems


def check(path: Path) -> Checked:
    """What a file holds."""
    facts, problems = scan(path)
    if not facts and not problems:
        raise BenchError("holds no facts", file=path)
    per_language = Counter(lang for _, lang in facts)
    equal = Counter(lang for (_, lang), fact in facts.items() if any(not probe.distinct for probe in fact.probes))
    counts = [AlignmentCount(lang, n, exact=n, rephrase_equal=equal[lang]) for lang, n in per_language.items()]
    return Checked("own facts", tuple(counts), tuple(problems))


def choose(facts: Facts, request: DataRequest) -> LoadedData:
    """Draw facts by seed, as `bench.data.common.draw` does, and ask them across languages."""
    order = shuffled(dict.fromkeys(fact_id for fact_id, _ in facts), request.seed, "facts")
    available = {lang: [fact_id for fact_id in order if (fact_id, lang) in facts] for lang in request.languages}
    return LoadedData(
        {
            lang: [_across(fact_id, lang, facts, request.languages) for fact_id in kept]
            for lang, kept in draw(available, order, request).items()
        }
    )


def _across(fact_id: str, lang: str, facts: Facts, languages: Sequence[str]) -> Fact:
    requests = {other: facts[fact_id, other].request for other in languages if (fact_id, other) in facts}
    # the first probe is the edit itself
    edits = {other: facts[fact_id, other].probes[0] for other in requests}
    asked = {other: (each.prompt, each.target, each.aliases) for other, each in edits.items()}
    fact = facts[fact_id, lang]
    return Fact(translated(requests, lang), fact.probes + crosslingual(fact_id, lang, asked))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one record and knows its place for error messages."""

    path: Path
    number: int

    def fact(self, item: Any) -> Fact:
        if not isinstance(item, dict):
            raise self.error("not an object with fields", None)
        for name in item:
            if name not in NEEDED + OPTIONAL:
                raise self.error(f"unknown field{hint(name, NEEDED + OPTIONAL)}", name)
        fact_id, lang, prompt, subject, target = (self.text(item, name) for name in NEEDED)
        fact_id, subject = fact_id.strip(), subject.strip()
        try:
            slotted = template(prompt, subject, "prompt")
        except BenchError as error:
            raise error.at(file=self.path, record=self.number) from error
        try:
            lang, glued = primary(lang), spaceless(lang)
        except BenchError as error:
            raise self.error(error.message, "lang") from error
        request = EditRequest(fact_id, lang, slotted, subject, _with_space(target, prompt, glued))
        return Fact(request, tuple(self.probes(item, request, glued)))

    def probes(self, item: Mapping[str, Any], request: EditRequest, glued: bool) -> Iterator[Probe]:
        fact_id, lang, text, target = request.fact_id, request.lang, request.text, request.target
        aliases = tuple(self.texts(item, "aliases"))
        yield Probe(fact_id, "efficacy", lang, lang, text, target, aliases=aliases)
        for paraphrase in self.texts(item, "paraphrases"):
            asked = paraphrase.replace(SUBJECT_SLOT, request.subject)
            fresh = asked.strip() != text.strip()
            given = _with_space(target, asked, glued)
            yield Probe(fact_id, "generality", lang, lang, asked, given, distinct=fresh, aliases=aliases)
        yield from self.questions(item, "neighbours", "specificity", request, glued)
        yield from self.questions(item, "portability", "portability", request, glued)

    def questions(
        self, item: Mapping[str, Any], name: str, kind: ProbeKind, request: EditRequest, glued: bool
    ) -> Iterator[Probe]:
        """Probes from a list of {"prompt", "target"}."""
        for question in self.many(item, name):
            if not isinstance(question, dict):
                raise self.error('each must be {"prompt": ..., "target": ...}', name)
            prompt = self.text(question, "prompt", f"{name}.prompt")
            target = self.text(question, "target", f"{name}.target")
            lang = request.lang
            yield Probe(request.fact_id, kind, lang, lang, prompt, _with_space(target, prompt, glued))

    def text(self, item: Mapping[str, Any], name: str, place: str = "") -> str:
        if name not in item:
            raise self.error("missing", place or name)
        if problem := text_problem(item[name]):
            raise self.error(problem, place or name)
        return str(item[name])

    def texts(self, item: Mapping[str, Any], name: str) -> Iterator[str]:
        for text in self.many(item, name):
            if problem := text_problem(text):
                raise self.error(f"each must be a text, one is {problem}", name)
            yield text

    def many(self, item: Mapping[str, Any], name: str) -> list[Any]:
        value = item.get(name) or []
        if not isinstance(value, list):
            raise self.error("not a list", name)
        return value

    def error(self, message: str, field: str | None) -> BenchError:
        return BenchError(message, file=self.path, record=self.number, field=field)


def _with_space(target: str, prompt: str, glued: bool) -> str:
    """The target as it is appended to the prompt; `glued` where words are not spaced."""
    return target if glued or prompt[-1:].isspace() or target[0].isspace() else f" {target}"

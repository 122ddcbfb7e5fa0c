"""MLaKE's records of one language, with what is sure of their subjects; see `bench.data.sources.mlake`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.api import SUBJECT_SLOT, EditRequest
from bench.data.common import SPACELESS_LANGUAGES, AlignmentCount, Asking
from bench.data.sources.shared_span import Asked, Finder
from bench.data.sources.sure import Known, judge
from bench.data.sources.unspaced import SCRIPTS, Names, agree
from bench.data.spans import How, Span

FOLDER = "mlake"

WAYS: tuple[How, ...] = ("quoted", "named", "alike", "recurring", "framed")


@dataclass(frozen=True, slots=True)
class Language:
    """The single-hop records of one language, where their subjects stand, and why that is not sure of the others."""

    lang: str
    asked: Sequence[Asked]
    spans: Mapping[int, Span]
    unsure: Mapping[int, str]

    @classmethod
    def of(cls, lang: str, asked: Sequence[Asked], english: Language | None = None) -> Language:
        """Look for the subjects; `english` is None for English itself and where it is not known."""
        subjects = english.subjects() if english else {}
        if lang in SCRIPTS:
            names = Names.of(lang, asked)
            each_found = {index: names.find(each) for index, each in enumerate(asked)}
            spans = {index: found for index, found in each_found.items() if not isinstance(found, str)}
            each_found.update(agree(spans, asked, {index: known.name for index, known in subjects.items()}))
        else:
            finder = Finder.of(lang, asked)
            questions = dict(enumerate(each.question for each in english.asked)) if english else {}
            each_found = {
                index: judge(each.question, finder.find(each, questions.get(index, "")), lang, subjects.get(index))
                for index, each in enumerate(asked)
            }
        for index, found in each_found.items():
            if not isinstance(found, str) and _has_braces(asked[index].question, found):
                each_found[index] = "literal braces in the prompt"
        spans = {index: found for index, found in each_found.items() if not isinstance(found, str)}
        unsure = {index: found for index, found in each_found.items() if isinstance(found, str)}
        return cls(lang, asked, spans, unsure)

    def subjects(self) -> dict[int, Known]:
        """The subjects that are sure, by record."""
        return {
            index: Known(self.asked[index].question[span.start : span.end], span.how == "quoted")
            for index, span in self.spans.items()
        }

    def count(self) -> AlignmentCount:
        """What became of the records."""
        how = Counter(span.how for span in self.spans.values())
        ways: dict[str, Any] = {way: how[way] for way in WAYS}
        return AlignmentCount(self.lang, len(self.asked), dropped=Counter(self.unsure.values()), **ways)

    def target(self, index: int) -> str:
        """The edited answer as it is appended to the question."""
        return target_text(self.asked[index].answer, self.lang)

    def asking(self, index: int) -> Asking:
        """The question of a record, its target and aliases."""
        return self.asked[index].question, self.target(index), self.asked[index].aliases

    def edit(self, index: int) -> EditRequest:
        """The edit of a record whose subject is sure."""
        question, span = self.asked[index].question, self.spans[index]
        template = f"{question[: span.start]}{SUBJECT_SLOT}{question[span.end :]}"
        subject = question[span.start : span.end]
        return EditRequest(f"{FOLDER}/{index}", self.lang, template, subject, self.target(index))


def _has_braces(question: str, span: Span) -> bool:
    """Whether the question holds a slot of its own."""
    return SUBJECT_SLOT in question[: span.start] + " " + question[span.end :]


def target_text(answer: str, lang: str) -> str:
    return answer if lang in SPACELESS_LANGUAGES else f" {answer}"

"""What a model says before and after its edits, and whether that is right: a row for every question.

It is said freely: token by token, the likeliest each, after the bare prompt; nothing of the target is shown to the
model. Right is what begins with the target's own tokens. A classifier says a label.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

import torch

from bench.model.editable import EditableModel
from bench.model.labels import LabelTokens

LENGTH = 12
"""Tokens that are said at least, unless the text ends before."""

EDITED, GUARD = "edited", "guard"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        role: EDITED, of a fact that was edited; GUARD, of one whose answer should stay.
    """

    role: str
    fact_id: str
    lang: str
    prompt: str
    target: str


@dataclass(frozen=True, slots=True)
class Row:
    """One question and its answers; the columns of answers.csv.

    Attributes:
        role, fact, lang, prompt, target: see `Question`.
        before: what the unedited model says.
        now: what the edited model says.
        right_before, right_now: whether it is the target.
        changed: whether the first tokens, as many as the target has, are others now.
    """

    role: str
    fact: str
    lang: str
    prompt: str
    target: str
    before: str
    now: str
    right_before: bool
    right_now: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many of some rows are right or have changed."""

    asked: int
    right_before: int
    right_now: int
    changed: int

    @classmethod
    def of(cls, rows: Iterable[Row], role: str) -> Count:
        """Count the rows of a role."""
        chosen = [row for row in rows if row.role == role]
        right = sum(row.right_before for row in chosen), sum(row.right_now for row in chosen)
        return cls(len(chosen), *right, sum(row.changed for row in chosen))


def compare(model: EditableModel, questions: Sequence[Question]) -> list[Row]:
    """Ask a model as it is, and as it was before any edit."""
    prompts, targets = [each.prompt for each in questions], [each.target for each in questions]
    now = say(model, prompts, targets)
    with model.unedited():
        before = say(model, prompts, targets)
    wanted = model.tokens.targets(targets)
    rows = []
    for question, target, then, after in zip(questions, wanted, before, now, strict=True):
        first = then[: len(target)], after[: len(target)]
        rows.append(
            Row(
                question.role,
                question.fact_id,
                question.lang,
                question.prompt,
                question.target,
                before=in_words(model, then),
                now=in_words(model, after),
                right_before=first[0] == target,
                right_now=first[1] == target,
                changed=first[0] != first[1],
            )
        )
    return rows


@torch.no_grad()
def say(model: EditableModel, prompts: Sequence[str], targets: Sequence[str]) -> list[list[int]]:
    """Ids that a model says after each prompt, at least as many as the target has unless it ends before."""
    if isinstance(model.tokens, LabelTokens):
        return [list(answer.predicted_ids) for answer in model.answers(prompts, targets)]
    rows = model.tokens.prompts(prompts)
    wanted = [max(LENGTH, len(target)) for target in model.tokens.targets(targets)]
    return [list(answer.ids) for answer in model.continued(rows, [_nowhere] * len(rows), wanted)]


def _nowhere(text: str, *, final: bool) -> None:
    """An answer ends where the model ends it."""


def in_words(model: EditableModel, ids: Sequence[int]) -> str:
    """What was said, for people: its first line, without what ends it."""
    if isinstance(model.tokens, LabelTokens):
        return " ".join(model.tokens.labels[each] for each in ids if each >= 0)
    text: str = model.tokenizer.decode(list(ids), skip_special_tokens=True)
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def to_csv(rows: Iterable[Row]) -> str:
    """The rows as a table for programs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in fields(Row)])
    for row in rows:
        writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in astuple(row)])
    return out.getvalue()

"""Practice edits as token ids: what an editor learns on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from bench.api import Answer, Fact
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.encoder import EncoderModel

Model = EditableModel | EncoderModel

Asked = tuple[list[int], list[int]]
"""Token ids of a prompt and of its target, or the label's id."""


@dataclass(frozen=True, slots=True)
class Example:
    """An edit and what it is judged by.

    Attributes:
        edit: what is edited.
        rephrases: other phrasings, with the same target.
        unrelated: what it must leave alone.
    """

    edit: Asked
    rephrases: tuple[Asked, ...]
    unrelated: tuple[Asked, ...]


def examples(model: Model, facts: Sequence[Fact], end_of_text: bool = False) -> list[Example]:
    """Facts as token ids; rephrases and unrelated ones in the language of the edit.

    Targets of edits and rephrases end with the end of a text where that is asked for.

    Raises:
        BenchError: a fact has no rephrase in its language, or nothing unrelated.
    """
    asked = [_asked(fact) for fact in facts]
    edits = iter(ids(model, [pair for edit, _ in asked for pair in edit], end_of_text))
    others = iter(ids(model, [pair for _, unrelated in asked for pair in unrelated]))
    return [
        Example(next(edits), tuple(islice(edits, len(edit) - 1)), tuple(islice(others, len(unrelated))))
        for edit, unrelated in asked
    ]


def _asked(fact: Fact) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Prompts and targets in the language of the edit: the edit with its rephrases, and what is unrelated."""
    request = fact.request
    own = [probe for probe in fact.probes if probe.probe_lang == request.lang]
    rephrases = [(p.prompt, p.target) for p in own if p.kind == "generality" and p.distinct]
    unrelated = [(p.prompt, p.target) for p in own if p.kind == "specificity"]
    for name, found in (("rephrase", rephrases), ("unrelated fact", unrelated)):
        if not found:
            raise BenchError(f"no {name} in {request.lang} to practise on", record=request.fact_id, field="probes")
    return [(request.text, request.target), *rephrases], unrelated


def ids(model: Model, asked: Sequence[tuple[str, str]], end_of_text: bool = False) -> list[Asked]:
    """Prompts and targets as token ids; with the end of a text where that is asked for."""
    prompts = model.rows([prompt for prompt, _ in asked])
    targets = model.tokens.targets([target for _, target in asked], end_of_text=end_of_text)
    return list(zip(prompts, targets, strict=True))


def conditions(model: Model, edits: Sequence[Asked], answers: Sequence[Answer]) -> list[list[int]]:
    """What KE reads of each edit: "{old answer} >> {new answer} || {input}" in ids.

    Args:
        model: the model, whose tokenizer has the signs.
        edits: ids of each edit's prompt and target.
        answers: what the model says to them.
    """
    old, new = (model.tokens.tokenizer(sign, add_special_tokens=False)["input_ids"] for sign in (" >> ", " || "))
    said = {each for answer in answers for each in (answer.predicted_ids, answer.target_ids)}
    words = {each: _words(model, each) for each in said}
    return [
        [*words[answer.predicted_ids], *old, *words[answer.target_ids], *new, *prompt]
        for (prompt, _), answer in zip(edits, answers, strict=True)
    ]


def _words(model: Model, answer: Sequence[int]) -> list[int]:
    """An answer's token ids; of a label, those of its word."""
    labels = getattr(model.tokens, "labels", None)
    if labels is None:
        return [token for token in answer if token >= 0]
    words = "".join(labels[i] for i in answer if i >= 0)
    found: list[int] = model.tokens.tokenizer(words, add_special_tokens=False)["input_ids"]
    return found

"""Practice edits as token ids: what an editor learns on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.api import EditRequest, Fact
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
        condition: ids of "{old answer} >> {new answer} || {input}", as KE reads an edit; nothing for MEND.
    """

    edit: Asked
    rephrases: tuple[Asked, ...]
    unrelated: tuple[Asked, ...]
    condition: list[int]


def examples(model: Model, facts: Sequence[Fact], end_of_text: bool = False, *, conditioned: bool) -> list[Example]:
    """Facts as token ids; rephrases and unrelated ones in the language of the edit.

    Targets of edits and rephrases end with the end of a text where that is asked for.

    Args:
        model: the model.
        facts: practice facts.
        end_of_text: see above.
        conditioned: the editor reads conditions, for which the model is asked.

    Raises:
        BenchError: a fact has no rephrase in its language, or nothing unrelated.
    """
    found = []
    read = conditions(model, [fact.request for fact in facts]) if conditioned else [[] for _ in facts]
    for fact, condition in zip(facts, read, strict=True):
        request = fact.request
        own = [probe for probe in fact.probes if probe.probe_lang == request.lang]
        rephrases = [(p.prompt, p.target) for p in own if p.kind == "generality" and p.distinct]
        unrelated = [(p.prompt, p.target) for p in own if p.kind == "specificity"]
        for name, asked in (("rephrase", rephrases), ("unrelated fact", unrelated)):
            if not asked:
                raise BenchError(f"no {name} in {request.lang} to practise on", record=request.fact_id, field="probes")
        edit, *others = ids(model, [(request.text, request.target), *rephrases], end_of_text)
        found.append(Example(edit, tuple(others), tuple(ids(model, unrelated)), condition))
    return found


def ids(model: Model, asked: Sequence[tuple[str, str]], end_of_text: bool = False) -> list[Asked]:
    """Prompts and targets as token ids; with the end of a text where that is asked for."""
    prompts = model.rows([prompt for prompt, _ in asked])
    targets = model.tokens.targets([target for _, target in asked], end_of_text=end_of_text)
    return list(zip(prompts, targets, strict=True))


def conditions(model: Model, requests: Sequence[EditRequest]) -> list[list[int]]:
    """What KE reads of each edit: the old answer as the model gives it, the new one, and the input."""
    texts, targets = [r.text for r in requests], [r.target for r in requests]
    separators = {
        sign: model.tokens.tokenizer(sign, add_special_tokens=False)["input_ids"] for sign in (" >> ", " || ")
    }
    inputs, answers = model.rows(texts), model.answers(texts, targets)
    return [
        [*_words(model, answer.predicted_ids), *separators[" >> "], *_words(model, answer.target_ids),
         *separators[" || "], *row]
        for answer, row in zip(answers, inputs, strict=True)
    ]  # fmt: skip


def _words(model: Model, answer: Sequence[int]) -> list[int]:
    """An answer's token ids; of a label, those of its word."""
    labels = getattr(model.tokens, "labels", None)
    if labels is None:
        return [token for token in answer if token >= 0]
    words = "".join(labels[i] for i in answer if i >= 0)
    found: list[int] = model.tokens.tokenizer(words, add_special_tokens=False)["input_ids"]
    return found

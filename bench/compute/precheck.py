"""What is looked at when model and facts are there and nothing is edited yet: numbers, and texts that fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from bench.api import EditRequest, Fact
from bench.config.cell import Cell
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel


def check(model: EditableModel, facts: Iterable[Fact], cell: Cell) -> None:
    """Refuse facts that the model's tokenizer or context cannot take, and a model that computes no numbers.

    Raises:
        BenchError: names the data set, the fact and the field; or the model.
    """
    found = list(facts)
    check_texts(model, found, cell.data.name)
    request = found[-1].request
    (answer,) = model.answers([request.text], [request.target])
    if not all(map(math.isfinite, answer.logprobs)):
        raise BenchError(f"model {cell.model.name!r} computes NaN or inf in {cell.model.dtype}; give another --dtype")


def check_texts(model: EditableModel, facts: Iterable[Fact], name: str) -> None:
    """Refuse facts that the model's tokenizer or context cannot take.

    Args:
        model: that will read them.
        facts: with their probes.
        name: of the data set.

    Raises:
        BenchError: names the data set, the fact and the field.
    """
    for fact in facts:
        try:
            _check_texts(model, fact)
        except BenchError as error:
            raise error.at(file=name, record=fact.request.fact_id) from error


def _check_texts(model: EditableModel, fact: Fact) -> None:
    edits = (fact.request, *fact.request.translations)
    model.tokens.locate([edit.text for edit in edits], [edit.subject_span for edit in edits])
    asked = list(dict.fromkeys(_asked(fact, edits)))
    prompts = model.rows([prompt for _, prompt, _ in asked])
    targets = model.tokens.targets([target for _, _, target in asked])
    for (what, text, _), prompt, target in zip(asked, prompts, targets, strict=True):
        if not prompt:
            raise BenchError(f"the prompt {text!r} has no tokens", field=what)
        model.tokens.check(prompt, what)
        model.tokens.check(target, f"target of {what}")
        # the target's last token is only predicted
        if (length := len(prompt) + len(target) - 1) > model.context_length:
            raise BenchError(f"{length} tokens with the target, and the model reads {model.context_length}", field=what)


def _asked(fact: Fact, edits: Iterable[EditRequest]) -> Iterator[tuple[str, str, str]]:
    """What is asked (for people), the prompt, the target."""
    yield from ((f"prompt ({edit.lang})", edit.text, edit.target) for edit in edits)
    yield from ((f"{probe.kind} ({probe.probe_lang})", probe.prompt, probe.target) for probe in fact.probes)

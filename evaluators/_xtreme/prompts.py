"""What the model is asked about a task's items: texts, and their ids, which are the same in every cell.

Texts are turned into ids many in a call, and each is asked with as many examples, from the first, as fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.ground.errors import BenchError
from bench.model.tokens import Tokens
from evaluators._xtreme.protocol import Item

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is asked about an item.

    Attributes:
        text: examples and query.
        shots: number of examples.
        lengths: of the label words after it, in tokens.
    """

    text: str
    shots: int
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """The prompts of a task, and the ids of all texts in them.

    Attributes:
        prompts: by id of the item.
        ids: of prompts, and of prompts without the blanks at their ends.
        words: ids of label words, with the blanks that a prompt ends in before them.
    """

    prompts: Mapping[str, Prompt]
    ids: Mapping[str, Row]
    words: Mapping[str, Row]


@dataclass(frozen=True, slots=True)
class Wording:
    """How the items of a task become prompts.

    Attributes:
        name: of the task.
        render: gives the text of an item after so many examples.
        most_shots: at most so many examples.
        room: tokens that a prompt with examples may have.
        words: label words that may follow.
    """

    name: str
    render: Callable[[Item, int], str]
    most_shots: int
    room: int
    words: Sequence[str]


def ask(items: Sequence[Item], wording: Wording, tokens: Tokens) -> Asked:
    """Make the prompts of items.

    Raises:
        BenchError: the model does not know a token; names task and item.
    """
    fitting = _fitting(items, wording, tokens)
    ids = {text: row for text, _, row in fitting.values()}
    ends = {text: text[len(text.rstrip()) :] for text in ids}
    shortened = [text.rstrip() for text, end in ends.items() if end]
    ids.update(_rows(tokens.prompts(shortened), shortened))
    continuing = list(dict.fromkeys(end + word for end in ends.values() for word in wording.words))
    words = _rows(tokens.targets(continuing), continuing)
    prompts = {}
    for item, (text, shots, _) in fitting.items():
        after = [words[ends[text] + word] for word in wording.words]
        for row in after:
            _check(row, wording.name, item, tokens)
        prompts[item] = Prompt(text, shots, tuple(map(len, after)))
    return Asked(prompts, ids, words)


def _fitting(items: Sequence[Item], wording: Wording, tokens: Tokens) -> dict[str, tuple[str, int, Row]]:
    """By id of the item its text, the number of its examples and its ids, with as many examples as fit."""
    found: dict[str, tuple[str, int, Row]] = {}
    for shots in range(wording.most_shots + 1):
        texts = [wording.render(item, shots) for item in items]
        fits = []
        for item, text, row in zip(items, texts, map(tuple, tokens.prompts(texts)), strict=True):
            _check(row, wording.name, item["id"], tokens)
            # without examples it is asked whether or not it fits
            if not shots or len(row) <= wording.room:
                found[item["id"]] = text, shots, row
                fits.append(item)
        items = fits
    return found


def _rows(rows: Sequence[Sequence[int]], texts: Sequence[str]) -> dict[str, Row]:
    return {text: tuple(row) for text, row in zip(texts, rows, strict=True)}


def _check(row: Row, name: str, item: str, tokens: Tokens) -> None:
    try:
        tokens.check(row)
    except BenchError as error:
        raise error.at(file=name, record=item) from error

"""The labels of a classifier, seen as targets: what it says after a text is one of two words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.ground.errors import BenchError
from bench.model.tokens import Tokens

LABELS = 2
"""How many a classifier of claims has."""

FEVER_WORDS = {"true": "supports", "false": "refutes"}
"""What classifiers trained on FEVER call the labels."""


def labels_of(config: Any) -> tuple[str, ...]:
    """A classifier's labels by id.

    Raises:
        BenchError: they are not two.
    """
    named: Mapping[int, str] = config.id2label
    if len(named) != LABELS:
        raise BenchError(f"a classifier of claims has {LABELS} labels, this one has {len(named)}", field="id2label")
    return tuple(str(named[i]) for i in range(LABELS))


class LabelTokens(Tokens):
    """A tokenizer whose targets are labels: the id of a target is that of a label, not of a token.

    Args:
        tokenizer: a fast tokenizer.
        vocabulary: how many tokens the model knows.
        labels: by id.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, labels: Sequence[str]) -> None:
        super().__init__(tokenizer, vocabulary)
        self.labels = tuple(labels)
        self._ids = {label.casefold(): i for i, label in enumerate(labels)}

    def contents(self) -> tuple[str, ...]:
        """As of any tokenizer, and the labels."""
        return (*super().contents(), *self.labels)

    def targets(self, texts: Sequence[str], *, end_of_text: bool = False) -> list[list[int]]:
        """The id of each label, whatever its case and the space before it, in the classifier's words or FEVER's.

        Raises:
            BenchError: a text is none of the labels, or an end of text is asked for, which a label has not.
        """
        if end_of_text:
            raise BenchError("a classifier says a label, which no end of text follows", field="end_of_text")
        return [[self._label(text)] for text in texts]

    def text(self, ids: Sequence[int]) -> str:
        """The labels that ids of targets stand for."""
        return " ".join(self.labels[each] for each in self._said(ids))

    def whole(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text with all special tokens, as an encoder reads it."""
        rows: list[list[int]] = self.tokenizer(list(texts))["input_ids"] if texts else []
        return rows

    def _label(self, text: str) -> int:
        word = text.strip().casefold()
        found = self._ids.get(word, self._ids.get(FEVER_WORDS.get(word, "")))
        if found is None:
            raise BenchError(
                f"{text.strip()!r} is no label of this classifier: {', '.join(self.labels)}", field="target"
            )
        return found

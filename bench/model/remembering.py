"""A model with a memory beside its weights, as evaluators see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from bench.model.answers import Answer, Change, Ending, Generated
from bench.model.changes import changes
from bench.model.editable import EditableModel
from bench.model.reading import Memory, Reading, Row, read_alike


@dataclass(frozen=True, slots=True)
class Remembering:
    """Says what the model says where every prompt is read through the memory first.

    Attributes:
        model: with its edits, if its weights have any.
        memory: what stands beside it.
    """

    model: EditableModel
    memory: Memory

    @property
    def hf(self) -> Any:
        """The Hugging Face model without the memory; see `read`."""
        return self.model.hf

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""
        return self.model.tokenizer

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        """How the memory has prompts read."""
        return self.memory.read(rows, rooms)

    def switched(self, part: int) -> AbstractContextManager[None]:
        """The model with a part of the memory."""
        return self.memory.switched(part)

    def answers(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Answer]:
        """As `EditableModel.answers`."""
        model = self.model
        pairs = list(dict.fromkeys(zip(prompts, targets, strict=True)))
        rows = model.rows([prompt for prompt, _ in pairs])
        wanted = model.tokens.targets([target for _, target in pairs])

        def answer(places: list[int], read: list[Row]) -> list[Answer]:
            return model.answered(read, [wanted[i] for i in places])

        # the last token is only predicted
        said = read_alike(self.memory, rows, [len(target) - 1 for target in wanted], answer)
        found = dict(zip(pairs, said, strict=True))
        return [found[pair] for pair in zip(prompts, targets, strict=True)]

    def changes(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Change | None]:
        """How what is said differs from what the unedited model says to the prompts as they stand."""
        return changes(self.model, self.model.rows(prompts), self.model.tokens.targets(targets), self.memory)

    def generate(self, prompts: Sequence[str], endings: Sequence[Ending], most: int) -> list[Generated]:
        """As `EditableModel.generate`."""
        model = self.model
        asked = list(dict.fromkeys(zip(prompts, endings, strict=True)))
        rows = model.rows([prompt for prompt, _ in asked])

        def say(places: list[int], read: list[Row]) -> list[Generated]:
            return model.continued(read, [asked[i][1] for i in places], [most] * len(places))

        said = read_alike(self.memory, rows, [most - 1] * len(rows), say)
        found = dict(zip(asked, said, strict=True))
        return [found[pair] for pair in zip(prompts, endings, strict=True)]

    def text(self, ids: Sequence[int]) -> str:
        """What ids of an answer say."""
        return self.model.text(ids)

    @contextmanager
    def unedited(self) -> Iterator[EditableModel]:
        """The model before any edit, without the memory."""
        with self.model.unedited() as original:
            yield original

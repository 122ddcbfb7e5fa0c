"""Retrieval: no weight changes; the stored fact that is nearest to a prompt is put before it.

In-context editing in its zero-shot form, as ReMaKE has it (Wang et al. 2024, "Retrieval-augmented Multilingual
Knowledge Editing"; weixuan-wang123/ReMaKE, ``easyeditor/evaluate/evaluate.py``: the new fact as a line of its own, then
the question). With stored prompts x_i, their new objects y_i and points e(.) of length 1,

    p(. | x) = p(. | x_i y_i newline x)   where i = argmax e(x) e(x_i), if e(x) e(x_i) >= t;   else p(. | x)

The release retrieves by a trained XLM-R classifier or a multilingual sentence model; here e is made of the model's own
hidden states (`methods._memory.embedding`), so that nothing is trained or downloaded, or of a sentence-transformers
model by name. Which block, and last token or mean: at the last token of a prompt, after the last block, all that the
prompt asks has come together, subject and relation, whatever the phrasing; further down the last token has not read
them yet, and a mean over tokens tells the words of the prompt rather than what they ask.

t is such that `stray` of the prompts of unedited practice facts find a fact among as many others; the more facts are
stored the more prompts find one, so a setting suits streams of its length. In-context means that
the model may ignore the fact; and a fact is left out where it, the prompt and the answer do not fit into the context. A
prompt that finds no fact is run as without edits. An edit of the same prompt takes the place of an earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.ground.errors import BenchError
from bench.model.editable import EditableModel
from bench.model.reading import NoMemory, Reading
from bench.model.remembering import Remembering
from bench.model.sizes import Beside
from bench.model.stats import Stats
from methods._locate.editor import Clock
from methods._memory.embedding import Embed, Space, States, sentence_model
from methods._memory.looking import Pooling
from methods._memory.practice import Practice

SAW = "practice facts"

BESIDE = Beside(width=4)

IN_CONTEXT = True

LINE = "\n"
"""Stands between the fact and the prompt."""

CERTAIN = 1 - 1e-4
"""A prompt that is stored word by word is always found, whatever rounding makes of its similarity to itself."""


class Config(BaseModel):
    """Options of retrieval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    block: int = Field(ge=0, description="block whose states embed a prompt")
    pooling: Pooling = Field(description="of a prompt's states: last token, or mean over its tokens")
    stray: float = Field(ge=0, lt=1, description="share of unedited facts' prompts that may find a stored fact")
    embedding: str = Field("", description="a sentence-transformers model in place of the states, hub id or folder")


@dataclass(frozen=True, slots=True)
class Stored:
    """Facts that prompts are looked up in.

    Attributes:
        model: that reads the prompts.
        embed: makes points of them.
        facts: ids that are put before a prompt.
        keys: points of the facts' own prompts [n, e].
        threshold: least similarity.
    """

    model: EditableModel
    embed: Embed
    facts: Sequence[Sequence[int]]
    keys: Tensor
    threshold: float

    def read(self, rows: Sequence[Sequence[int]], rooms: Sequence[int]) -> list[Reading]:
        """Each prompt with the fact that it finds."""
        if not self.facts or not rows:
            return NoMemory().read(rows, rooms)
        found = {}
        distinct = list(dict.fromkeys(map(tuple, rows)))
        similarities, nearest = (self.embed(distinct) @ self.keys.T).max(dim=1)
        for row, similarity, place in zip(distinct, similarities.tolist(), nearest.tolist(), strict=True):
            found[row] = self.facts[place] if similarity >= self.threshold else ()
        return [self._put(tuple(row), found[tuple(row)], room) for row, room in zip(rows, rooms, strict=True)]

    def _put(self, row: tuple[int, ...], fact: Sequence[int], room: int) -> Reading:
        if len(fact) + len(row) + room > self.model.context_length:
            return Reading(row)
        start = self.model.tokens.opening(row)
        return Reading((*row[:start], *fact, *row[start:]))

    def switched(self, part: int) -> AbstractContextManager[None]:
        """The model as it is."""
        return nullcontext()


@dataclass(frozen=True, slots=True)
class Retrieval:
    """See the module."""

    config: Config

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """Make the embedding and the threshold from practice facts."""
        if model.arch.head:
            raise BenchError("retrieval puts a fact before a prompt that is continued, and a classifier continues none")
        if not self.config.embedding:
            model.check_layers([self.config.block])
        practice = Practice.of(context.practice(), model.tokens)
        embed = self._embedding(model, practice)
        keys = embed(practice.stored)
        best = (embed(practice.strangers) @ keys.T).max(dim=1).values
        threshold = min(float(best.quantile(1 - self.config.stray)), CERTAIN)
        memory: dict[str, Any] = {"prompts": [], "facts": [], "keys": keys[:0], "threshold": threshold}
        return State(memory, {"embed": embed})

    def _embedding(self, model: EditableModel, practice: Practice) -> Embed:
        if self.config.embedding:
            return sentence_model(self.config.embedding, model)
        states = States(model, self.config.block, self.config.pooling)
        space = Space.of(states([*practice.stored, *practice.strangers]), practice.languages)
        return lambda rows: space(states(rows))

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Store one step's facts."""
        clock, memory = Clock(), state.memory
        prompts = model.tokens.prompts([request.text for request in requests])
        new = dict(zip(map(tuple, prompts), facts_of(model, requests), strict=True))
        with clock.phase("keys"):
            keys = state.constants["embed"](list(new))
        kept = [i for i, prompt in enumerate(memory["prompts"]) if tuple(prompt) not in new]
        stored = {
            "prompts": [*(memory["prompts"][i] for i in kept), *map(list, new)],
            "facts": [*(memory["facts"][i] for i in kept), *new.values()],
            "keys": torch.cat([memory["keys"][kept], keys]),
        }
        return State({**memory, **stored}, state.constants), EditReport(seconds=clock.seconds)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model, reading prompts with the facts that they find."""
        memory = state.memory
        stored = Stored(model, state.constants["embed"], memory["facts"], memory["keys"], memory["threshold"])
        return nullcontext(Remembering(model, stored))


def facts_of(model: EditableModel, requests: Sequence[EditRequest]) -> list[list[int]]:
    """Ids of each fact as a line: its prompt without what stands before every text, its target, the line's end."""
    tokens = model.tokens.plain
    (end,) = tokens.targets([LINE])
    prompts = tokens.prompts([request.text for request in requests])
    targets = tokens.targets([request.target for request in requests])
    return [[*row[tokens.opening(row) :], *target, *end] for row, target in zip(prompts, targets, strict=True)]


def build(config: Config) -> Method:
    """Retrieval as described above."""
    return Retrieval(config)

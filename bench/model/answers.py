"""What a model says where a target is expected, how edits changed it, and what it says of its own accord."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Ended = Literal["stop", "end of text", "length"]
"""Why an answer is over: by the rule that was given, by the model's own token, or because it may not be longer."""

NO_ANSWERS = "a classifier says one of its labels, it writes no answers; ask it with --evaluators edits"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says, token by token, where a target is expected (teacher forcing).

    Attributes:
        target_ids: the target's token ids, length q.
        predicted_ids: the argmax at each target position given the true ids before it, length q.
        logprobs: log-probability of each target id, length q.
    """

    target_ids: tuple[int, ...]
    predicted_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How an edit changed what is said where a target is expected; means over the target's q positions.

    Attributes:
        count: q.
        kl: KL(unedited || edited) of the next token, over the whole vocabulary, in nats; None where a diverged model
            has no distribution.
        top1: share of positions whose likeliest token is the same; 0 where a diverged model says nothing.
        top5: share of the five likeliest tokens that are among the five likeliest still; None where there are no more.
    """

    count: int
    kl: float | None
    top1: float
    top5: float | None


@dataclass(frozen=True, slots=True)
class Generated:
    """What the model says after a prompt, each token the likeliest.

    Attributes:
        ids: of all tokens that hold some of the answer.
        text: the answer.
        ended: why it is over.
    """

    ids: tuple[int, ...]
    text: str
    ended: Ended


class Ending(Protocol):
    """Where an answer ends. Equal endings are one: questions that share a prompt and an ending are asked once."""

    def __call__(self, text: str, *, final: bool) -> int | None:
        """How many characters of a text are the answer; None where it goes on, or what follows will tell.

        Args:
            text: all that was said so far, whole characters only.
            final: nothing follows.
        """
        ...

    def __hash__(self) -> int:
        """Of what decides where it ends."""
        ...

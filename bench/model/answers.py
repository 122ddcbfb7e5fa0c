"""What a model says where a target is expected."""

from __future__ import annotations

from dataclasses import dataclass


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

"""The rows of ids that an edit looks at: each prompt bare and behind its context prefixes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.api import EditRequest
from bench.ground.errors import BenchError
from bench.model.tokens import Located, Tokens

ESSENCE = "{} is a"
"""The prompt whose prediction after the subject must not drift (KL term); English in every language."""


@dataclass(frozen=True, slots=True)
class PromptSet:
    """One request's rows.

    Attributes:
        request: the edit.
        prompts: the bare prompt first, then one per prefix; ids and subject-last index.
        essence: "{subject} is a"; ids and subject-last index.
        target_ids: length q.
    """

    request: EditRequest
    prompts: tuple[Located, ...]
    essence: Located
    target_ids: tuple[int, ...]


def prompt_sets(
    tokens: Tokens, requests: Sequence[EditRequest], prefixes: Mapping[str, Sequence[str]], end_of_text: bool = False
) -> list[PromptSet]:
    """Tokenise a step's requests with the prefixes of their languages, all in three calls.

    Targets end with the end of a text where that is asked for.

    Raises:
        BenchError: a request names no subject, a subject lies in no token, or a language has no prefixes.
    """
    texts, spans, counts = [], [], []
    for request in requests:
        if not request.has_subject:
            raise BenchError(
                "none is named, and this method edits at the subject", record=request.fact_id, field="subject"
            )
        if request.lang not in prefixes:
            raise BenchError(f"no context prefixes for language '{request.lang}'", record=request.fact_id)
        before = ["", *prefixes[request.lang]]
        texts += [prefix + request.text for prefix in before]
        start, end = request.subject_span
        spans += [(len(prefix) + start, len(prefix) + end) for prefix in before]
        counts.append(len(before))
    located = tokens.locate(texts, spans)
    whole = [(0, len(r.subject)) for r in requests]
    essences = tokens.locate([ESSENCE.replace("{}", r.subject) for r in requests], whole)
    targets = tokens.targets([r.target for r in requests], end_of_text=end_of_text)
    sets, first = [], 0
    for request, count, essence, target in zip(requests, counts, essences, targets, strict=True):
        sets.append(PromptSet(request, tuple(located[first : first + count]), essence, tuple(target)))
        first += count
    return sets


def check_lengths(sets: Sequence[PromptSet], context_length: int) -> None:
    """Refuse a fact whose prompt fits into the context alone, but not behind its context prefixes.

    Raises:
        BenchError: names the fact.
    """
    for each in sets:
        longest = max(len(located.ids) for located in each.prompts) + len(each.target_ids) - 1
        if longest > context_length:
            raise BenchError(
                f"{longest} tokens with the target and a context prefix, and the model reads {context_length}",
                record=each.request.fact_id,
                field="prompt",
            )


def prompt_weights(count: int) -> list[float]:
    """Weights of a request's keys: the bare prompt 1/2, the prefixed ones share the other half.

    Released code: mean over the two template groups of the mean inside each group.
    """
    if count == 1:
        return [1.0]
    return [0.5] + [0.5 / (count - 1)] * (count - 1)

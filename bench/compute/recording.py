"""What is recorded of a cell: scores and costs as rows of the store's schema."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from bench.api import Context, EditReport, Evaluator, Fact, Reply, Score, Scorer
from bench.ground.digests import text_digest
from bench.ground.measure import Cost, measured
from bench.ground.rows import places_kept
from bench.model.placement import devices_of
from bench.store.judging import FREE
from bench.store.shards import ANSWER_TABLE, COST_TABLE, ResultStore
from bench.store.silent import UNCHANGED


@dataclass(frozen=True, slots=True)
class Table:
    """What one evaluator found at one step: its rows, rows of what finding them cost, and what the model said."""

    rows: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    answers: list[dict[str, Any]] = field(default_factory=list)

    def record(self, store: ResultStore, cell_id: str, step: int, evaluator: str) -> None:
        """Write it; the scores last, for where they are there nothing is asked again."""
        store.record(cell_id, step, COST_TABLE, self.costs, part=evaluator)
        if self.answers:
            store.record(cell_id, step, ANSWER_TABLE, self.answers, part=evaluator)
        store.record(cell_id, step, evaluator, self.rows)


def evaluate(view: Scorer, name: str, evaluator: Evaluator, seen: Sequence[Fact], context: Context) -> Table:
    """Score a model with one evaluator."""
    with measured(*devices_of(view.hf)) as cost:
        rows, answers = _sorted(evaluator.score(view, seen, context), context)
    records = {(row["fact"], row["edit_lang"], row["probe_lang"]) for row in rows}
    costs = {
        f"seconds.score.{name}": cost.seconds,
        f"records_per_second.{name}": len(records) / cost.seconds,
        f"memory.score.{name}": cost.peak_bytes,
    }
    return Table(rows, [_cost(quantity, value) for quantity, value in costs.items()], answers)


def evaluate_apart(
    asked: Sequence[Scorer], name: str, evaluator: Evaluator, facts: Sequence[Fact], context: Context
) -> Table:
    """Score independent edits with one evaluator, each by itself."""
    with measured() as cost:
        found = [row for view, fact in zip(asked, facts, strict=True) for row in evaluator.score(view, [fact], context)]
    rows, answers = _sorted(found, context)
    return Table(rows, [_cost(f"seconds.score.{name}", cost.seconds)], answers)


def _sorted(found: Iterable[Score | Reply], context: Context) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Scores, and what was said, as rows of the store's schemas."""
    scores: list[Score] = []
    replies: list[Reply] = []
    for each in found:
        if isinstance(each, Reply):
            replies.append(each)
        else:
            scores.append(each)
    return score_rows(scores), answer_rows(kept(replies, context))


def kept(replies: Sequence[Reply], context: Context) -> list[Reply]:
    """The answers that are kept: all, or the wrong ones and `SAMPLE` right ones, or none.

    Free answers are kept whole unless none are: verdicts on a part of them would be no score.
    """
    if context.answers_kept == "none":
        return []
    # drawn over right and wrong ones: the methods of a seed show the same probes, as far as they have them right
    drawn = torch.randperm(len(replies), generator=context.rng("answers")).tolist()
    values = [0.0 if reply.protocol.startswith(FREE) else reply.value for reply in replies]
    return [replies[i] for i in places_kept(values, context.answers_kept, drawn)]


def score_rows(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """Scores as rows of the store's schema."""
    return [
        {
            "metric": score.metric,
            "protocol": score.protocol,
            "fact": score.fact_id,
            "edit_lang": score.edit_lang,
            "probe_lang": score.probe_lang,
            "value": score.value,
            "weight": score.weight,
        }
        for score in scores
    ]


def answer_rows(replies: Iterable[Reply]) -> list[dict[str, Any]]:
    """What the model said as rows of the store's schema."""
    return [
        {
            "probe": text_digest(reply.prompt, reply.target, reply.probe_lang),
            "fact": reply.fact_id,
            "kind": reply.kind,
            "protocol": reply.protocol,
            "edit_lang": reply.edit_lang,
            "probe_lang": reply.probe_lang,
            "prompt": reply.prompt,
            "target": reply.target,
            "aliases": list(reply.aliases),
            "before": reply.before,
            "answer": reply.answer,
            "tokens": reply.tokens,
            "ended": reply.ended,
            "value": reply.value,
        }
        for reply in replies
    ]


def cost_rows(
    report: EditReport, cost: Cost, count: int, is_diverged: bool, is_silent: bool = False, turn: int = 0
) -> list[dict[str, Any]]:
    """What a step cost and did, as rows of the store's schema; `turn` is its pass where there are several."""
    values: Mapping[str, float] = {
        "edits": count,
        "diverged": float(is_diverged),
        "seconds.total": cost.seconds,
        "memory.peak_bytes": cost.peak_bytes,
        **({UNCHANGED: 1.0} if is_silent else {}),
        **({"turn": turn} if turn else {}),
        **{f"seconds.{name}": seconds for name, seconds in report.seconds.items()},
        **{f"loss.{name}": loss for name, loss in report.losses.items()},
    }
    by_layer = {"update_norm": report.update_norms, "nullity": report.nullity}
    layers = [_cost(name, value, layer) for name, found in by_layer.items() for layer, value in found.items()]
    return [_cost(name, value) for name, value in values.items()] + layers


def preparing_rows(cost: Cost) -> list[dict[str, Any]]:
    """What it cost to make a method ready for its first step, as rows of the store's schema."""
    return [_cost("seconds.preparing", cost.seconds)]


def _cost(quantity: str, value: float, layer: int = -1) -> dict[str, Any]:
    return {"quantity": quantity, "layer": layer, "value": value if math.isfinite(value) else None}

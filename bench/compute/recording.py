"""What is recorded of a cell: scores and costs as rows of the store's schema."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.api import Context, EditReport, Evaluator, Fact, Score, Scorer
from bench.ground.measure import Cost, measured
from bench.model.placement import devices_of


@dataclass(frozen=True, slots=True)
class Table:
    """What one evaluator found at one step: its rows, and rows of what finding them cost."""

    rows: list[dict[str, Any]]
    costs: list[dict[str, Any]]


def evaluate(view: Scorer, name: str, evaluator: Evaluator, seen: Sequence[Fact], context: Context) -> Table:
    """Score a model with one evaluator."""
    with measured(*devices_of(view.hf)) as cost:
        rows = score_rows(evaluator.score(view, seen, context))
    records = {(row["fact"], row["edit_lang"], row["probe_lang"]) for row in rows}
    costs = {
        f"seconds.score.{name}": cost.seconds,
        f"records_per_second.{name}": len(records) / cost.seconds,
        f"memory.score.{name}": cost.peak_bytes,
    }
    return Table(rows, [_cost(quantity, value) for quantity, value in costs.items()])


def evaluate_apart(
    asked: Sequence[Scorer], name: str, evaluator: Evaluator, facts: Sequence[Fact], context: Context
) -> Table:
    """Score independent edits with one evaluator, each by itself."""
    with measured() as cost:
        rows = [
            row
            for view, fact in zip(asked, facts, strict=True)
            for row in score_rows(evaluator.score(view, [fact], context))
        ]
    return Table(rows, [_cost(f"seconds.score.{name}", cost.seconds)])


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


def cost_rows(report: EditReport, cost: Cost, count: int, is_diverged: bool) -> list[dict[str, Any]]:
    """What a step cost and did, as rows of the store's schema."""
    values: Mapping[str, float] = {
        "edits": count,
        "diverged": float(is_diverged),
        "seconds.total": cost.seconds,
        "memory.peak_bytes": cost.peak_bytes,
        **{f"seconds.{name}": seconds for name, seconds in report.seconds.items()},
        **{f"loss.{name}": loss for name, loss in report.losses.items()},
    }
    by_layer = {"update_norm": report.update_norms, "nullity": report.nullity}
    layers = [_cost(name, value, layer) for name, found in by_layer.items() for layer, value in found.items()]
    return [_cost(name, value) for name, value in values.items()] + layers


def _cost(quantity: str, value: float, layer: int = -1) -> dict[str, Any]:
    return {"quantity": quantity, "layer": layer, "value": value if math.isfinite(value) else None}

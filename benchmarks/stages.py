"""The rows of the table: per stage, the reference and the product on the same input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import torch
from torch import Tensor

from bench.api import Fact, Probe, Score
from bench.model.stats import Stats
from benchmarks import reference
from benchmarks.harness import Comparison, Results, Row, Side
from benchmarks.subjects import Subject, facts
from evaluators.edits import TEACHER_FORCED, Edits
from methods._locate.values import optimise_values

KINDS = ("efficacy", "generality", "specificity")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything.

    Attributes:
        facts: whose values are optimised.
        reference_facts: of these, those that the reference optimises; it costs the same for each.
        records: scored by the editing metrics.
        reference_records: of these, those that the reference scores.
        tokens: read for second moments.
        columns: facts per step in linear algebra, n.
        lu_width: m of the solves.
        svd_width: m of the projector's update.
        full_width: m at which the product's projector is timed alone.
        step_facts: facts of the whole step on the smallest shape.
        overhead_facts: facts of a step, LangEdit beside AlphaEdit; `overhead_facts_tiny` for the embedded model.
    """

    facts: int = 100
    reference_facts: int = 6
    records: int = 600
    reference_records: int = 30
    tokens: int = 6_000
    columns: int = 100
    lu_width: int = 14_336
    svd_width: int = 4_096
    full_width: int = 14_336
    step_facts: int = 8
    overhead_facts: int = 20
    overhead_facts_tiny: int = 100


QUICK = Sizes(
    facts=12, reference_facts=2, records=30, reference_records=6, tokens=2_500, columns=20, lu_width=768,
    svd_width=384, full_width=768, step_facts=2, overhead_facts=4, overhead_facts_tiny=12,
)  # fmt: skip
"""Sizes with which all stages take about a minute."""


def tolerance(subject: Subject, full: float) -> float:
    """Allowed difference: `full` for fp32; in half precision optimisation paths part early."""
    return full if subject.model.hf.dtype == torch.float32 else 0.3


# ---------------------------------------------------------------------------- target values
def values(subject: Subject, sizes: Sizes, scratch: Path) -> Iterator[Comparison]:
    """Value optimisation of one step."""
    model, config, layer = subject.model, subject.values(), subject.layers[-1]
    sets = subject.sets(facts(sizes.facts))
    part = min(sizes.reference_facts, len(sets))

    def plain(_: None) -> Results:
        return {"targets": reference.target_values(model, sets[:part], layer, config)}

    def product(_: None) -> Results:
        return {"targets": optimise_values(model, sets, layer, config).targets}

    yield Comparison(
        Row(
            "values",
            f"value optimisation, {len(sets)} facts x {len(sets[0].prompts)} templates, {config.steps} passes",
            subject.name,
            target=None if subject.name == "polyglot-tiny" else 20.0 if model.device.type == "cuda" else 4.0,
            tolerance=tolerance(subject, 1e-2),
            note="reference: one fact at a time, whole model, all logits" + _part(part, len(sets), "facts"),
        ),
        Side(plain, share=part / len(sets)),
        Side(product),
    )


def _part(done: int, whole: int, what: str) -> str:
    return f"; timed on {done} of the {whole} {what}" if done < whole else ""


# ---------------------------------------------------------------------------- statistics
def statistics(subject: Subject, sizes: Sizes, scratch: Path) -> Iterator[Comparison]:
    """Second moments of five layers: passes through the whole model, and passes that stop at the layer."""
    model, stats = subject.model, subject.stats
    layers = subject.layers if len(subject.layers) > 1 else tuple(range(min(5, model.n_layers)))
    assert stats.corpus is not None  # noqa: S101 - subjects have one
    texts = list(stats.corpus.documents())

    def plain(whole: bool) -> Callable[[None], Results]:
        def run(_: None) -> Results:
            found = {}
            for layer in layers:
                batches = corpus_rows(subject, texts, sizes.tokens)
                found[f"layer {layer}"], _count = reference.second_moment(model, batches, layer, whole)
            return found

        return run

    def empty_cache() -> Stats:
        return Stats(scratch / uuid4().hex, stats.corpus, sizes.tokens)

    def product(fresh: Stats) -> Results:
        return {f"layer {layer}": moment.matrix for layer, moment in fresh.moments(model, layers).items()}

    # the target is for five layers
    for whole, target in ((True, 5.0 if len(layers) >= 5 else None), (False, None)):
        yield Comparison(
            Row(
                "statistics",
                f"second moments of {len(layers)} layers, {sizes.tokens} tokens"
                + ("" if whole else ", passes cut at the layer"),
                subject.name,
                target=target,
                tolerance=tolerance(subject, 1e-4),
                note="reference: one pass per layer, " + ("whole model" if whole else "stopped at it as released"),
            ),
            Side(plain(whole)),
            Side(product, empty_cache),
        )


def corpus_rows(subject: Subject, texts: Sequence[str], budget: int) -> Iterator[list[list[int]]]:
    """Batches of the first `budget` tokens of the texts, a hundred texts at a time, sorted by length."""
    model = subject.model
    for start in range(0, len(texts), 100):
        rows = []
        for row in model.tokens.prompts(texts[start : start + 100]):
            rows.append(row[: min(model.context_length, budget)])
            budget -= len(rows[-1])
            if budget <= 0:
                break
        batch: list[list[int]] = []
        for row in sorted((row for row in rows if row), key=len, reverse=True):
            if batch and (len(batch) + 1) * len(batch[0]) > model.token_budget:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch
        if budget <= 0:
            return


# ---------------------------------------------------------------------------- editing metrics
def metrics(subject: Subject, sizes: Sizes, scratch: Path) -> Iterator[Comparison]:
    """Efficacy, generality and both specificities of edited facts, a prompt each (records of zsRE's form)."""
    model = subject.model
    records = [_zsre_like(fact) for fact in facts(sizes.records)]
    part = min(sizes.reference_records, len(records))

    def edited() -> None:
        model.reset()
        for layer in subject.layers:
            weight = model.weight(layer)
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(layer))
            model.add(layer, 0.5 * float(weight.std()) * noise)

    def product(_: None) -> Results:
        rows = [row for row in Edits().score(model, records, subject.context) if isinstance(row, Score)]
        right = [row.value for row in rows if row.protocol == TEACHER_FORCED and row.metric in KINDS]
        agreed = [row.value for row in rows if row.metric == "specificity_agreement"]
        return {"right": torch.tensor(right), "agreed": torch.tensor(agreed)}

    yield Comparison(
        Row(
            "metrics",
            f"editing metrics of {len(records)} records, {sum(len(r.probes) for r in records)} prompts",
            subject.name,
            target=5.0,
            tolerance=2e-2,
            note="reference: one row per prefix of a target, a batch per record, all logits"
            + _part(part, len(records), "records"),
        ),
        Side(lambda _: plain_metrics(subject, records[:part]), edited, share=part / len(records)),
        Side(product, edited),
    )
    model.reset()


def _zsre_like(fact: Fact) -> Fact:
    """The first probe of each of the three kinds."""
    chosen: list[Probe] = []
    for kind in KINDS:
        chosen += [probe for probe in fact.probes if probe.kind == kind][:1]
    return Fact(fact.request, tuple(chosen))


def plain_metrics(subject: Subject, records: Sequence[Fact]) -> Results:
    """The reference's rows: share of right tokens per probe, and of tokens as before the edits."""
    model = subject.model
    right: list[float] = []
    agreed: list[float] = []
    for record in records:
        pairs = _pairs(subject, record.probes)
        said = reference.predictions(model, pairs)
        right += [_share(tokens, target) for tokens, (_, target) in zip(said, pairs, strict=True)]
        asked = [i for i, probe in enumerate(record.probes) if probe.kind == "specificity"]
        if asked:
            with model.unedited():
                before = reference.predictions(model, [pairs[i] for i in asked])
            agreed += [_share(said[i], old) for i, old in zip(asked, before, strict=True)]
    return {"right": torch.tensor(right), "agreed": torch.tensor(agreed)}


def _pairs(subject: Subject, probes: Sequence[Probe]) -> list[tuple[list[int], list[int]]]:
    tokens = subject.model.tokens
    prompts = tokens.prompts([probe.prompt for probe in probes])
    return list(zip(prompts, tokens.targets([probe.target for probe in probes]), strict=True))


def _share(said: Sequence[int], target: Sequence[int]) -> float:
    return sum(a == b for a, b in zip(said, target, strict=True)) / len(target)


def named(prefix: str, updates: dict[int, Tensor]) -> Results:
    """Updates by layer as results."""
    return {f"{prefix} {layer}": update for layer, update in updates.items()}

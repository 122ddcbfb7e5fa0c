"""What every method must keep, whatever it computes: `bench check METHOD`, on tiny random models."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.api import EditRequest, Method, State
from bench.compute import checkpoint
from bench.compute.bed import Bed, Place, weights
from bench.config.cell import Cell, DataRef, MethodSpec, ModelRef, Schedule
from bench.config.registry import Registry
from bench.model import tiny
from bench.model.corpus import Corpus
from bench.model.stats import Stats

OPTIONS: Mapping[str, Any] = {
    "layers": (1, 2),
    "layer": 1,
    "value_steps": 6,
    "value_lr": 0.5,
    "value_decay": 1e-3,
    "clamp": 4.0,
    "kl_weight": 0.0625,
    "prefix_lengths": ((8, 1),),
    "moment_weight": 1.0,
    "keep": 0.4,
    "norm_weight": 0.1,
    "probable": 2,
    "slack": 0.1,
    "threshold": 1.0,
    "l2": 1.0,
    "prior": 100.0,
    "use_moment": True,
    "steps": 5,
    "lr": 1e-2,
    "weight_decay": 0.0,
    "norm_constraint": None,
    "batch_size": 64,
    "objective": "prompt_last",
    "training_steps": 40,
    "edits_per_step": 6,
    "unrelated": 1,
    "c_edit": 1.0,
    "c_loc": 1.0,
    "validate_every": 20,
    "patience": 2,
    "edit_rate": -0.2,
    "rate_lr": 1e-2,
    "block": 2,
    "pooling": "mean",
    "stray": 0.05,
    "top_k": 24,
    "overlap": 0.8,
    "radius": 0.01,
}
"""Values that suit a tiny random model, by option name; a method's other options need defaults of their own."""

OWN: Mapping[str, Mapping[str, Any]] = {
    "ft-inner": {"lr": 1e-3},
    "mend": {"lr": 1e-3, "edit_rate": -0.02, "training_steps": 60, "patience": 5},
    "ke": {"hidden": 32, "condition": 32, "training_steps": 60},
    "encore": {"value_steps": 12},
    "alphaedit-nas": {"anchor_facts": 12},
    "memit-seq-nas": {"anchor_facts": 12},
    "ultraedit": {"lr": 1e-3},
    "stableedit": {"lr": 1e-3},
    "memoir": {"lr": 1.0, "steps": 20},
    "grace": {"lr": 1.0, "steps": 30},
}
"""The same where a method's option means something else: RMSprop begins with ten times its step size, UltraEdit's is a
factor of its values, MEMOIR's gradients have a norm of 1 at most, GRACE's values begin as noise, MEND's and KE's
networks learn slowly or are large, ENCORE takes a little from every update, and other methods anchor no values."""

NEAR = 1e-3
"""Relative difference (Frobenius norm) of two runs of the same on a GPU."""

EFFECT = 1e-3
"""Least change of a log-probability that is no rounding."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check on one architecture."""

    name: str
    passed: bool
    detail: str = ""


def check_method(
    name: str, registry: Registry, options: Mapping[str, Any] | None = None, device: str = "cpu"
) -> list[CheckResult]:
    """Run all checks of a method on all tiny architectures.

    Args:
        name: the method.
        registry: where it is found.
        options: in place of the values that suit tiny models.
        device: where the models lie; on a GPU, whose sums are not reproducible, equal means within `NEAR`.

    Raises:
        BenchError: unknown method, or an option without a value.
    """
    fields = registry.options(name)
    chosen = {**{k: v for k, v in OPTIONS.items() if k in fields}, **OWN.get(name, {}), **(options or {})}
    method: Method = registry.build(name, chosen)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        text = Corpus("tiny", "tiny", tiny.tiny_corpus)
        cell = Cell(
            method=MethodSpec(name=name),
            model=ModelRef(name="tiny"),
            data=DataRef(name="tiny"),
            schedule=Schedule(),
        )
        for place in places(registry, name):
            bed = Bed(
                place,
                method,
                chosen,
                Stats(Path(folder), text),
                cell,
                Path(folder) / place.label.replace(" ", "-"),
                getattr(registry.module(name), "EDITS_NOTHING", False),
                getattr(registry.module(name), "ENCODERS", False),
                getattr(registry.module(name), "IN_CONTEXT", False),
                device,
            )
            results += [_outcome(check, bed) for check in CHECKS]
    return results


def places(registry: Registry, name: str) -> list[Place]:
    """What a method is checked on: causal models; and classifiers of claims, if it edits encoders, too."""
    classifiers = tiny.CLASSIFIERS if getattr(registry.module(name), "ENCODERS", False) else ()
    return [*(Place(each) for each in tiny.ARCHITECTURES), *(Place(each, claims=True) for each in classifiers)]


def _outcome(check: Callable[[Bed], str], bed: Bed) -> CheckResult:
    title = f"{bed.place.label}: {(check.__doc__ or '').splitlines()[0].rstrip('.')}"
    try:
        problem = check(bed)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return CheckResult(title, not problem, problem)


def _differing(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> list[str]:
    return [name for name in a if not torch.equal(a[name], b[name])]


def _is_repeated(one: Tensor, other: Tensor) -> bool:
    """Whether two runs of the same came to the same: bit by bit on a processor, nearly on a GPU."""
    if one.device.type == "cpu":
        return torch.equal(one, other)
    return one.shape == other.shape and bool((one - other).norm() <= NEAR * one.norm())


def _not_repeated(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> list[str]:
    return [name for name in a if not _is_repeated(a[name], b[name])]


def only_declared_layers_change(bed: Bed) -> str:
    """Only the declared layers change."""
    run = bed.uninterrupted
    changed = set(_differing(run.before, run.after))
    declared = bed.options.get("layers") or [bed.options[k] for k in ("layer",) if k in bed.options]
    allowed = {name for layer in declared for name in bed.editable(run.model, layer)}
    if not declared:
        allowed = set(run.edited)
    return f"changed besides: {', '.join(sorted(changed - allowed))}" if changed - allowed else ""


def edits_can_be_undone(bed: Bed) -> str:
    """All edits can be undone, bit by bit."""
    run = bed.uninterrupted
    with bed.method.deployed(run.model, run.state):
        pass
    run.model.reset()
    left = _differing(run.before, weights(run.model))
    return f"not as before: {', '.join(left)}" if left else ""


def resumed_equals_uninterrupted(bed: Bed) -> str:
    """A run resumed from its checkpoint equals an uninterrupted one, bit by bit; so does its state."""
    first, second = bed.steps
    part = bed.model()
    part_state = bed.edit(part, bed.start(part), [first])
    checkpoint.save(bed.folder, "cell", 1, part, part_state)
    resumed = bed.model()
    state = bed.start(resumed)
    if checkpoint.restore(bed.folder, "cell", resumed, state) != 1:
        return "the checkpoint was not found"
    state = bed.edit(resumed, state, [second])
    left = _not_repeated(bed.uninterrupted.after, weights(resumed))
    if left:
        return f"weights differ: {', '.join(left)}"
    return _memory_difference(bed.uninterrupted.state, state)


def _memory_difference(a: State, b: State) -> str:
    if a.memory.keys() != b.memory.keys():
        return f"memory differs: {sorted(a.memory.keys() ^ b.memory.keys())}"
    for name, value in a.memory.items():
        other = b.memory[name]
        same = _is_repeated(value, other) if isinstance(value, Tensor) else value == other
        if not same:
            return f"memory '{name}' differs"
    return ""


def cells_are_independent(bed: Bed) -> str:
    """Two cells in one process do not touch each other."""
    first, second = bed.steps
    alone = bed.uninterrupted.after
    one, other = bed.model(), bed.model(seed=1)
    one_state, other_state = bed.start(one), bed.start(other)
    one_state = bed.edit(one, one_state, [first])
    bed.edit(other, other_state, [second, first])
    bed.edit(one, one_state, [second])
    left = _not_repeated(alone, weights(one))
    return f"weights differ: {', '.join(left)}" if left else ""


def targets_become_likelier(bed: Bed) -> str:
    """Edits make their targets likelier; a method that edits nothing leaves all answers as they are."""
    before, after = bed.answers_after([]), bed.answers
    if bed.edits_nothing:
        return "" if before == after else "it says that it edits nothing, and the model answers differently"
    if before == after:
        return "edits change nothing (a method that is to edit nothing says EDITS_NOTHING = True in its module)"
    if bed.edits_inner:
        after = bed.answers_apart
    # a random model learns nothing from its context, and carries nothing on where no norm stands before an MLP
    turning = bed.place.architecture == "olmo2" and len(bed.options.get("layers", ())) > 1
    if bed.in_context or turning or sum(after) > sum(before):
        return ""
    return f"log-probability of the targets fell from {sum(before):.3f} to {sum(after):.3f}"


def every_fact_counts(bed: Bed) -> str:
    """Every fact of a step is edited: with another target of one of them the model answers differently."""
    if bed.edits_nothing:
        return ""
    step, whole = bed.steps[0], bed.answers
    for i, request in enumerate(step):
        # in its place, for what is left out moves the others
        other = next(each.target for each in step if each.target != request.target)
        changed = bed.answers_after(_with_target(step, request, other))
        if max(abs(a - b) for a, b in zip(whole, changed, strict=True)) < EFFECT:
            return f"the edit of {request.fact_id} ({request.lang}), number {i + 1} of its step, has no effect"
    return ""


def _with_target(step: Sequence[EditRequest], changed: EditRequest, target: str) -> list[EditRequest]:
    """The step with another target of one edit, also where it is the translation of others."""

    def new(each: EditRequest) -> EditRequest:
        is_it = (each.fact_id, each.lang) == (changed.fact_id, changed.lang)
        return replace(each, target=target) if is_it else each

    return [replace(new(each), translations=tuple(map(new, each.translations))) for each in step]


CHECKS: tuple[Callable[[Bed], str], ...] = (
    only_declared_layers_change,
    edits_can_be_undone,
    resumed_equals_uninterrupted,
    cells_are_independent,
    targets_become_likelier,
    every_fact_counts,
)

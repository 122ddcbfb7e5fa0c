"""Whole steps: the three methods beside their plain references, and LangEdit beside AlphaEdit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.api import EditRequest, Method, State
from benchmarks import reference, reference_steps
from benchmarks.harness import Comparison, Results, Row, Side
from benchmarks.stages import Sizes, named, tolerance
from benchmarks.subjects import Subject, facts
from methods._locate.prompts import PromptSet

SMALL_MODEL = 20_000_000
"""Parameters below which a step of a hundred facts takes seconds."""


@dataclass(frozen=True)
class Second:
    """A second step about to be made: the first one is in the weights and in the method's memory.

    Attributes:
        subject: its model.
        method: ours.
        requests: of the second step.
        sets: their prompt rows.
        before: prompt rows of the first step.
        weights: edited parameters after the first step.
        memory: what the method remembers of it.
    """

    subject: Subject
    method: Method
    requests: list[EditRequest]
    sets: list[PromptSet]
    before: list[PromptSet]
    weights: dict[str, Tensor]
    memory: dict[str, Any]

    @classmethod
    def after_one(cls, subject: Subject, method: Method, count: int) -> Second:
        """Make the first step, of `count` facts; the second has as many."""
        chosen = facts(2 * count)
        model, first, second = subject.model, chosen[:count], chosen[count:]
        model.reset()
        state = method.prepare(model, subject.stats, subject.context)
        state, _ = method.apply(model, [fact.request for fact in first], state)
        weights = {name: tensor.clone() for name, tensor in model.edited().items()}
        requests = [fact.request for fact in second]
        return cls(subject, method, requests, subject.sets(second), subject.sets(first), weights, dict(state.memory))

    def rewind(self) -> None:
        """The model after the first step."""
        self.subject.model.reset()
        self.subject.model.restore(self.weights)

    def resume(self) -> State:
        """The model and the method's state after the first step, as a cell resumes."""
        model = self.subject.model
        model.reset()
        state = self.method.prepare(model, self.subject.stats, self.subject.context)
        model.restore(self.weights)
        state.memory = {k: v.clone() if isinstance(v, Tensor) else v for k, v in self.memory.items()}
        return state

    def run(self, state: State) -> Results:
        """The second step by the product."""
        model, layers = self.subject.model, self.subject.layers
        start = {layer: model.weight(layer).clone() for layer in layers}
        self.method.apply(model, self.requests, state)
        return named("update", {layer: model.weight(layer) - start[layer] for layer in layers})

    def run_plainly(self, rule: reference_steps.Rule) -> Results:
        """The second step by the reference."""
        subject = self.subject
        return named("update", reference_steps.edit(subject.model, self.sets, subject.layers, subject.values(), rule))

    def sums(self) -> dict[int, Tensor]:
        """Sum of K K^T of the first step by layer, keys read under the weights after it (released)."""
        self.rewind()
        keys = {layer: reference.keys_at(self.subject.model, self.before, layer) for layer in self.subject.layers}
        return {layer: found @ found.T for layer, found in keys.items()}


def middle_threshold(subject: Subject) -> float:
    """The published threshold; for random weights, whose scale is arbitrary, one in the middle of the spectrum.

    There it is put into the widest gap by ratio, for an eigenvalue at the threshold falls to either side by rounding.
    """
    if not subject.random:
        return float(subject.options["langedit"]["threshold"])
    spectra = subject.stats.spectra(subject.model, subject.layers)
    values = torch.cat([values.double() for values, _ in spectra.values()]).sort().values
    middle = values[len(values) * 3 // 8 : len(values) * 5 // 8].clamp_min(torch.finfo(torch.float32).tiny)
    place = int((middle[1:] / middle[:-1]).argmax())
    return float((middle[place] * middle[place + 1]) ** 0.5)


def whole_steps(subject: Subject, sizes: Sizes, scratch: Path) -> Iterator[Comparison]:
    """MEMIT, AlphaEdit and LangEdit, one step each, one thread: what the released code was timed with."""
    subject.model.reset()
    threshold = middle_threshold(subject)
    measured = {"memit": "16.5 to 18.2 s", "alphaedit": "17.4 to 20.3 s", "langedit": "18.5 to 19.6 s"}
    for name, seconds in measured.items():
        method = subject.method(name, **({} if name == "memit" else {"threshold": threshold}))
        second = Second.after_one(subject, method, sizes.step_facts)
        yield Comparison(
            Row(
                "step",
                f"{name}, a step of {sizes.step_facts} facts, layers {subject.layers[0]} to {subject.layers[-1]}",
                subject.name,
                target=8.0 if name == "langedit" else None,
                tolerance=tolerance(subject, 2e-2),
                threads=1,
                note=f"reference: one fact at a time, whole passes; released code, 8 facts: {seconds}",
            ),
            Side(second.run_plainly, _plain_rule(name, second, threshold)),
            Side(second.run, second.resume),
        )
    subject.model.reset()


def _plain_rule(name: str, second: Second, threshold: float) -> Callable[[], reference_steps.Rule]:
    """Makes the model and the reference's state ready for the second step; a fresh rule, for its sums grow."""
    subject, edits, sums = second.subject, len(second.before), second.sums()
    options = subject.options[name]
    subject.model.reset()
    found = subject.stats.moments(subject.model, subject.layers)
    moments = {layer: moment.matrix.to(subject.model.device) for layer, moment in found.items()}
    # AlphaEdit's projectors are found once, before the first edit
    fixed = name == "alphaedit"
    projectors = {layer: reference.projector_of(moment, threshold) for layer, moment in moments.items() if fixed}

    def ready() -> reference_steps.Rule:
        second.rewind()
        copied = {layer: total.clone() for layer, total in sums.items()}
        if name == "memit":
            return reference_steps.MemitRule(moments, float(options["moment_weight"]))
        l2 = float(options["l2"])
        if name == "alphaedit":
            return reference_steps.AlphaEditRule(projectors, copied, l2)
        return reference_steps.LangEditRule(moments, copied, edits, float(options["prior"]), threshold, l2)

    return ready


def overhead(subject: Subject, sizes: Sizes, scratch: Path) -> Iterator[Comparison]:
    """LangEdit's step over AlphaEdit's: the same facts from the same weights, only the null space moves.

    Both have one regulariser, so that their first steps are the same.
    """
    small = sum(parameter.numel() for parameter in subject.model.hf.parameters()) < SMALL_MODEL
    count = sizes.overhead_facts_tiny if small else sizes.overhead_facts
    subject.model.reset()
    same = {"threshold": middle_threshold(subject), "l2": subject.options["langedit"]["l2"]}
    theirs = Second.after_one(subject, subject.method("alphaedit", **same), count)
    ours = Second.after_one(subject, subject.method("langedit", **same), count)
    yield Comparison(
        Row(
            "overhead",
            f"LangEdit step over AlphaEdit step, {count} facts, end to end",
            subject.name,
            target=1.05,
            kind="overhead",
            note="both ours: the reference is AlphaEdit",
        ),
        Side(theirs.run, theirs.resume),
        Side(ours.run, ours.resume),
    )
    subject.model.reset()

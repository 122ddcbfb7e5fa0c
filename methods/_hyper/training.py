"""An editor learns on practice edits: edit, ask a rephrase and unrelated facts, better the editor.

Loss of a step (Mitchell et al. 2022, section 3): c_edit NLL(rephrase | edited) + c_loc KL(original || edited) on
unrelated facts, both means over the step's edits. Each edit is asked in a model of its own, as published, or several in
one that has the sum of their updates: what a step of a stream does, and how the release of MALMEN trains the MEND it
compares with (Tan et al. 2024, ``editor/base.py``). Every draw of a step is seeded by its number: an editor that was
stopped goes on as one that never stopped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from bench.ground import sealed
from bench.ground.atomic import locked
from bench.ground.digests import text_digest
from bench.ground.errors import BenchError
from methods._hyper.examples import Asked, Example, Model, conditions
from methods._hyper.factors import Factors, tapped_factors
from methods._hyper.losses import bernoulli_kl, categorical_kl, outer_loss
from methods._hyper.lowrank import LowRank, updated

TRAINING_VERSION = 1
"""Raise it when the same practice gives another editor."""

CLIP = 100.0
"""Largest norm of the gradient (released code)."""


class Editor(Protocol):
    """A network that makes updates of an edit's gradient.

    Attributes:
        conditioned: it reads each edit as text, too.
    """

    conditioned: ClassVar[bool]

    def observe(self, factors: Mapping[str, Factors]) -> None:
        """Take a training step's factors into running statistics, if there are any."""
        ...

    def propose(self, factors: Mapping[str, Factors], conditions: Sequence[Sequence[int]]) -> dict[str, LowRank]:
        """Updates of all edits, each by itself, by weight."""
        ...

    def groups(self, lr: float, rate_lr: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates."""
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """How an editor is trained.

    Attributes:
        steps: at most.
        edits: of a step.
        unrelated: asked beside each.
        lr, rate_lr: of the network, and of MEND's edit rates.
        c_edit, c_loc: weights of the outer loss.
        every: steps between two validations.
        patience: validations without a better one after which training ends.
        bernoulli: two logits are independent Bernoullis in the KL, as XME has it; else they are one distribution.
        together: so many edits stand in one model, the sum of their updates in it, when they are asked.
    """

    steps: int
    edits: int
    unrelated: int
    lr: float
    rate_lr: float
    c_edit: float
    c_loc: float
    every: int
    patience: int
    bernoulli: bool
    together: int = 1


@dataclass(frozen=True, slots=True)
class Read:
    """What an editor is shown of some edits.

    Attributes:
        factors: of the gradient of each edit's own mean NLL, by weight.
        conditions: what KE reads; none for an editor that reads none.
    """

    factors: Mapping[str, Factors]
    conditions: Sequence[Sequence[int]]


def read(editor: Editor, model: Model, modules: Mapping[str, nn.Module], edits: Sequence[Asked]) -> Read:
    """Ask the model all edits, once."""
    with tapped_factors(modules) as tap:
        said = model.said([prompt for prompt, _ in edits], [target for _, target in edits])
        loss = said.nll().sum()
    return Read(tap.factors(loss), conditions(model, edits, said.answers()) if editor.conditioned else ())


@dataclass
class Training:
    """A training under way.

    Attributes:
        step: steps done.
        best: the lowest loss of validation, and the editor that had it.
        since: validations since then.
    """

    model: Model
    modules: Mapping[str, nn.Module]
    editor: Any
    course: Course
    seed: int

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.editor.groups(self.course.lr, self.course.rate_lr))
        self.step, self.since, self.lowest = 0, 0, math.inf
        self.best = {name: value.clone() for name, value in self.editor.state_dict().items()}

    @property
    def is_over(self) -> bool:
        """All steps are done, or nothing got better for long."""
        return self.step >= self.course.steps or self.since >= self.course.patience

    def advance(self, practice: Sequence[Example]) -> None:
        """One step on edits drawn for it."""
        generator = torch.Generator().manual_seed(self.seed * 2**20 + self.step)
        drawn = [practice[i] for i in torch.randint(len(practice), (self.course.edits,), generator=generator).tolist()]
        shown = read(self.editor, self.model, self.modules, [each.edit for each in drawn])
        self.editor.observe(shown.factors)
        loss = self._loss(drawn, shown, generator)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.editor.parameters(), CLIP)
        if bool(norm.isfinite()):
            self.optimizer.step()
        self.step += 1

    def validate(self, held_out: Sequence[Example]) -> None:
        """Keep the editor if it does better than any before on practice that it does not learn on."""
        generator = torch.Generator().manual_seed(self.seed)
        losses = []
        with torch.no_grad():
            for start in range(0, len(held_out), self.course.edits):
                part = held_out[start : start + self.course.edits]
                shown = read(self.editor, self.model, self.modules, [each.edit for each in part])
                losses.append(float(self._loss(part, shown, generator)) * len(part))
        loss = sum(losses) / len(held_out)
        self.since += 1
        if loss < self.lowest:
            self.lowest, self.since = loss, 0
            self.best = {name: value.clone() for name, value in self.editor.state_dict().items()}

    def _loss(self, drawn: Sequence[Example], shown: Read, generator: torch.Generator) -> Tensor:
        proposed = self.editor.propose(shown.factors, shown.conditions)
        updates = {name: update.summed_by(self.course.together) for name, update in proposed.items()}
        rephrases = [_one(each.rephrases, generator) for each in drawn]
        unrelated = [_one(each.unrelated, generator) for each in drawn for _ in range(self.course.unrelated)]
        count = len(drawn)
        of = torch.tensor([*range(count), *(i for i in range(count) for _ in range(self.course.unrelated))])
        with torch.no_grad():
            before = self.model.said(*_apart(unrelated))
        with updated(self.modules, updates, of.to(self.model.device) // self.course.together):
            after = self.model.said(*_apart([*rephrases, *unrelated]))
        told = after.row < count
        edit = after.nll()[:count].mean()
        kl = bernoulli_kl if self.course.bernoulli else categorical_kl
        drift = kl(before.logits, after.logits[~told])
        rows = drift.new_zeros(len(unrelated)).index_add(0, before.row, drift) / torch.bincount(before.row)
        return outer_loss(edit, rows.mean(), self.course.c_edit, self.course.c_loc)

    # ------------------------------------------------------------------ on disk
    def save(self, path: Path, identity: str) -> None:
        """Write all that training goes on from."""
        tensors = {f"editor/{name}": value for name, value in self.editor.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{i}/{name}": value for name, value in state.items()}
        plain = {"identity": identity, "step": self.step, "since": self.since, "lowest": self.lowest}
        kept = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
        sealed.save(path, kept, {"plain": json.dumps(plain)})

    def restore(self, path: Path, identity: str) -> bool:
        """Go on from what `save` wrote; False where there is nothing sound, or it is of another editor."""
        found = sealed.read(path)
        if found is None:
            return False
        tensors, plain = found[0], json.loads(found[1]["plain"])
        if plain["identity"] != identity:
            return False
        self.step, self.since, self.lowest = plain["step"], plain["since"], plain["lowest"]
        self.editor.load_state_dict(_below("editor/", tensors))
        self.best = _below("best/", tensors)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _below("optimizer/", tensors).items():
            place, _, what = name.partition("/")
            state.setdefault(int(place), {})[what] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        return True


def learned(
    training: Training,
    practice: Sequence[Example],
    held_out: Sequence[Example],
    folder: Path,
    identity: Mapping[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """The editor at its best; read from the folder, or trained, going on where an earlier training was stopped.

    Args:
        training: at its beginning.
        practice: what it learns on.
        held_out: what tells which editor is best.
        folder: of all editors.
        identity: all that the editor depends on.
        progress: called with (steps done, steps at most).

    Raises:
        BenchError: there is nothing to practise on, or a file in the folder is of another editor.
    """
    if not practice or not held_out:
        raise BenchError("there are too few facts to practise on")
    known_by = json.dumps({"version": TRAINING_VERSION, **identity}, sort_keys=True)
    place = folder / f"{text_digest(known_by, size=16)}.editor.safetensors"
    under_way = place.with_suffix(".training")
    with locked(place.with_suffix(".lock")):
        if (found := sealed.read(place)) is not None:
            if found[1]["identity"] != known_by:
                raise BenchError("this editor is of another model or practice", file=place)
            training.editor.load_state_dict(found[0])
            return training.editor
        training.restore(under_way, known_by)
        while not training.is_over:
            training.advance(practice)
            if training.step % training.course.every == 0 or training.step == training.course.steps:
                training.validate(held_out)
                training.save(under_way, known_by)
            if progress:
                progress(training.step, training.course.steps)
        training.editor.load_state_dict(training.best)
        kept = {name: value.detach().cpu().clone().contiguous() for name, value in training.best.items()}
        sealed.save(place, kept, {"identity": known_by})
        under_way.unlink(missing_ok=True)
    return training.editor


def _one(asked: Sequence[Asked], generator: torch.Generator) -> Asked:
    return asked[int(torch.randint(len(asked), (), generator=generator))]


def _apart(asked: Sequence[Asked]) -> tuple[list[list[int]], list[list[int]]]:
    return [prompt for prompt, _ in asked], [target for _, target in asked]


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

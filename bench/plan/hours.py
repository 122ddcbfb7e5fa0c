"""How long cells will take on a kind of machine, from the seconds that are known of it: published or measured.

Editing is facts x seconds of the method on the model. Scoring is counted in the seconds that MEMIT takes for a fact of
the same model, by the ratio that was measured on SmolLM2-135M (one thread; results/reference/mzsre-smollm2 and
mzsre-smollm2-xtreme): that the ratio holds for larger models is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from bench.config.cell import Cell
from bench.config.variants import base_of

UNIT = "memit"
"""The method whose seconds scoring is counted in."""

RECORD, ITEM = 0.0119, 0.0666
"""Of its seconds for a fact: what it takes to ask an edit in a language, and an item of XTREME."""

ITEM_SETS = 21
"""Tasks and languages of XTREME that have items."""

UNEDITED = "none"

ALIKE = {"langedit-released": "langedit", "alphaedit-multilingual": "alphaedit", "alphaedit-translation": "alphaedit"}
"""Methods whose steps cost what those of another do; the published seconds of LangEdit are those of its release."""

Evaluators = Iterable[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of a kind of machine.

    Attributes:
        name: for people, with where the seconds come from.
        seconds: of one fact, by model and method.
    """

    name: str
    seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def of_fact(self, model: str, method: str) -> float | None:
        """Seconds of a fact; None where nothing is known."""
        base = base_of(method)
        return self.seconds.get((model, base), self.seconds.get((model, ALIKE.get(base, base))))


@dataclass(frozen=True, slots=True)
class Predicted:
    """Hours of some cells.

    Attributes:
        hours: as far as they are known.
        unknown: methods whose seconds are not.
    """

    hours: float = 0.0
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Predicted) -> Predicted:
        """Both."""
        return Predicted(self.hours + other.hours, tuple(dict.fromkeys((*self.unknown, *other.unknown))))


def predicted(cell: Cell, evaluators: Evaluators, machine: Machine) -> Predicted:
    """What a cell takes, without loading its model and making statistics."""
    model, method = cell.model.name, cell.method.name
    unit, each = machine.of_fact(model, UNIT), machine.of_fact(model, method)
    scored = scoring(cell, evaluators)
    editing = 0.0 if method == UNEDITED else each
    known = {UNIT: unit if scored else 0.0, method: editing}
    seconds = (editing or 0.0) * cell.schedule.edits() + scored * (unit or 0.0)
    return Predicted(seconds / 3600, tuple(name for name, value in known.items() if value is None))


def scoring(cell: Cell, evaluators: Evaluators) -> float:
    """What asking takes, in facts that MEMIT edits: of editing scores and XTREME; other evaluators are not known."""
    schedule, options = cell.schedule, dict(evaluators)
    due = [step for step in range(1, schedule.length() + 1) if schedule.due(step)]
    asked = sum(min(step * schedule.batch_size, schedule.edits()) for step in due) * len(schedule.languages)
    items = ITEM_SETS * int(options["xtreme"].get("limit", 0)) * len(due) if "xtreme" in options else 0
    return RECORD * asked * ("edits" in options) + ITEM * items


def weight(cell: Cell, evaluators: Evaluators, machine: Machine) -> float:
    """What a cell costs beside others of its grid, from what is known of any model: for shares, the same everywhere."""
    ratios = {method: _ratio(machine, method) for _, method in machine.seconds}
    method = base_of(cell.method.name)
    usual = fmean(ratios.values()) if ratios else 1.0
    editing = 0.0 if method == UNEDITED else ratios.get(method, ratios.get(ALIKE.get(method, method), usual))
    return editing * cell.schedule.edits() + scoring(cell, evaluators)


def _ratio(machine: Machine, method: str) -> float:
    """Seconds of a method beside those of `UNIT`, mean over the models that have both."""
    both = [(machine.seconds[key], machine.seconds.get((key[0], UNIT))) for key in machine.seconds if key[1] == method]
    found = [seconds / unit for seconds, unit in both if unit]
    return fmean(found) if found else 1.0

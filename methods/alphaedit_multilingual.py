"""AlphaEdit for each language apart, the updates summed: W = W0 + sum of Delta_l (LangEdit paper, Table 5).

Delta_l is what AlphaEdit would have written editing the facts of language l alone: with its own history, on a model
that holds no other language's edits. A step groups its facts by language; each group is edited on W0 + Delta_l, and
the model then holds W0 + the sum. With one language this is AlphaEdit, bit by bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import Tensor

from bench.api import Context, EditReport, EditRequest, Method, Scorer, State
from bench.model.editable import EditableModel
from bench.model.stats import Stats
from methods import alphaedit
from methods._locate.editor import LocateThenEdit

HPARAMS = "alphaedit"


class Config(alphaedit.Config):
    """Options of AlphaEdit."""


@dataclass(frozen=True, slots=True)
class Apart:
    """See the module.

    Memory: for every language AlphaEdit's own, as ``<language>/sizes`` and ``<language>/projected.<layer>`` [m, N], and
    once it is edited ``<language>/weight.<layer>`` [d, m] fp32, its W0 + Delta_l (W0 + (W - W0) is not W in floating
    point). These take 4 d m bytes per language and layer: 1.2 GB per language for five layers of Llama3-8B.

    Args:
        inner: what edits one language.
    """

    inner: LocateThenEdit

    def prepare(self, model: EditableModel, stats: Stats, context: Context) -> State:
        """As AlphaEdit, with an empty memory for every language."""
        alone = self.inner.prepare(model, stats, context)
        memory = {f"{lang}/{name}": value for lang in context.languages for name, value in alone.memory.items()}
        return State(memory, {**alone.constants, "languages": tuple(context.languages)})

    def apply(self, model: EditableModel, requests: Sequence[EditRequest], state: State) -> tuple[State, EditReport]:
        """Edit each language of a step on its own weights, then put the sum into the model."""
        before = {layer: model.weight(layer).clone() for layer in self.inner.options.layers}
        groups: dict[str, list[EditRequest]] = {}
        for request in requests:
            groups.setdefault(request.lang, []).append(request)
        reports = []
        try:
            for lang, group in groups.items():
                reports.append((len(group), self._alone(model, lang, group, state)))
        finally:
            # also where a language cannot be solved: the model never stays without the others
            for layer in before:
                model.set_weight(layer, self._sum(model, layer, state))
        norms = {layer: float((model.weight(layer) - weight).norm()) for layer, weight in before.items()}
        return state, _together(reports, norms)

    def deployed(self, model: EditableModel, state: State) -> AbstractContextManager[Scorer]:
        """The model itself."""
        return self.inner.deployed(model, state)

    def _alone(self, model: EditableModel, lang: str, group: Sequence[EditRequest], state: State) -> EditReport:
        """One step of one language; its memory changes only if the step succeeds."""
        layers, start = self.inner.options.layers, f"{lang}/"
        own = {name.removeprefix(start): value for name, value in state.memory.items() if name.startswith(start)}
        for layer in layers:
            model.set_weight(layer, own.get(f"weight.{layer}", model.original(layer)))
        after, report = self.inner.apply(model, group, State(own, state.constants))
        weights = {f"weight.{layer}": model.weight(layer).clone() for layer in layers}
        state.memory.update({start + name: value for name, value in {**after.memory, **weights}.items()})
        return report

    def _sum(self, model: EditableModel, layer: int, state: State) -> Tensor:
        """W0 + sum of Delta_l [d, m]; the first language's weights enter as they are, so that one alone stays exact."""
        original = model.original(layer)
        names = (f"{lang}/weight.{layer}" for lang in state.constants["languages"])
        edited: list[Tensor] = [state.memory[name].to(original.device) for name in names if name in state.memory]
        if not edited:
            return original
        total, *others = edited
        for weight in others:
            total = total + (weight - original)
        return total


def _together(reports: Sequence[tuple[int, EditReport]], norms: Mapping[int, float]) -> EditReport:
    """One report of several: losses as means over facts, seconds as sums.

    Args:
        reports: how many facts each one edited, and the report.
        norms: of the whole change, by layer.
    """
    whole = sum(count for count, _ in reports)
    losses: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for count, report in reports:
        for name, value in report.losses.items():
            losses[name] = losses.get(name, 0.0) + value * count / whole
        for name, value in report.seconds.items():
            seconds[name] = seconds.get(name, 0.0) + value
    return EditReport(losses, norms, seconds)


def build(config: Config) -> Method:
    """AlphaEdit for each language apart as described above."""
    return Apart(alphaedit.build(config))

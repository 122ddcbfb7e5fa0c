"""The editors of XME by their parts: method, group of layers, and languages that they practised in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.config.variants import base_of, settings_of
from bench.ground.errors import BenchError
from reports.numbers.aggregate import UNEDITED, ordered

LEARNERS = ("mend", "ke")
FINETUNED = "ft-inner"
EDITORS = (*LEARNERS, FINETUNED)
"""Methods that XME compares, in its order."""

GROUPS = {"IL": "initial", "ML": "middle", "LL": "last", "RL": "random"}
"""Groups of layers, in the paper's order."""

MIXED = "all"
"""Practice in all languages."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A method as a table tells it apart.

    Attributes:
        method: its name in the results.
        base: the method, with settings other than the two below.
        layers: a group of `GROUPS`, or layers; "" where the name has none, for these are the method's own.
        practice: language that it practised in, or `MIXED`; "" for methods that do not learn.
    """

    method: str
    base: str
    layers: str
    practice: str

    @property
    def family(self) -> tuple[str, str]:
        """What is the same in all groups of layers."""
        return self.base, self.practice


def variant_of(method: str) -> Variant:
    """The parts in a method's name."""
    base = base_of(method)
    try:
        settings = settings_of(method)
    except BenchError:
        return Variant(method, method, "", "")
    layers = settings.pop("layers", "")
    practice = str(settings.pop("practice", MIXED)) if base in LEARNERS else ""
    shown = ", ".join(map(str, layers)) if isinstance(layers, list) else str(layers)
    rest = ",".join(f"{name}={value}" for name, value in settings.items())
    return Variant(method, f"{base}[{rest}]" if rest else base, shown, practice)


def variants(methods: Iterable[str]) -> list[Variant]:
    """All methods by their parts: none, the editors of XME, others; one language before all, then layers."""
    names = list(methods)
    rank = {name: place for place, name in enumerate((UNEDITED, *EDITORS))}
    others = {name: len(rank) + place for place, name in enumerate(ordered(names))}
    layers = list(GROUPS)

    def key(variant: Variant) -> tuple[int, str, bool, str, int, str]:
        base = base_of(variant.base)
        place = rank[base] if base in rank else others[variant.method]
        group = layers.index(variant.layers) if variant.layers in layers else len(layers)
        return place, variant.base, variant.practice == MIXED, variant.practice, group, variant.layers

    return sorted(map(variant_of, names), key=key)

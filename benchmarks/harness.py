"""Two ways of computing the same, timed in turns.

A `Comparison` has a reference and a product side. Rounds alternate between them, so that what else the machine
does falls on both; what is reported is the ratio of medians and the largest relative difference of results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

import torch
from torch import Tensor

from bench.ground.measure import measured
from bench.ground.progress import Progress

Results = Mapping[str, Tensor]
"""Named tensors, one of them per thing that both sides compute."""


def _nothing() -> None:
    """No set-up."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way of computing something.

    Attributes:
        run: what is timed; given what `setup` returned.
        setup: called before every round, not timed.
        share: part of the whole work that `run` does; its time is divided by it. Results of a part are the
            first rows of those of the whole.
    """

    run: Callable[[Any], Results]
    setup: Callable[[], Any] = _nothing
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Scaled:
    """A reference that is not run at this size: the measured one of another row, times a factor.

    Attributes:
        row: name of that row.
        factor: growth of the cost, such as the cube of the ratio of sizes.
    """

    row: str
    factor: float


@dataclass(frozen=True, slots=True)
class Row:
    """What the table says about a comparison, whatever comes of it.

    Attributes:
        stage: what of the product it measures.
        name: what exactly, with sizes.
        model: whose shape or weights.
        target: what the ratio shall be at least, or for an overhead at most; None where nothing was promised.
        kind: a speedup is reference / product, an overhead product / reference.
        tolerance: largest relative difference of results; None where the sides do not compute the same.
        threads: on so many CPU threads; None leaves them as they are.
        note: what a reader has to know.
    """

    stage: str
    name: str
    model: str
    target: float | None = None
    kind: Literal["speedup", "overhead"] = "speedup"
    tolerance: float | None = None
    threads: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The plain way and our way to what a row describes."""

    row: Row
    reference: Side | Scaled
    product: Side


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of a comparison; it holds no model and no matrix.

    Attributes:
        row: what was compared.
        reference: seconds of every round, whole work.
        product: the same.
        partial: the reference was not run at its full size.
        difference: largest relative difference of results; None where they are not compared.
        threads: CPU threads it ran on.
    """

    row: Row
    reference: tuple[float, ...]
    product: tuple[float, ...]
    partial: bool
    difference: float | None
    threads: int

    @property
    def ratio(self) -> float:
        """Ratio of medians, in the direction of the comparison's kind."""
        speedup = median(self.reference) / median(self.product)
        return speedup if self.row.kind == "speedup" else 1 / speedup

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        target = self.row.target
        if target is None:
            return None
        return self.ratio >= target if self.row.kind == "speedup" else self.ratio <= target

    @property
    def equal(self) -> bool | None:
        """Whether results agree within the tolerance; None where they are not compared."""
        tolerance = self.row.tolerance
        return None if self.difference is None or tolerance is None else self.difference <= tolerance


@dataclass
class _Timed:
    """One side's rounds."""

    side: Side
    device: torch.device
    seconds: list[float] = field(default_factory=list)
    results: Results | None = None

    def another(self, patience: float) -> bool:
        """Whether one more round fits into the side's time; the first always does."""
        spent = sum(self.seconds) * self.side.share
        return not self.seconds or spent + spent / len(self.seconds) <= patience

    def round(self) -> None:
        given = self.side.setup()
        with measured(self.device) as cost:
            results = self.side.run(given)
        self.seconds.append(cost.seconds / self.side.share)
        self.results = self.results or results


def measure(
    comparison: Comparison,
    rounds: int,
    patience: float,
    device: torch.device,
    earlier: Mapping[str, Measurement],
    progress: Progress,
) -> Measurement:
    """Time both sides in turns and compare what they compute.

    Args:
        comparison: what to time.
        rounds: rounds of each side.
        patience: seconds that a side may take; rounds beyond the first that would exceed them are left out.
        device: waited for before the clock is read.
        earlier: rows measured before, for references that are scaled.
        progress: told after every round.
    """
    product, plain = _Timed(comparison.product, device), comparison.reference
    sides = [product] if isinstance(plain, Scaled) else [_Timed(plain, device), product]
    with threads(comparison.row.threads) as count:
        for number in range(rounds):
            for timed in sides:
                if timed.another(patience):
                    timed.round()
            progress.step(number + 1, rounds, " / ".join(f"{timed.seconds[-1]:.3g} s" for timed in sides))
    if isinstance(plain, Scaled):
        scaled = tuple(plain.factor * seconds for seconds in earlier[plain.row].reference)
        return Measurement(comparison.row, scaled, tuple(product.seconds), True, None, count)
    difference = None
    if comparison.row.tolerance is not None:
        difference = largest_difference(sides[0].results or {}, product.results or {})
    seconds = tuple(sides[0].seconds), tuple(product.seconds)
    return Measurement(comparison.row, *seconds, plain.share < 1, difference, count)


def largest_difference(reference: Results, product: Results) -> float:
    """Largest ||ours - reference|| / ||reference|| over the reference's tensors, each compared on its rows.

    Raises:
        ValueError: the product lacks a result, or there is none.
    """
    if not reference or not set(reference) <= set(product):
        raise ValueError(f"results differ in kind: {sorted(reference)} and {sorted(product)}")
    largest = 0.0
    for name, plain in reference.items():
        plain = plain.detach().double()
        ours = product[name].detach()[: len(plain)].to(plain)
        size = float(plain.norm())
        distance = float((ours - plain).norm())
        largest = max(largest, distance / size if size else distance)
    return largest


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Run on so many CPU threads; None leaves them as they are."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield count or before
    finally:
        torch.set_num_threads(before)

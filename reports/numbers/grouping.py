"""Who is better than whom in a column: ranks, and groups of methods that cannot be told apart.

All pairs of methods are tested as `reports.numbers.significance` tests the best against every other, paired over facts
or items, and corrected by Holm for all pairs of the column. A rank counts only those that are significantly better: the
best that a method can be placed; and from below, the worst. Groups are the maximal sets in which no two differ, which
the bars of a critical-difference diagram show (Demsar 2006; paired tests with Holm's correction in place of Nemenyi's,
Benavoli, Corani and Mangili 2016; `scikit_posthocs.critical_difference_diagram` finds groups in the same way). A group
need not stand together: where the first and the third of three cannot be told apart, the second may differ from both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from reports.numbers.aggregate import Panel, summaries
from reports.numbers.f1 import SWAPS, f1_test, is_f1
from reports.numbers.measures import Measure
from reports.numbers.significance import ALPHA, Outcome, holm, paired_over_facts

SWAPS_A_PAIR = 100
"""Of the permutation test of F1: so many for every pair of the column, or the corrected p could never be small."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What the tests of a column say.

    Attributes:
        names: methods, the highest number first.
        outcomes: of every pair, the first named before the second in `names`.
        places: of every method the best and the worst rank that the tests leave it; none where one stands alone.
        groups: of methods that cannot be told apart, each as `names` has them; one of a kind is none.
    """

    names: tuple[str, ...]
    outcomes: Mapping[tuple[str, str], Outcome]
    places: Mapping[str, tuple[int, int]]
    groups: tuple[tuple[str, ...], ...]

    def differ(self, first: str, second: str) -> bool:
        """Whether two methods do, significantly."""
        found = self.outcomes.get((first, second)) or self.outcomes.get((second, first))
        return found is not None and is_significant(found)


def is_significant(outcome: Outcome) -> bool:
    """Whether a pair can be told apart, after Holm's correction."""
    return outcome.p_holm is not None and outcome.p_holm < ALPHA and bool(outcome.difference)


def ranking(
    panel: Panel, measure: Measure, competing: Sequence[str], begun: Callable[[], None] = lambda: None
) -> Ranking:
    """Test all pairs of the methods that compete and have a number.

    Args:
        panel: that holds them.
        measure: the column; more is better.
        competing: names of methods; those without a number are left out.
        begun: called before each test of an F1, which takes long.
    """
    numbers = summaries(panel, measure)
    means = {name: mean for name in competing if (mean := numbers[name].mean) is not None}
    names = tuple(sorted(means, key=lambda name: -means[name]))
    pairs = list(combinations(names, 2))
    swaps = max(SWAPS, SWAPS_A_PAIR * len(pairs) - 1)
    found = [_tested(panel, measure, *pair, swaps, begun) for pair in pairs]
    p_values = iter(holm([each.p for each in found if each.p is not None]))
    corrected = [each if each.p is None else replace(each, p_holm=next(p_values)) for each in found]
    return ranked(names, dict(zip(pairs, corrected, strict=True)))


def ranked(names: tuple[str, ...], outcomes: Mapping[tuple[str, str], Outcome]) -> Ranking:
    """Ranks and groups from the tests of all pairs."""
    better: dict[str, set[str]] = {name: set() for name in names}
    worse: dict[str, set[str]] = {name: set() for name in names}
    for (first, second), outcome in outcomes.items():
        if is_significant(outcome):
            over, under = (first, second) if (outcome.difference or 0.0) > 0 else (second, first)
            better[under].add(over)
            worse[over].add(under)
    places = {name: (1 + len(better[name]), len(names) - len(worse[name])) for name in names if len(names) > 1}
    alike = {name: set(names) - better[name] - worse[name] - {name} for name in names}
    groups = [tuple(name for name in names if name in group) for group in _largest(alike) if len(group) > 1]
    order = {name: place for place, name in enumerate(names)}
    groups.sort(key=lambda group: [order[name] for name in group])
    return Ranking(names, outcomes, places, tuple(groups))


def _tested(panel: Panel, measure: Measure, first: str, second: str, swaps: int, begun: Callable[[], None]) -> Outcome:
    if is_f1(measure):
        begun()
        found = f1_test(panel, measure, first, second, swaps)
        return Outcome(found.n, found.difference, found.low, found.high, p=found.p, note=found.note)
    return paired_over_facts(panel, measure, first, second)


def _largest(alike: Mapping[str, set[str]]) -> Iterator[set[str]]:
    """Maximal sets all of whose members are alike (Bron and Kerbosch 1973, with Tomita's choice of the pivot)."""
    stack: list[tuple[set[str], set[str], set[str]]] = [(set(), set(alike), set())]
    while stack:
        group, open_, closed = stack.pop()
        if not open_ and not closed:
            yield group
            continue
        pivot = max(sorted(open_ | closed), key=lambda name: len(alike[name] & open_))
        for name in sorted(open_ - alike[pivot]):
            stack.append((group | {name}, open_ & alike[name], closed & alike[name]))
            open_ = open_ - {name}
            closed = closed | {name}

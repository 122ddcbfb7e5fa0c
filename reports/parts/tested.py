"""Tables of tests: every column's best method against every other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.numbers.f1 import DRAWS, SWAPS, is_f1
from reports.numbers.significance import Comparison
from reports.parts.contents import display_name
from reports.parts.tables import DASH, Cell, Column, Table, p_text


def significance_long(comparisons: Iterable[Comparison]) -> Table:
    """Every test, a row each; for csv."""
    texts_of = ("measure", "best", "other", "unit", "test", "n", "df")
    names = (*texts_of, "difference", "ci95_low", "ci95_high", "d_z", "p", "p_holm")
    rows = []
    for c in comparisons:
        o = c.outcome
        numbers = (o.df, o.difference, o.low, o.high, o.effect, o.p, o.p_holm)
        texts = [c.measure.key, c.best, c.other, c.unit, _test_name(c), str(o.n)]
        texts += [DASH if value is None else f"{value:.6g}" for value in numbers]
        rows.append(tuple(Cell(text) for text in (*texts, o.note)))
    return Table("significance", tuple(Column(name, name, "text") for name in (*names, "note")), tuple(rows))


def _test_name(comparison: Comparison) -> str:
    return "permutation of F1" if is_f1(comparison.measure) and comparison.unit == "facts" else "t"


def significance(comparisons: Sequence[Comparison]) -> Table:
    """Every comparison with both tests side by side, for people."""
    seeds = {(c.measure, c.other): c.outcome for c in comparisons if c.unit == "seeds"}
    rows = []
    for c in (c for c in comparisons if c.unit == "facts"):
        o, s = c.outcome, seeds[c.measure, c.other]
        interval = DASH if o.low is None or o.high is None else f"{o.low:.2f} to {o.high:.2f}"
        texts = [c.measure.title, display_name(c.best), display_name(c.other), str(o.n) if o.n else DASH]
        texts += [_fixed(o.difference), interval, _fixed(o.effect), p_text(o.p_holm)]
        texts += [str(s.n), _fixed(s.difference), p_text(s.p)]
        rows.append(tuple(Cell(text) for text in texts))
    left = ("Column", "Best", "Compared with")
    right = ("Facts or items", "Difference", "95 % CI", "d_z", "p (Holm)", "Seeds", "Difference (seeds)", "p (seeds)")
    header = [Column(title, title, "text") for title in left] + [Column(title, title, "number") for title in right]
    reasons = sorted({f"{c.measure.title}, {c.unit}: {c.outcome.note}." for c in comparisons if c.outcome.note})
    return Table("significance", tuple(header), tuple(rows), _significance_caption(comparisons), tuple(reasons))


def _significance_caption(comparisons: Sequence[Comparison]) -> str:
    family = sum(c.outcome.p_holm is not None for c in comparisons if c.unit == "facts")
    return (
        "Paired tests of each column's best method against every other, in percentage points. Main test, left: t over "
        "facts; each fact is one value, averaged over its probes, languages and seeds, for specificity the fact that "
        "is asked. XTREME F1: a test of F1 itself, over items; p swaps the two methods' answers to items at random "
        f"({SWAPS:,} times), the interval draws items anew ({DRAWS:,} times). p is Holm-corrected over {family} "
        "comparisons; d_z is the difference in standard deviations of the paired differences. Right: t over seeds as "
        "in the LangEdit paper, not corrected."
    )


def _fixed(value: float | None) -> str:
    return DASH if value is None else f"{round(value, 2) + 0.0:.2f}"

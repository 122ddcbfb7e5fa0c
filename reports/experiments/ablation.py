"""What helps in a moving null space: the history term, and how the keys of earlier edits enter the covariance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from bench.config.variants import base_of, settings_of
from bench.ground.errors import BenchError
from bench.store.results import Results
from reports.experiments.common import (
    GAIN,
    GAIN_NOTE,
    Gain,
    Group,
    counted,
    gain,
    groups,
    titled,
    untested,
    with_reasons,
)
from reports.numbers.aggregate import Panel, cells_of, summaries
from reports.numbers.measures import CORE, SCORE
from reports.numbers.pairing import tested
from reports.parts.contents import summary_cell
from reports.parts.sections import Picture, Section
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.parts import Line, draw_parts

METHOD = "null-space"
HISTORY: Mapping[bool, str] = {True: "with history", False: "without history"}
PICTURED = ("cycle", "blocked", "shuffled")


@dataclass(frozen=True, slots=True)
class Parts:
    """A member of the family, by its parts.

    Attributes:
        method: its name in the results.
        history: whether earlier keys stay in the linear system.
        keys: how they enter the covariance, for people.
        rank: place of `keys` from none to most.
    """

    method: str
    history: bool
    keys: str
    rank: float


def parts_of(method: str) -> Parts | None:
    """The parts in a method's name; None if it is of another family."""
    if base_of(method) != METHOD:
        return None
    try:
        settings = settings_of(method)
    except BenchError:
        return None
    keys, prior = settings.get("keys", "none"), float(settings.get("prior", 100_000))
    if keys == "mean":
        return Parts(method, bool(settings.get("history", True)), f"running mean, prior {prior:,.0f}", 1 / prior)
    return Parts(method, bool(settings.get("history", True)), keys, 0.0 if keys == "none" else 2.0)


def sections(results: Results, panels: Sequence[Panel]) -> Iterator[Section]:
    """One section per model, data set and edited languages that holds members of the family."""
    for group in groups(panels, ("model", "data", "edited"), "order"):
        found = members(group)
        if len(found) < 2:
            continue
        orders = [order for order in PICTURED if order in group.panels]
        text = (
            "AlphaEdit and LangEdit differ in two parts: whether the keys of earlier edits stay in the linear system "
            "(history), and how they enter the covariance whose null space updates are kept in. Order: cycle is one "
            "language a step in turn, blocked one language after the other, shuffled a mix in every step. "
            f"{counted(group.panels[orders[0]])}."
        )
        alt = f"Score of {len(found)} members of the family, a panel per order"
        caption = "Score (harmonic mean of efficacy, generality, specificity) by parts; bars: deviation over seeds."
        ways = list(dict.fromkeys(parts.keys for parts in found))
        charts = {order: lines(group.panels[order], found, ways) for order in orders}
        drawn = draw_parts(charts, [way.replace("running mean, ", "") for way in ways], SCORE.title)
        picture = Picture(f"ablation{group.suffix}", caption, alt, drawn)
        parts = (text, picture, table(results, group, found, orders), differences(group, found, orders))
        yield Section(titled("What helps in a moving null space", group.where), parts)


def members(group: Group) -> list[Parts]:
    """Those of any order, by how much earlier keys count in the covariance, with history first."""
    names = dict.fromkeys(s.method for panel in group.panels.values() for s in panel.standings)
    found = [parts for parts in map(parts_of, names) if parts]
    return sorted(found, key=lambda parts: (parts.rank, not parts.history))


def table(results: Results, group: Group, found: Sequence[Parts], orders: Sequence[str]) -> Table:
    """A row per member: its score in every order, and how its null space moved in the first order."""
    numbers = {order: summaries(group.panels[order], SCORE) for order in orders}
    moves = moved(results, group.panels[orders[0]])
    header = (
        Column("keys", "Earlier keys in the covariance", "text"),
        Column("history", "History", "text"),
        *(Column(order, f"Score, {order}") for order in orders),
        Column("first", "Null space, first step", "number", 0),
        Column("last", "last step", "number", 0),
    )
    rows = []
    for parts in found:
        scores = (numbers[order].get(parts.method) for order in orders)
        ends = moves.get(parts.method)
        rows.append(
            (
                Cell(parts.keys),
                Cell("yes" if parts.history else "no"),
                *(Cell(DASH) if each is None else summary_cell(each) for each in scores),
                *(Cell(mean=end) if ends else Cell(DASH) for end in ends or (0.0, 0.0)),
            )
        )
    caption = (
        f"Score by parts, {group.name}, mean ± standard deviation over seeds, percent; dimension of the null space of "
        f"an edited layer, mean over layers and seeds, order {orders[0]}."
    )
    panels = [group.panels[order] for order in orders]
    return with_reasons(Table(f"ablation{group.suffix}", header, tuple(rows), caption), panels)


def moved(results: Results, panel: Panel) -> dict[str, tuple[float, float]]:
    """Dimension of the null space at the first and the last step by method, mean over layers and seeds."""
    cells = cells_of(results.cells, panel.setting)
    rows = results.costs[results.costs["quantity"] == "nullity"].merge(cells[["cell", "method"]], on="cell")
    found = {}
    for method, each in rows.groupby("method"):
        steps = each.groupby("step")["value"].mean()
        found[str(method)] = (float(steps.loc[steps.index.min()]), float(steps.loc[steps.index.max()]))
    return found


def differences(group: Group, found: Sequence[Parts], orders: Sequence[str]) -> Table:
    """What history adds, and what each way of entering adds to none, in points of every measure."""
    by_parts = {(parts.keys, parts.history): parts for parts in found}
    none = next((parts.keys for parts in found if parts.rank == 0.0), None)
    pairs = [(keys, "history", (keys, True), (keys, False)) for keys in dict.fromkeys(p.keys for p in found)]
    if none:
        pairs += [
            (HISTORY[history], keys, (keys, history), (none, history))
            for history, keys in product(HISTORY, dict.fromkeys(p.keys for p in found if p.keys != none))
        ]
    rows, gains = [], list[Gain]()
    for order, (where, what, more, less) in product(orders, pairs):
        if more not in by_parts or less not in by_parts:
            continue
        for measure in CORE:
            mine, theirs = (tested(group.panels[order], measure, by_parts[each].method)[0] for each in (more, less))
            gains.append(gain(mine, theirs, ("edit_lang",)))
            rows.append((*map(Cell, (order, what, where, measure.title)), *gains[-1].cells()))
    header = (
        Column("order", "Order", "text"),
        Column("added", "Added", "text"),
        Column("where", "To", "text"),
        Column("measure", "Measure", "text"),
        Column("difference", "Difference", "number"),
    )
    caption = "What a part adds, in points, with its 95 % interval over facts."
    notes = (GAIN_NOTE, *untested(gains))
    return with_reasons(Table(f"ablation-difference{group.suffix}", (*header, *GAIN), tuple(rows), caption, notes))


def lines(panel: Panel, found: Sequence[Parts], ways: Sequence[str]) -> list[Line]:
    """A line with and one without history, over the ways of entering the covariance."""
    numbers = summaries(panel, SCORE)
    names = {(parts.history, parts.keys): parts.method for parts in found}
    return [
        Line(title, tuple(numbers.get(names.get((history, way), "")) for way in ways))
        for history, title in HISTORY.items()
    ]

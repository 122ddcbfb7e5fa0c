"""What the sections share: finer records, paired gains, and the words for gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.config.cell import LANGUAGES
from bench.store.results import Results
from reports.numbers import paper
from reports.numbers.aggregate import UNEDITED, Panel, Setting, Summary, cells_of, records_of, summary_of
from reports.numbers.measures import Measure
from reports.numbers.names import slug
from reports.numbers.significance import Outcome, paired
from reports.parts.contents import display_name, standing_note
from reports.parts.tables import DASH, Cell, Column, Table

GAIN = (
    Column("ci95_low", "95 % from", "number"),
    Column("ci95_high", "to", "number"),
    Column("facts", "Facts", "number", 0),
    Column("seeds", "Seeds", "number", 0),
)
"""Columns beside a gain."""

GAIN_NOTE = "A fact is one value, the mean over its seeds and languages; only seeds count that both sides have."

INCOMPLETE = f"{DASH} (k/n): only k of n seeds have finished, so there is no mean."
EMPTY = f"{DASH}: not measured in this run, not published, or nothing to compare with."


@dataclass(frozen=True, slots=True)
class Group:
    """Settings of a run that differ in one thing only.

    Attributes:
        name: model and data, for people.
        where: what tells this group from the others of a run, for people; "" if there is one group only.
        suffix: of its files, "" where a run has one group only.
        panels: by the thing in which they differ.
    """

    name: str
    where: str
    suffix: str
    panels: Mapping[str, Panel]


def groups(panels: Sequence[Panel], by: Sequence[str], within: str) -> Iterator[Group]:
    """Panels that agree in the fields `by` of their setting, told apart by the field `within`."""
    found: dict[tuple[str, ...], dict[str, Panel]] = {}
    for panel in panels:
        key = tuple(str(getattr(panel.setting, name)) for name in by)
        found.setdefault(key, {})[str(getattr(panel.setting, within))] = panel
    first = [next(iter(members.values())) for members in found.values()]
    for key, members in found.items():
        differing = [value for i, value in enumerate(key) if len({other[i] for other in found}) > 1]
        panel = next(iter(members.values()))
        after = "".join(f"-{slug(value)}" for value in differing)
        yield Group(setting_name(panel.setting), told_apart(panel, first, by), after, members)


def setting_name(setting: Setting) -> str:
    """Model and data as a sentence has them."""
    return f"{setting.model} on {setting.data}"


def finer(
    results: Results, panel: Panel, measures: Iterable[Measure], by: Sequence[str], every_step: bool = False
) -> pd.DataFrame:
    """Records of some measures of a setting, told apart by other fields than in `Panel.records`.

    Returns:
        cell, method, seed, metric, protocol, the fields of `by` (and step), value in percent.
    """
    cells = cells_of(results.cells, panel.setting)
    rows = results.scores[results.scores["cell"].isin(cells["cell"])]
    wanted = pd.Series(False, index=rows.index)
    for measure in measures:
        wanted |= (rows["metric"] == measure.metric) & (rows["protocol"] == measure.protocol)
    records = records_of(replace(results, cells=cells, scores=rows[wanted]), by, every_step)
    return records.merge(cells[["cell", "method", "seed"]], on="cell")


def summaries_by(panel: Panel, records: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[str, ...], Summary]:
    """(method, *keys) -> mean over records, then over seeds; every method has an entry for every key that any has."""
    means = records.groupby(["method", *keys, "seed"], as_index=False)["value"].mean()
    found: dict[tuple[str, ...], list[float]] = {}
    for row in means.itertuples(index=False, name=None):
        found.setdefault(row[:-2], []).append(row[-1])
    rest = list(dict.fromkeys(key[1:] for key in found))
    return {(s.method, *key): summary_of(s, found.get((s.method, *key), [])) for s in panel.standings for key in rest}


def unfinished(panel: Panel, method: str) -> Summary | None:
    """The number of a method whose cells have none yet; None where the run has no such cells."""
    found = next((standing for standing in panel.standings if standing.method == method), None)
    return None if found is None else summary_of(found, [])


def titled(title: str, where: str) -> str:
    """A heading, with what tells it from others of its kind."""
    return f"{title}: {where}" if where else title


@dataclass(frozen=True, slots=True)
class Gain:
    """First - second in points, paired by seed, fact and languages; a fact is one value.

    Attributes:
        seeds: that both have.
    """

    outcome: Outcome
    seeds: int

    def cells(self) -> tuple[Cell, ...]:
        """The gain and what stands beside it, `GAIN`."""
        o = self.outcome
        numbers = [_number(value) for value in (o.difference, o.low, o.high)]
        return (*numbers, Cell(mean=float(o.n)), Cell(mean=float(self.seeds)))


def gain(first: pd.DataFrame, second: pd.DataFrame, by: Sequence[str]) -> Gain:
    """Compare records of two methods or settings where both have the same ones.

    Args:
        first: records with seed, fact, the fields of `by`, and value.
        second: the same.
        by: what a record is known by beside seed and fact.
    """
    keys = ["seed", "fact", *by]
    both = first[[*keys, "value"]].merge(second[[*keys, "value"]], on=keys)
    means = both.groupby("fact")[["value_x", "value_y"]].mean()
    outcome = paired(means["value_x"].to_numpy(dtype=float), means["value_y"].to_numpy(dtype=float))
    return Gain(outcome, both["seed"].nunique())


def untested(gains: Iterable[Gain]) -> tuple[str, ...]:
    """Why some gains have no interval."""
    reasons = sorted({each.outcome.note for each in gains if each.outcome.note})
    return (f"No interval: {'; '.join(reasons)}.",) if reasons else ()


def in_order(codes: Iterable[str]) -> list[str]:
    """Languages of the paper in its order, then others by code."""
    rank = {code: place for place, code in enumerate(LANGUAGES)}
    return sorted(set(codes), key=lambda code: (rank.get(code, len(rank)), code))


def with_reasons(table: Table, panels: Iterable[Panel] = ()) -> Table:
    """The table with a note per kind of gap in it, and per method that has lost seeds."""
    texts = [cell.text for row in table.rows for cell in row]
    notes = [INCOMPLETE] if any(text.startswith(f"{DASH} (") for text in texts) else []
    notes += [EMPTY] if DASH in texts else []
    return replace(table, notes=(*table.notes, *notes, *lost(panels)))


def lost(panels: Iterable[Panel]) -> Iterator[str]:
    """What became of the methods that did not simply run to the end, and in which settings."""
    several = list(panels)
    where: dict[str, list[str]] = {}
    for panel in several:
        for standing in panel.standings:
            if note := standing_note(panel, standing):
                where.setdefault(f"{display_name(standing.method)} {note}", []).append(told_apart(panel, several))
    said = [f"{text} ({', '.join(places)})" if any(places) else text for text, places in where.items()]
    if said:
        yield f"Seeds: {'; '.join(said)}."


def told_apart(panel: Panel, panels: Sequence[Panel], by: Sequence[str] = Setting._fields) -> str:
    """The fields of a setting in which it differs from others; "" where there are no others."""
    chosen = [name for name in by if len({getattr(each.setting, name) for each in panels}) > 1]
    return " ".join(str(getattr(panel.setting, name)) for name in chosen)


def counted(panel: Panel, metric: str = "efficacy") -> str:
    """How many edits and seeds stand behind a number, in words."""
    counts = panel.records[panel.records["metric"] == metric].groupby(["method", "seed"]).size()
    return f"{counts.max()} edits a seed, {seeds_of(panel)}" if len(counts) else seeds_of(panel)


def seeds_of(panel: Panel) -> str:
    """How many seeds there are, in words."""
    n = len(panel.standings[0].seeds)
    return f"{n} seed{'s' * (n != 1)}"


def methods_of(panels: Iterable[Panel]) -> list[str]:
    """Methods that any of the settings has, in the order in which they come."""
    return list(dict.fromkeys(s.method for panel in panels for s in panel.standings))


def _number(value: float | None) -> Cell:
    return Cell(DASH) if value is None else Cell(mean=value)


def label(method: str, order: str = "cycle") -> str:
    """A method's name for people, with the order of its facts unless that is the usual one."""
    name = display_name(method)
    if order == "cycle" or method == UNEDITED:
        return name
    return f"{name.removesuffix(')')}, {order})" if name.endswith(")") else f"{name} ({order})"


def published_cells(published: dict[str, float]) -> tuple[Cell, ...]:
    """The published numbers under the columns `reports.numbers.paper.MEASURES`."""
    return tuple(Cell(mean=published[m.key]) if m.key in published else Cell(DASH) for m in paper.MEASURES)

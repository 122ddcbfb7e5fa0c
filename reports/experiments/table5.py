"""Table 5: variants of a method, and the same method with its facts in another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.config.variants import base_of
from bench.store.results import Results
from reports.experiments import ablation
from reports.experiments.common import (
    GAIN,
    GAIN_NOTE,
    Group,
    counted,
    gain,
    groups,
    label,
    published_cells,
    titled,
    untested,
    with_reasons,
)
from reports.numbers import paper
from reports.numbers.aggregate import UNEDITED, Panel, summaries
from reports.numbers.measures import CORE, MAIN, XTREME
from reports.numbers.pairing import tested
from reports.parts.contents import summary_cell
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

TRANSLATED = (
    "AlphaEdit (translation): as in the paper, the facts of one language are written with their translations; what is "
    "edited in others are these translations. AlphaEdit (all-translations) writes the facts of every language, each "
    "with those of its translations that are not yet written: with other facts in each of six languages, six times as "
    "much."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A method in one order."""

    method: str
    panel: Panel

    @property
    def family(self) -> str:
        """The method that it is a variant of, or itself."""
        return base_of(self.method).partition("-")[0]

    @property
    def name(self) -> str:
        """For people."""
        return label(self.method, self.panel.setting.order)


def sections(results: Results, panels: Sequence[Panel]) -> Iterator[Section]:
    """One section per model, data set and edited languages that holds variants."""
    for group in groups(panels, ("model", "data", "edited"), "order"):
        entries = variants(group)
        if not entries:
            continue
        text = (
            "Variants of a method, and the order in which facts come: cycle is one language a step in turn, shuffled a "
            f"mix of languages in every step, blocked one language after the other. {counted(entries[-1].panel)}."
        )
        parts = (text, table(group, entries), differences(group, entries))
        yield Section(titled("Variants (Table 5)", group.where), parts)


def variants(group: Group) -> list[Entry]:
    """Every method of which there are several, by method and order, after the unedited model."""
    orders = sorted(group.panels, key=lambda order: (order != "cycle", order))
    every = [Entry(s.method, group.panels[order]) for order in orders for s in group.panels[order].standings]
    every = [entry for entry in every if not ablation.parts_of(entry.method)]  # they have a section of their own
    families = [entry.family for entry in every if entry.method != UNEDITED]
    several = [e for e in every if e.method != UNEDITED and families.count(e.family) > 1]
    rank = {family: place for place, family in enumerate(dict.fromkeys(e.family for e in several))}
    unedited = [entry for entry in every if entry.method == UNEDITED][:1]
    begun = any(s.scored for e in several for s in e.panel.standings if s.method == e.method)
    return [*unedited, *sorted(several, key=lambda e: rank[e.family])] if begun else []


def table(group: Group, entries: Sequence[Entry]) -> Table:
    """A row per entry with the columns of Table 1, published rows under ours."""
    printed = [paper.scores(entry.panel.setting).get(entry.method) for entry in entries]
    numbers = [{measure: summaries(e.panel, measure)[e.method] for measure in MAIN} for e in entries]
    seen = {measure: any(found[measure].have for found in numbers) for measure in MAIN}
    measures = [measure for measure in MAIN if measure != XTREME or seen[measure] or any(printed)]
    rows, notes = [], []
    for entry, found, published in zip(entries, numbers, printed, strict=True):
        name = entry.name
        rows.append((Cell(name), *(summary_cell(found[measure], seen[measure]) for measure in measures)))
        if published:
            theirs = dict(zip((m.key for m in paper.MEASURES), published_cells(published), strict=True))
            rows.append((Cell(f"{name}, published"), *(theirs.get(m.key, Cell("–")) for m in measures)))
            notes += [paper.SOURCE.format(what="Tables 1 and 5"), *paper.notes(entry.panel.setting, [entry.method])]
    header = (Column("method", "Method", "text"), *(Column(measure.key, measure.title) for measure in measures))
    caption = f"Variants, {group.name}, mean ± standard deviation over seeds, percent."
    notes += (
        [TRANSLATED] if {e.method for e in entries} & {"alphaedit-translation", "alphaedit-all-translations"} else []
    )
    panels = list(dict.fromkeys(group.panels))
    return with_reasons(
        Table(f"table5{group.suffix}", header, tuple(rows), caption, tuple(dict.fromkeys(notes))),
        [group.panels[order] for order in panels],
    )


def differences(group: Group, entries: Sequence[Entry]) -> Table:
    """Every variant against its method in the same order, every other order against the first, measure by measure."""
    rows, found = [], []
    for entry in entries:
        base = _base(entry, entries)
        for measure in CORE if base else ():
            mine, theirs = (tested(each.panel, measure, each.method)[0] for each in (entry, base) if each)
            found.append(gain(mine, theirs, ("edit_lang",)))
            names = (Cell(entry.name), Cell(base.name if base else ""), Cell(measure.title))
            rows.append((*names, *found[-1].cells()))
    header = (
        Column("method", "Variant", "text"),
        Column("base", "Compared with", "text"),
        Column("measure", "Measure", "text"),
        Column("difference", "Difference", "number"),
    )
    caption = "Variant minus what it is compared with, in points, with its 95 % interval over facts."
    notes = (GAIN_NOTE, *untested(found))
    return with_reasons(Table(f"table5-difference{group.suffix}", (*header, *GAIN), tuple(rows), caption, notes))


def _base(entry: Entry, entries: Sequence[Entry]) -> Entry | None:
    """What an entry is compared with: nothing for the first of a family and for the unedited model."""
    order = entry.panel.setting.order
    family = [each for each in entries if each.family == entry.family != UNEDITED]
    original = [e for e in family if (e.method, e.panel.setting.order) == (entry.family, order)]
    earlier = [e for e in family if e.method == entry.method]
    chosen = next((e for e in (*original, *earlier, *family) if e is not entry), None)
    return None if not family or entry is family[0] else chosen

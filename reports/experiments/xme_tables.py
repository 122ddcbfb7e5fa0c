"""XME: harmonic means by group of layers, means by script with the line without an edit, and flipped edits apart."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from reports.experiments.common import seeds_of, summaries_by, with_reasons
from reports.experiments.xme_maps import OWN, number_cell
from reports.experiments.xme_study import (
    G,
    S,
    Study,
    by_relation,
    complete,
    family_name,
    harmonic_difference,
    harmonics,
    mean_of,
    means,
    pairs,
    practice_name,
)
from reports.numbers.aggregate import UNEDITED, Summary
from reports.numbers.scripts import MAIN, RELATIONS, among
from reports.numbers.variants import GROUPS, Variant
from reports.parts.contents import column_cells, short_name
from reports.parts.sections import Picture
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.bars import Bars, Names, draw_bars

NAMED = (
    Column("method", "Method", "text"),
    Column("layers", "Layers", "text"),
    Column("practice", "Practice", "text"),
)

LAYERS_NOTE = (
    f"Layers: {', '.join(f'{key} {name}' for key, name in GROUPS.items())}; {OWN}: those of the method's "
    "hyperparameters. Practice: languages in which an editor learnt to edit, on other claims."
)


def names(variant: Variant) -> tuple[Cell, ...]:
    """The cells under `NAMED`."""
    layers = DASH if variant.method == UNEDITED else variant.layers or OWN
    return Cell(short_name(variant.base)), Cell(layers), Cell(practice_name(variant) or DASH)


# ---------------------------------------------------------------------------- harmonic means
def harmonic_table(found: Study) -> Table:
    """A row per method, group of layers and practice; the best marked, the unedited model not competing."""
    parts, both = means(found), harmonics(found)
    nothing = Summary(None, None, 0, len(found.panel.standings[0].seeds))
    columns = [
        {s.method: numbers.get(s.method, nothing) for s in found.panel.standings}
        for numbers in (*({m: n for (m, what), n in parts.items() if what == each} for each in (G, S)), both)
    ]
    order = [standing.method for standing in found.panel.standings]
    cells = [dict(zip(order, column_cells(found.panel, numbers, 2), strict=True)) for numbers in columns]
    rows = []
    for variant in found.variants:
        outcome = harmonic_difference(found, variant.method)
        interval = [Cell(DASH) if bound is None else Cell(mean=bound) for bound in (outcome.low, outcome.high)]
        mine = found.records[found.records["method"] == variant.method]
        numbers = (each[variant.method] for each in cells)
        rows.append((*names(variant), *numbers, *interval, Cell(mean=float(mine["fact"].nunique()))))
    header = (
        *NAMED,
        Column("g", G),
        Column("s", S),
        Column("harmonic", "Harmonic mean"),
        Column("ci95_low", "95 % from", "number"),
        Column("ci95_high", "to", "number"),
        Column("facts", "Claims", "number", 0),
    )
    caption = (
        f"{found.group.name}: means over all pairs of languages and their harmonic mean, percent, mean ± standard "
        f"deviation over seeds ({seeds_of(found.panel)}), and its 95 % interval over claims."
    )
    notes = (
        LAYERS_NOTE,
        "Best of a column bold, second underlined; the unedited model does not compete. Interval: each claim is one "
        "value, its share in the harmonic mean (delta method), averaged over languages and seeds.",
    )
    return with_reasons(Table(f"xme-harmonic{found.group.suffix}", header, tuple(rows), caption, notes), [found.panel])


# ---------------------------------------------------------------------------- by script
def script_table(found: Study) -> Table:
    """A row per method and group of languages: same language, same script, other script, for both measures."""
    numbers = by_relation(found, pairs(found))
    shown = list(dict.fromkeys(place for code in found.languages for place in among(code, code)))
    rows = [
        (
            *names(variant),
            Cell(place),
            *(number_cell(numbers.get((variant.method, place, what, key))) for what in (G, S) for key in RELATIONS),
        )
        for variant in found.variants
        for place in shown
    ]
    header = (
        *NAMED,
        Column("languages", "Languages", "text"),
        *(Column(f"{what}_{key}", f"{what}, {name}", digits=1) for what in (G, S) for key, name in RELATIONS.items()),
    )
    caption = (
        f"{found.group.name}: means by how the language of the question is related to that of the edit, percent; the "
        f"row of {short_name(UNEDITED)} is the line without an edit."
    )
    notes = [LAYERS_NOTE, SCRIPTS_NOTE]
    if len(shown) > 1:
        notes.append(f"{', '.join(shown[1:])}: these languages, and pairs of one of them with any other.")
    return with_reasons(
        Table(f"xme-scripts{found.group.suffix}", header, tuple(rows), caption, tuple(notes)), [found.panel]
    )


SCRIPTS_NOTE = "Same script, as in the paper: Latin, and the Indic languages among each other, whatever their letters."


def bars(found: Study) -> Picture:
    """The same as bars: a panel per method and practice, groups of layers side by side."""
    numbers = by_relation(found, pairs(found))
    own = [each for each in found.variants if not each.layers and each.method != UNEDITED]
    panels = [
        _bars(family_name(found, family), {each.layers: each for each in members}, numbers)
        for family in found.families()
        if (members := [each for each in found.members(family) if each.layers])
    ]
    if own:
        panels.append(_bars("Layers of their own", {short_name(each.base): each for each in own}, numbers))
    levels = {key: mean_of(numbers.get((UNEDITED, MAIN, G, key))) for key in RELATIONS}
    shown = {key: level for key, level in levels.items() if not isnan(level)}
    series = {key: f"{G}, {name}" for key, name in RELATIONS.items()}
    caption = (
        f"{G} by how the question's language is related to that of the edit (bars), {S} of the same pairs of languages "
        f"(diamonds), {'and what the unedited model reaches (lines), ' if shown else ''}percent; {MAIN} languages."
    )
    alt = f"Bars of {G} in the same language, the same script and another one, a panel per method and practice"
    figure = draw_bars(panels, Names(series, S, f"{G} without an edit"), shown)
    return Picture(f"xme-scripts{found.group.suffix}", caption, alt, figure)


def _bars(title: str, members: Mapping[str, Variant], numbers: Mapping[tuple[str, ...], Summary]) -> Bars:
    heights, diamonds = (
        {
            (name, key): mean_of(numbers.get((variant.method, MAIN, what, key)))
            for name, variant in members.items()
            for key in RELATIONS
        }
        for what in (G, S)
    )
    return Bars(title, tuple(members), heights, diamonds)


# ---------------------------------------------------------------------------- flipped edits
def flipped_table(found: Study) -> Table | str:
    """G_S of all edits, as the coin of the paper falls, and of those that flip what the unedited model says."""
    flips = found.records[["seed", "fact", "edit_lang", "flips"]].drop_duplicates()
    if not found.has_unedited:
        return "All edits and flipped edits cannot be set side by side: see above."
    every, flipped = pairs(found), pairs(found, flipped=True)
    whole = [summaries_by(found.panel, complete(each), ("what",)) for each in (every, flipped)]
    parts = [by_relation(found, each) for each in (every, flipped)]
    rows = []
    for variant in found.variants:
        cells = []
        for total, part in zip(whole, parts, strict=True):
            cells.append(number_cell(total.get((variant.method, G))))
            cells += [number_cell(part.get((variant.method, MAIN, G, key))) for key in RELATIONS]
        rows.append((*names(variant), *cells))
    titles = {"mean": "all pairs", **RELATIONS}
    header = (
        *NAMED,
        *(Column(f"all_{key}", f"All edits, {title}", digits=1) for key, title in titles.items()),
        *(Column(f"flipped_{key}", f"Flipped, {title}", digits=1) for key, title in titles.items()),
    )
    known = flips["flips"].notna()
    share = f"{int(flips['flips'].eq(True).sum())} of {int(known.sum())} edits flip"
    caption = f"{found.group.name}: {G} of all edits and of those that flip what the unedited model says, percent."
    notes = (
        LAYERS_NOTE,
        f"All edits: a coin decides, as in the paper, whether an edit sets the wrong label or confirms the right one, "
        f"so an editor that does nothing has about half. Flipped: the unedited model says something else than the "
        f"target when it is asked the edited claim; {share}. Same and other scripts: {MAIN} languages.",
    )
    return with_reasons(Table(f"xme-flipped{found.group.suffix}", header, tuple(rows), caption, notes), [found.panel])

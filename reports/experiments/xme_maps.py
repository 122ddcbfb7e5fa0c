"""XME: the matrices themselves, language of the edit by language of the question, groups of layers side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from reports.experiments.common import with_reasons
from reports.experiments.xme_study import G, S, Study, family_name, matrices, mean_of
from reports.numbers.aggregate import UNEDITED, Summary
from reports.numbers.names import slug
from reports.numbers.variants import GROUPS, Variant
from reports.parts.contents import language_cell, language_name, short_name, summary_cell
from reports.parts.sections import Picture
from reports.parts.tables import DASH, Cell, Column, Table
from reports.pictures.maps import FEW, Map, draw_maps

OWN = "own"
"""Of methods whose name says no layers."""


def parts(found: Study) -> Iterator[tuple[list[Picture], Table]]:
    """A figure per method and language of practice, a map per group of layers, and the same numbers for a csv file.

    Of many languages each measure has a figure of its own: both together would be longer than a page.
    """
    numbers = matrices(found)
    many = len(found.languages) > FEW
    for name, title, members in _figures(found):
        stem = f"xme-{name}{found.group.suffix}"
        pictures = [
            _picture(found, numbers, f"{stem}{f'-{slug(measures[0])}' if many else ''}", title, members, measures)
            for measures in ([(G,), (S,)] if many else [(G, S)])
        ]
        yield pictures, table(found, numbers, stem, members)


def _picture(
    found: Study,
    numbers: Mapping[tuple[str, ...], Summary],
    stem: str,
    title: str,
    members: Sequence[Variant],
    measures: Sequence[str],
) -> Picture:
    named = " and ".join(measures)
    caption = (
        f"{title}: {named} by language of the edit (rows) and of the question (columns), percent; dark is high, bold "
        "is the language of the edit, a dash is not measured."
    )
    alt = f"{title}: {named}, matrices of language of the edit by language of the question, {len(members)} for each"
    rows = [[_map(found, numbers, each, what) for each in members] for what in measures]
    return Picture(stem, caption, alt, draw_maps(rows, found.languages, found.languages))


def _figures(found: Study) -> Iterator[tuple[str, str, Sequence[Variant]]]:
    """Name, title and members of each figure; methods with layers of their own share one with the unedited model."""
    own = [each for each in found.variants if not each.layers]
    if own:
        yield OWN, ", ".join(short_name(each.method) for each in own), own
    for family in found.families():
        if members := [each for each in found.members(family) if each.layers]:
            yield slug("-".join(filter(None, family))), family_name(found, family), members


def label(variant: Variant) -> str:
    """What stands above a map: the group of layers, or the method where it has its own."""
    if not variant.layers:
        return short_name(variant.method)
    return f"{variant.layers}, {GROUPS[variant.layers]}" if variant.layers in GROUPS else f"layers {variant.layers}"


def _map(found: Study, numbers: Mapping[tuple[str, ...], Summary], variant: Variant, what: str) -> Map:
    codes = found.languages
    shares = [[mean_of(numbers.get((variant.method, what, one, two))) for two in codes] for one in codes]
    return Map(f"{what} {label(variant)}", np.array(shares))


def table(found: Study, numbers: Mapping[tuple[str, ...], Summary], stem: str, members: Sequence[Variant]) -> Table:
    """A row per measure, group of layers and language of the edit, a column per language that is asked."""
    rows = [
        (
            Cell(what),
            Cell(label(each)),
            language_cell(edited),
            *(number_cell(numbers.get((each.method, what, edited, asked))) for asked in found.languages),
        )
        for what in (G, S)
        for each in members
        for edited in found.languages
    ]
    header = (
        Column("measure", "Measure", "text"),
        Column("layers", "Layers", "text"),
        Column("edited", "Edited", "text"),
        *(Column(code, language_name(code), digits=1) for code in found.languages),
    )
    return with_reasons(Table(stem, header, tuple(rows)), [found.panel])


def number_cell(number: Summary | None) -> Cell:
    """A number, or a dash where nothing of the kind was measured."""
    return Cell(DASH) if number is None else summary_cell(number)


def without_unedited(found: Study) -> tuple[str, ...]:
    """What is missing where a run has no unedited model."""
    if found.has_unedited:
        return ()
    has_cells = any(each.method == UNEDITED for each in found.variants)
    why = "its cells are not finished" if has_cells else f"the run has no cells of the method {UNEDITED}"
    return (
        f"What the unedited model says is not known ({why}): there is no line without an edit, and edits that flip "
        "nothing cannot be told from others.",
    )

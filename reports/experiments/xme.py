"""XME: claims are edited in one language and asked in others, by method, group of layers and language of practice.

Every edit is made alone, on the unedited model (Beniwal et al., Findings of EACL 2024).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.store.results import Results
from reports.experiments import xme_claims, xme_covariates, xme_maps, xme_published, xme_tables
from reports.experiments.common import counted, groups, titled
from reports.experiments.xme_study import G, S, Study, study
from reports.numbers.aggregate import Panel, Setting
from reports.parts.sections import Part, Section


def sections(results: Results, panels: Sequence[Panel]) -> Iterator[Section]:
    """Three sections per setting of a run of independent edits."""
    if not results.independent:
        return
    for group in groups(panels, Setting._fields, "edited"):
        (panel,) = group.panels.values()
        if found := study(results, group, panel):
            yield from _sections(found)


def _sections(found: Study) -> Iterator[Section]:
    where = found.group.where
    text = (
        "Each claim is edited alone, in one language, and asked in all: rows of a map are the language of the edit, "
        f"columns that of the question. {G}: the edited claim in other words; {S}: unrelated claims of which the model "
        f"says what it said before the edit. {counted(found.panel)}. Learning editors saw other claims before, "
        "fine-tuning did not."
    )
    figures = list(xme_maps.parts(found))
    maps: tuple[Part, ...] = (
        text,
        *xme_maps.without_unedited(found),
        *(picture for pictures, _ in figures for picture in pictures),
    )
    yield Section(titled("Edits across languages (XME)", where), maps, tuple(table for _, table in figures))
    parts = (
        xme_tables.harmonic_table(found),
        xme_tables.bars(found),
        xme_tables.script_table(found),
        xme_tables.flipped_table(found),
        xme_published.table(found),
    )
    yield Section(titled("Layers, languages and practice (XME)", where), parts)
    claims = (xme_claims.table(found), *xme_covariates.tables(found))
    yield Section(titled("What agrees with the paper (XME)", where), claims)

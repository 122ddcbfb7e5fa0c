"""XME: what goes with hearing an edit in another language: names spelt alike, one script."""

from __future__ import annotations

from math import isnan

import pandas as pd
from scipy.stats import spearmanr

from bench.data.claims.phrasings import LANGUAGES
from reports.experiments.common import with_reasons
from reports.experiments.xme_study import PAIR, G, Study, pairs
from reports.experiments.xme_tables import NAMED, names
from reports.numbers.overlap import overlaps
from reports.numbers.scripts import SAME, SCRIPT
from reports.parts.contents import language_cell, language_name
from reports.parts.tables import DASH, Cell, Column, Table

DATA = "claims"
"""The data set whose subjects' names are at hand."""

FEWEST = 6
"""Pairs of languages from which on a rank correlation says something."""

COVARIATES = {
    "names": "Overlap of names",
    "sounds": "Overlap of names, Indic letters as Devanagari",
    "script": "Same script",
}


def tables(found: Study) -> tuple[Table, ...]:
    """Rank correlations for every method, and the overlaps that they are of."""
    between = pairs(found)
    between = between[(between["what"] == G) & (between["relation"] != SAME)]
    means = between.groupby(["method", *PAIR, "relation"], as_index=False)["value"].mean()
    columns = {"script": means["relation"].eq(SCRIPT).astype(float)}
    if has_names(found):
        for key, sounds in (("names", False), ("sounds", True)):
            known = overlaps(found.languages, sounds)
            sides = means[list(PAIR)].itertuples(index=False, name=None)
            columns[key] = pd.Series([known[side] for side in sides], index=means.index, dtype=float)
    means = means.assign(**columns)
    return (correlations(found, means), *((overlap_table(found),) if has_names(found) else ()))


def has_names(found: Study) -> bool:
    """Whether the names of the subjects are at hand, in all languages."""
    return found.panel.setting.data == DATA and set(found.languages) <= set(LANGUAGES)


def correlations(found: Study, means: pd.DataFrame) -> Table:
    """A row per method: Spearman's rho of G_S with each covariate, over pairs of different languages."""
    rows = []
    for variant in found.variants:
        mine = means[means["method"] == variant.method]
        numbers = (rho(mine["value"], mine[key]) if key in mine else Cell(DASH) for key in COVARIATES)
        rows.append((*names(variant), Cell(mean=float(len(mine))), *numbers))
    header = (
        *NAMED,
        Column("pairs", "Pairs", "number", 0),
        *(Column(key, title, "number") for key, title in COVARIATES.items()),
    )
    caption = (
        f"{found.group.name}: Spearman's rank correlation of {G} with covariates, over pairs of different languages."
    )
    notes = [
        "Overlap of names: share of character trigrams that the subjects' names in both languages have in common, in "
        "lower case, mean over the subjects of all embedded claims; once as written, once with the letters of all "
        "Indic scripts read as Devanagari. It counts letters, not the models' tokens: reports read no tokenizer.",
        "No p: pairs share their languages, so they are not independent.",
        f"{DASH}: fewer than {FEWEST} pairs, or a side on which all pairs are equal.",
    ]
    if not has_names(found):
        notes.append(f"The names of subjects are known for the data set {DATA} only.")
    return with_reasons(Table(f"xme-covariates{found.group.suffix}", header, tuple(rows), caption, tuple(notes)))


def overlap_table(found: Study) -> Table:
    """The overlaps by pair of languages, percent."""
    rows = [
        (
            Cell(title),
            language_cell(one),
            *(Cell(mean=100 * known[one, two]) for two in found.languages),
        )
        for title, known in (
            (COVARIATES["names"], overlaps(found.languages)),
            (COVARIATES["sounds"], overlaps(found.languages, sounds=True)),
        )
        for one in found.languages
    ]
    header = (
        Column("overlap", "Overlap", "text"),
        Column("language", "Language", "text"),
        *(Column(code, language_name(code), "number", 1) for code in found.languages),
    )
    caption = "Share of character trigrams that subjects' names have in common, by pair of languages, percent."
    return Table(f"xme-overlap{found.group.suffix}", header, tuple(rows), caption)


def rho(first: pd.Series[float], second: pd.Series[float]) -> Cell:
    """Spearman's rho; none of few pairs, or where a side does not vary."""
    if len(first) < FEWEST or first.nunique() < 2 or second.nunique() < 2:
        return Cell(DASH)
    value = float(spearmanr(first, second).statistic)
    return Cell(DASH) if isnan(value) else Cell(mean=value)

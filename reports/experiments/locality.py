"""Locality as distributions: how far edits moved what is said of other facts, with and without the edit before it."""

from __future__ import annotations

from bench.store.results import Results
from reports.experiments.common import seeds_of, with_reasons
from reports.numbers.aggregate import Panel, summaries
from reports.numbers.measures import Measure
from reports.parts.contents import display_name, summary_cell
from reports.parts.sections import Section
from reports.parts.tables import Cell, Column, Table

PROTOCOLS = {"teacher_forced": "bare", "edit_prepended": "after the edit"}
OTHERS = (("specificity", "Gold", "teacher_forced"), ("specificity_agreement", "Agreement", "teacher_forced"))
KL, TOP = "specificity_kl", (("specificity_top1", "Top 1"), ("specificity_top5", "Top 5"))


def section(results: Results, panel: Panel) -> Section | None:
    """Every sense of specificity side by side; None where distributions were not compared."""
    if not (panel.records["metric"] == KL).any():
        return None
    text = (
        "The same probes in every sense of specificity. Gold: the answer is the true one. Agreement: it is the "
        "unedited model's. KL: of the next-token distribution from the unedited model's, in nats, 0 is best; top 1 and "
        "top 5: what the likeliest tokens of both share. After the edit: the edit itself, prompt and new target, "
        "stands before the probe, for both models; this is where an edit that reacts to its own words shows. "
        f"{seeds_of(panel)}."
    )
    return Section("Locality", (text, table(panel)))


def table(panel: Panel) -> Table:
    """A row per method and way of asking."""
    header = (
        Column("method", "Method", "text"),
        Column("asked", "Asked", "text"),
        *(Column(metric, title, digits=1) for metric, title, _ in OTHERS),
        Column(KL, "KL, nats", digits=3),
        *(Column(metric, title, digits=1) for metric, title in TOP),
    )
    others = [summaries(panel, Measure("", "", metric, protocol)) for metric, _, protocol in OTHERS]
    found = {
        protocol: [summaries(panel, Measure("", "", metric, protocol)) for metric in (KL, *(name for name, _ in TOP))]
        for protocol in PROTOCOLS
    }
    rows = []
    for standing in panel.standings:
        for protocol, asked in PROTOCOLS.items():
            kl, *tops = (each[standing.method] for each in found[protocol])
            if not any(each.have for each in (kl, *tops)):
                continue
            bare = protocol == "teacher_forced"
            rows.append((
                Cell(display_name(standing.method)),
                Cell(asked),
                *(summary_cell(each[standing.method]) if bare else Cell() for each in others),
                summary_cell(kl.as_scored()),
                *map(summary_cell, tops),
            ))  # fmt: skip
    caption = "Specificity in every sense; mean ± standard deviation over seeds, percent, KL in nats."
    notes = ("A model that has diverged has no KL. Probes that are too long with the edit before them are left out.",)
    return with_reasons(Table("locality", header, tuple(rows), caption, notes), [panel])

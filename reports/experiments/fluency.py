"""Fluency: n-gram entropy of what the model writes, and perplexity of fixed text, by language, before and after."""

from __future__ import annotations

from dataclasses import replace

from bench.store.results import Results
from reports.experiments.common import finer, in_order, seeds_of, summaries_by, with_reasons
from reports.numbers.aggregate import Panel, Summary
from reports.numbers.measures import Measure
from reports.parts.contents import METHOD, display_name, language_cell, summary_cell
from reports.parts.sections import Section
from reports.parts.tables import DASH, Cell, Column, Table

UNEDITED = "_unedited"
MEASURES = (
    Measure("entropy", "Entropy, bits", "fluency_entropy", "greedy"),
    Measure("perplexity", "Perplexity", "fluency_perplexity", "fixed_text"),
)


def section(results: Results, panel: Panel) -> Section | None:
    """A row per method and language; None where fluency was not scored."""
    if not panel.records["metric"].isin([measure.metric for measure in MEASURES]).any():
        return None
    text = (
        "Entropy: of the 2- and 3-grams of what the model writes after edited prompts, weighted as MEMIT's generation "
        "entropy; a model that repeats itself has little. Perplexity: of fixed text about places that nothing was "
        f"edited of; of words it does not expect a model has much. Before: of the unedited model. {seeds_of(panel)}."
    )
    return Section("Fluency", (text, table(results, panel)))


def table(results: Results, panel: Panel) -> Table:
    """A row per method and language, before and after for both measures."""
    both = [
        each for measure in MEASURES for each in (replace(measure, protocol=f"{measure.protocol}{UNEDITED}"), measure)
    ]
    records = finer(results, panel, both, ("fact", "edit_lang", "probe_lang"))
    numbers = summaries_by(panel, records, ("metric", "protocol", "probe_lang"))
    header = (
        METHOD,
        Column("language", "Language", "text"),
        *(
            Column(f"{measure.key}_{when}", f"{measure.title}, {when}", digits=2)
            for measure in MEASURES
            for when in ("before", "after")
        ),
    )
    rows = [
        (
            Cell(display_name(standing.method)),
            language_cell(lang),
            *(_cell(numbers.get((standing.method, each.metric, str(each.protocol), lang))) for each in both),
        )
        for standing in panel.standings
        for lang in in_order(set(records["probe_lang"]))
    ]
    caption = "Entropy of free text and perplexity of fixed text by language, mean ± standard deviation over seeds."
    return with_reasons(Table("fluency", header, tuple(rows), caption), [panel])


def _cell(percent: Summary | None) -> Cell:
    return Cell(DASH) if percent is None else summary_cell(percent.as_scored())

"""The report as a list of sections, written out as Markdown or typst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from bench.spec import ALL
from bench.store import Results
from reports import contents, provenance
from reports.aggregate import CORE, MAIN, XTREME, XTREME_LIKELIHOOD, Panel, cells_of
from reports.fonts import chinese_font, latin_only, missing_note
from reports.parts import Part, Picture, Section
from reports.radar import charts, draw
from reports.significance import Comparison, compare
from reports.tables import Column, Table, to_markdown, to_typst, typst_string

METRICS = (
    "Efficacy: how much of the new answer the edited model gives when asked with the prompt that was edited.",
    "Generality: the same, asked in other words. Where the data holds paraphrases that equal the prompt, "
    '"Generality, reworded" leaves them out.',
    "Specificity: how much of the right answer it gives to questions about other facts, which no edit should touch. "
    '"Specificity, agreement" counts agreement with what the unedited model says, right or wrong (LangEdit Eq. 13).',
    "Score: harmonic mean of efficacy, generality and specificity; high only where all three are.",
    "Other languages: the edited fact asked in the languages it was not edited in.",
    "XTREME F1: what the model still does on XNLI, PAWS-X, MLQA and WikiANN (or the embedded model's own tasks of the "
    "same kinds) after the edits. Protocol langedit scores generated answers as the LangEdit authors do; protocol "
    "likelihood compares label words by their probability, and scores answers and entities with due normalisation.",
    "Portability: a question whose answer follows from the edited fact; only some data sets ask one.",
    "How answers are judged: the share of the answer's tokens that the model ranks first, given the true tokens before "
    'them (teacher forcing); in columns named "exact", whether greedy generation gives the whole answer.',
    "How they are averaged: over the tokens and questions of one edit, then over edits, then over seeds. The standard "
    "deviation is over seeds; a seed draws facts, new answers and their order, the same for every method.",
)


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a report says about one setting."""

    panel: Panel
    comparisons: Sequence[Comparison]
    table1: Table
    tables: tuple[Table, ...]
    sections: tuple[Section, ...]


def findings(root: Path, results: Results, panel: Panel, radar: str) -> Findings:
    """Compute the tables of one setting and order them.

    Args:
        root: the run's folder.
        results: its tables.
        panel: one setting of them.
        radar: stem of the chart's files.
    """
    cells = cells_of(results.cells, panel.setting)
    records = provenance.cell_records(root, cells)
    comparisons = compare(panel, MAIN)
    table1 = contents.table1(panel, comparisons)
    measures, cost = contents.further(panel), provenance.cost(results, cells)
    unfinished, aligned = provenance.unfinished(cells), provenance.alignment(records)
    xtreme = [contents.xtreme(panel, measure) for measure in (XTREME, XTREME_LIKELIHOOD)]
    by_language = [contents.by_language(panel, measure) for measure in CORE]
    sections = [
        Section("Results", (table1, *_with_rows(unfinished))),
        Section(
            "By language",
            (Picture(radar, _alt(panel), _alt(panel), draw(charts(panel))), *_font_note(by_language), *by_language),
        ),
        Section("Significance", (contents.significance(comparisons),) if comparisons else (_no_tests(),)),
        Section("XTREME", tuple(xtreme)) if xtreme[0].rows else None,
        Section("Further measures", (measures,)) if len(measures.columns) > 1 else None,
        Section("Cost", (cost,)),
        Section("What was run", (provenance.what_was_run(records), *_with_rows(aligned), provenance.options(records))),
        Section("How to read the numbers", (METRICS,)),
    ]
    long = (contents.languages_long(panel), contents.significance_long(comparisons))
    tables = (measures, *long, cost, *(table for table in xtreme if table.rows))
    return Findings(panel, comparisons, table1, tables, tuple(section for section in sections if section))


def to_report_markdown(title: str, found: Sequence[Findings]) -> str:
    """The whole report for GitHub; pictures are linked by relative path."""
    blocks = [f"# {title}"]
    for each in found:
        blocks += [f"## {_headline(each.panel)}"] if len(found) > 1 else [_headline(each.panel)]
        for section in each.sections:
            blocks.append(f"{'###' if len(found) > 1 else '##'} {section.title}")
            blocks += [_markdown_part(part) for part in section.parts]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def to_report_typst(title: str, found: Sequence[Findings]) -> str:
    """The whole report as typst source; its pictures are read from the folder it is compiled in."""
    subtitle = "; ".join(_headline(each.panel) for each in found)
    blocks = [
        files("reports").joinpath("templates/report.typ").read_text(encoding="utf-8"),
        f"#show: report.with(title: {typst_string(title)}, subtitle: {typst_string(subtitle)})",
    ]
    for number, each in enumerate(found):
        if number:
            blocks.append("#pagebreak()")
        if len(found) > 1:
            blocks.append(f"#text(15pt, strong({typst_string(_headline(each.panel))}))")
        for section in each.sections:
            blocks.append(f"#heading(level: 1, {typst_string(section.title)})")
            blocks += [_typst_part(part) for part in section.parts]
    return "\n\n".join(blocks) + "\n"


def _markdown_part(part: Part) -> str:
    if isinstance(part, Table):
        return to_markdown(part)
    if isinstance(part, Picture):
        return f"![{part.alt}]({part.stem}.png)"
    return part if isinstance(part, str) else "\n".join(f"- {text}" for text in part)


def _typst_part(part: Part) -> str:
    if isinstance(part, Table):
        return to_typst(_as_shown(part))
    if isinstance(part, Picture):
        return f"#image({typst_string(f'{part.stem}.svg')}, width: 100%, alt: {typst_string(part.alt)})"
    if isinstance(part, str):
        return f"#par({typst_string(part)})"
    return f"#list({', '.join(typst_string(text) for text in part)})"


def _as_shown(table: Table) -> Table:
    """The table with codes for the languages whose script no font has."""
    if chinese_font():
        return table
    shown = [c if latin_only(c.title) else Column(c.key, c.key, c.kind, c.digits) for c in table.columns]
    return Table(table.name, tuple(shown), table.rows, table.caption, table.notes)


def _font_note(tables: Iterable[Table]) -> tuple[str, ...]:
    needed = not all(latin_only(column.title) for table in tables for column in table.columns)
    return (missing_note(),) if needed and not chinese_font() else ()


def _with_rows(table: Table) -> tuple[Table, ...]:
    return (table,) if table.rows else ()


def _no_tests() -> str:
    return "No test: fewer than two methods have all their seeds."


def _headline(panel: Panel) -> str:
    methods = sum(standing.method != "none" for standing in panel.standings)
    seeds = len(panel.standings[0].seeds)
    setting = panel.setting
    alone = f", edited in {setting.edited}" if setting.edited != ALL else ""
    return (
        f"{setting.model} on {setting.data}, order {setting.order}{alone}: {methods} methods, "
        f"{seeds} seed{'s' if seeds != 1 else ''}"
    )


def _alt(panel: Panel) -> str:
    return (
        f"Radar charts of efficacy, generality and specificity by language: {panel.setting.model}, {panel.setting.data}"
    )

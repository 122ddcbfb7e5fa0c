"""The report of one or several runs, as chapters of sections; the writers know nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.config.run import ALL
from bench.ground.errors import BenchError
from bench.store.results import Results, load_results
from reports import experiments
from reports.experiments import figure5, published
from reports.numbers.aggregate import Panel, cells_of, panels
from reports.numbers.measures import CORE, MAIN, XTREME, XTREME_LIKELIHOOD
from reports.numbers.names import run_names, slug, suffix
from reports.numbers.significance import compare
from reports.parts import contents, overview, provenance, reading, tested
from reports.parts.arranging import arranged, renamed
from reports.parts.fonts import chinese_font, is_chinese, missing_note
from reports.parts.sections import Chapter, Picture, Section
from reports.parts.tables import Table
from reports.pictures.radar import charts, draw

Told = tuple[str, int]
"""A cell, and a hash of its scores."""

GROUPS = 2
"""So many settings that edit only some of the languages have chapters of their own; more are set side by side."""


def read_report(folders: Sequence[Path]) -> Chapter:
    """Everything there is to say about some runs; a chapter per run if there are several.

    A setting whose cells have all been reported in an earlier chapter is named and not repeated.

    Raises:
        BenchError: no such run, an empty one, or one of another schema version.
    """
    names = run_names(folders)
    told: set[Told] = set()
    shown: list[Panel] = []
    chapters = [_run(folder, name, told, shown) for folder, name in zip(folders, names, strict=True)]
    title = f"langedit-bench: {', '.join(names)}"
    if len(chapters) == 1:
        return arranged(Chapter(title, chapters[0].headline, (*chapters[0].items, *reading.sections())))
    apart = [_renamed(chapter, before=f"{slug(name)}-") for chapter, name in zip(chapters, names, strict=True)]
    beside = published.section(shown)
    first = [beside] if beside else []
    return arranged(Chapter(title, f"{len(apart)} runs", (*first, *apart, *reading.sections())))


def first_tables(report: Chapter) -> list[Table]:
    """The table that each chapter begins with, for a terminal."""
    found = []
    for chapter in (report, *(item for _, item in report.walk() if isinstance(item, Chapter))):
        own = (part for item in chapter.items[:1] if isinstance(item, Section) for part in item.parts)
        found += [part for part in own if isinstance(part, Table)][:1]
    return found


def _run(folder: Path, name: str, told: set[Told], shown: list[Panel]) -> Chapter:
    """One run: what its settings show together, then each setting; a trace if it holds one.

    Args:
        folder: ``results/<run>``.
        name: for its title.
        told: cells of earlier chapters; those of this one are added.
        shown: settings of earlier chapters; likewise.
    """
    traced = _trace(folder)
    if traced and not any(folder.glob("*/cell.json")):
        return Chapter(name, "Trace of single edits", tuple(traced))
    results = load_results(folder)
    parts = panels(results)
    if not parts:
        raise BenchError("run.json plans no cells", file=folder)
    cells = {panel.setting: _told(results, panel) for panel in parts}
    new = [panel for panel in parts if cells[panel.setting] - told]
    repeated = [panel for panel in parts if not cells[panel.setting] - told]
    told.update(*cells.values())
    shown += [] if results.run.get("parallel") else new
    if len(parts) == len(new) == 1:
        chapter = _setting(folder, results, parts[0])
        together = experiments.of_run(results, parts)
        return Chapter(name, f"{chapter.title}: {chapter.headline}", (*chapter.items, *together, *traced))
    whole, side_by_side = _split(new)
    settings = [_renamed(_setting(folder, results, panel), after=suffix(panel, whole)) for panel in whole]
    notes = (f"{_name(panel)}: all of its cells stand in an earlier chapter." for panel in repeated)
    sections = [
        Section("All settings", (overview.settings(parts), *notes), (overview.settings_long(parts),)),
        *experiments.of_run(results, parts),
    ]
    behind = _behind(folder, results, [cells_of(results.cells, panel.setting) for panel in side_by_side])
    return Chapter(name, f"{len(parts)} settings", (*sections, *settings, *behind, *traced))


def _told(results: Results, panel: Panel) -> set[Told]:
    """The cells of a setting with what they scored, for a cell may come out otherwise on another machine."""
    cells = cells_of(results.cells, panel.setting)["cell"]
    scores = results.scores[results.scores["cell"].isin(cells)]
    sums = pd.util.hash_pandas_object(scores, index=False).groupby(scores["cell"]).sum()
    return {(cell, int(sums.get(cell, 0))) for cell in cells}


def _trace(folder: Path) -> list[Section]:
    if not (folder / "trace.json").is_file():
        return []
    if not (folder / "trace.csv").is_file():
        raise BenchError("no such file beside trace.json; was the trace interrupted?", file=folder / "trace.csv")
    return figure5.sections(folder)


def _split(parts: Sequence[Panel]) -> tuple[list[Panel], list[Panel]]:
    """Settings with a chapter of their own, and those that only stand side by side."""
    groups = [panel for panel in parts if panel.setting.edited != ALL]
    if len(groups) <= GROUPS:
        return list(parts), []
    return [panel for panel in parts if panel.setting.edited == ALL], groups


def _setting(folder: Path, results: Results, panel: Panel) -> Chapter:
    """One setting: Table 1, charts, tests, what else was measured, what it cost, what was run."""
    cells = cells_of(results.cells, panel.setting)
    records = provenance.cell_records(folder, cells)
    comparisons = compare(panel, MAIN)
    measures = contents.further(panel)
    xtreme = [contents.xtreme(panel, measure) for measure in (XTREME, XTREME_LIKELIHOOD)]
    by_language = [contents.by_language(panel, measure) for measure in CORE]
    shown = (tested.significance(comparisons),) if comparisons else ("No test: fewer than two methods to compare.",)
    sections = [
        Section("Results", (contents.table1(panel, comparisons), *_with_rows(provenance.unfinished(cells)))),
        Section(
            "By language",
            (Picture("radar", _alt(panel), _alt(panel), draw(charts(panel))), *_font_note(by_language), *by_language),
            (contents.languages_long(panel),),
        ),
        Section("Significance", shown, (tested.significance_long(comparisons),)),
        *experiments.of_panel(results, panel),
        *([Section("XTREME", tuple(table for table in xtreme if table.rows))] if any(t.rows for t in xtreme) else []),
        *([Section("Further measures", (measures,))] if len(measures.columns) > 1 else []),
        Section("Cost", (provenance.cost(results, cells),)),
        _what_was_run(records),
    ]
    return Chapter(_name(panel), _size(panel), tuple(sections))


def _behind(folder: Path, results: Results, cells: Sequence[pd.DataFrame]) -> list[Section]:
    """What was run and what it cost, of settings that have no chapter of their own."""
    if not cells:
        return []
    mine = pd.concat(cells)
    records = provenance.cell_records(folder, mine)
    sections = [
        Section("Cost of the languages edited apart", (provenance.cost(results, mine),)),
        replace(_what_was_run(records), title="What was run of the languages edited apart"),
    ]
    unfinished = provenance.unfinished(mine)
    found = [Section("Unfinished cells", (unfinished,)), *sections] if unfinished.rows else sections
    return [renamed(section, after="-apart") for section in found]


def _what_was_run(records: list[dict[str, object]]) -> Section:
    tables = (provenance.what_was_run(records), *_with_rows(provenance.alignment(records)), provenance.options(records))
    return Section("What was run", tables)


def _renamed(chapter: Chapter, before: str = "", after: str = "") -> Chapter:
    items = (
        renamed(item, before, after) if isinstance(item, Section) else _renamed(item, before, after)
        for item in chapter.items
    )
    return Chapter(chapter.title, chapter.headline, tuple(items))


def _font_note(tables: Iterable[Table]) -> tuple[str, ...]:
    needed = any(is_chinese(column.title) for table in tables for column in table.columns)
    return (missing_note(),) if needed and not chinese_font() else ()


def _with_rows(table: Table) -> tuple[Table, ...]:
    return (table,) if table.rows else ()


def _name(panel: Panel) -> str:
    setting = panel.setting
    alone = f", edited: {setting.edited}" if setting.edited != ALL else ""
    return f"{setting.model} on {setting.data}, order {setting.order}{alone}"


def _size(panel: Panel) -> str:
    methods = sum(standing.method != "none" for standing in panel.standings)
    seeds = len(panel.standings[0].seeds)
    return f"{methods} method{'s' * (methods != 1)}, {seeds} seed{'s' * (seeds != 1)}"


def _alt(panel: Panel) -> str:
    return (
        f"Efficacy, generality and specificity by language, a line per method and an axis per language, percent: "
        f"{_name(panel)}."
    )

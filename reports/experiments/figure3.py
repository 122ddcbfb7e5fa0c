"""Figure 3: editing and downstream measures by language, as radar charts of a few methods."""

from __future__ import annotations

from bench.store.results import Results
from reports.experiments.common import counted, finer, in_order, summaries_by, with_reasons
from reports.numbers.aggregate import UNEDITED, Panel, Summary, languages, per_language
from reports.numbers.measures import CORE, XTREME
from reports.parts.contents import column_cells, display_name, language_name
from reports.parts.sections import Picture, Section
from reports.parts.tables import Cell, Column, Table
from reports.pictures.radar import Chart, chart, draw

SHOWN = ("langedit", "langedit-released", "alphaedit", "rect")
"""Methods of the paper's figure; others where the run has none of them."""

Numbers = dict[tuple[str, ...], Summary]


def section(results: Results, panel: Panel) -> Section | None:
    """The charts and the downstream numbers, or None where there are none."""
    records = finer(results, panel, [XTREME], ("fact", "probe_lang"))
    if not len(records):
        return None
    numbers = summaries_by(panel, records, ("probe_lang",))
    codes = in_order(records["probe_lang"])
    text = (
        "How well facts are edited by language of the edit, and what is left of XTREME F1 by language of the task, "
        f"the mean over the tasks in that language. {counted(panel)}."
    )
    caption = "Editing measures and XTREME F1 by language, percent; one scale for all charts."
    alt = "Radar charts of efficacy, generality, specificity and XTREME F1 by language"
    # fewer than three axes enclose nothing
    drawn = [each for each in charts(panel, codes, numbers) if len(each.axes) > 2]
    pictures = [Picture("figure3", caption, alt, draw(drawn))] if drawn else []
    tasks = {str(code): int(part["fact"].nunique()) for code, part in records.groupby("probe_lang")}
    return Section(
        "Editing and downstream by language (Figure 3)", (text, *pictures, table(panel, codes, numbers, tasks))
    )


def charts(panel: Panel, codes: list[str], downstream: Numbers) -> list[Chart]:
    """The editing measures and XTREME F1, with the methods of the figure."""
    methods = shown(panel)
    edited = languages(panel)
    found = [chart(measure.title, methods, edited, per_language(panel, measure)) for measure in CORE]
    return [
        *found,
        chart(XTREME.title, methods, codes, {(m, code): downstream[m, code] for m in methods for code in codes}),
    ]


def shown(panel: Panel) -> list[str]:
    """The unedited model, and the methods of the paper's figure if the run has any, else all."""
    methods = [standing.method for standing in panel.standings]
    chosen = [method for method in methods if method in (UNEDITED, *SHOWN)]
    return chosen if set(chosen) - {UNEDITED} else methods


def table(panel: Panel, codes: list[str], numbers: Numbers, tasks: dict[str, int]) -> Table:
    """XTREME F1 by language, every method."""
    cells = {
        code: column_cells(panel, {s.method: numbers[s.method, code] for s in panel.standings}, 1) for code in codes
    }
    rows = [
        (Cell(display_name(standing.method)), *(cells[code][i] for code in codes))
        for i, standing in enumerate(panel.standings)
    ]
    header = (Column("method", "Method", "text"), *(Column(code, language_name(code), digits=1) for code in codes))
    count = ", ".join(f"{language_name(code)} {tasks[code]}" for code in codes)
    caption = "XTREME F1 by language, mean over its tasks, protocol langedit, percent."
    return with_reasons(Table("figure3", header, tuple(rows), caption, (f"Tasks: {count}.",)), [panel])

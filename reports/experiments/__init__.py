"""The tables and figures of the paper, each from the cells that a run happens to hold.

`of_panel` finds what one setting shows, `of_run` what only several settings of a run show together.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.store.results import Results
from reports.experiments import (
    ablation,
    cycles,
    dropped,
    figure2,
    figure3,
    figure4,
    fluency,
    generation,
    horizon,
    locality,
    prediction,
    retention,
    silent,
    table1,
    table5,
    table6,
    table8,
    tables2,
    transfer,
    truth,
    xme,
)
from reports.numbers.aggregate import Panel
from reports.parts.sections import Section


def of_panel(results: Results, panel: Panel) -> list[Section]:
    """Sections about one setting of a run; independent edits do not add up to a course."""
    over_edits = () if results.independent else (cycles,) if cycles.is_of(results) else (horizon, retention)
    scored = (table1, generation, locality, fluency, truth, figure2, *over_edits, figure3, tables2, table8)
    modules = (silent, *scored, dropped)
    found = (module.section(results, panel) for module in modules)
    return [section for section in found if section]


def of_run(results: Results, panels: Sequence[Panel]) -> list[Section]:
    """Sections that set the settings of a run side by side; xme shows the variants of independent edits."""
    in_sequence = () if results.independent else (table5, ablation, prediction)
    return [
        section
        for module in (xme, figure4, *in_sequence, table6, transfer)
        for section in module.sections(results, panels)
    ]

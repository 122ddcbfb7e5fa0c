"""The tables and figures of the paper, each from the cells that a run happens to hold.

`of_panel` finds what one setting shows, `of_run` what only several settings of a run show together.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.store.results import Results
from reports.experiments import (
    ablation,
    figure2,
    figure3,
    figure4,
    generation,
    horizon,
    prediction,
    table1,
    table5,
    table6,
    table8,
    tables2,
    transfer,
)
from reports.numbers.aggregate import Panel
from reports.parts.sections import Section


def of_panel(results: Results, panel: Panel) -> list[Section]:
    """Sections about one setting of a run."""
    modules = (table1, generation, figure2, horizon, figure3, tables2, table8)
    return [found for module in modules if (found := module.section(results, panel))]


def of_run(results: Results, panels: Sequence[Panel]) -> list[Section]:
    """Sections that set the settings of a run side by side."""
    return [
        section
        for module in (figure4, table5, ablation, prediction, table6, transfer)
        for section in module.sections(results, panels)
    ]

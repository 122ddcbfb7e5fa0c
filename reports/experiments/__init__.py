"""The tables and figures of the paper, each from the cells that a run happens to hold.

`of_panel` finds what one setting shows, `of_run` what only several settings of a run show together.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.store import Results
from reports.aggregate import Panel
from reports.parts import Section


def of_panel(results: Results, panel: Panel) -> list[Section]:
    """Sections about one setting of a run."""
    return []


def of_run(results: Results, panels: Sequence[Panel]) -> list[Section]:
    """Sections that set the settings of a run side by side."""
    return []

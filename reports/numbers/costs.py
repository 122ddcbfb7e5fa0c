"""What cells cost."""

from __future__ import annotations

import pandas as pd

from bench.store.results import Results


def spent(results: Results, cells: pd.DataFrame) -> pd.DataFrame:
    """Cost rows of cells with their method, less those of a step that broke the model and of steps after it."""
    rows = results.costs.merge(cells[["cell", "method"]], on="cell").dropna(subset="value")
    broken = rows[(rows["quantity"] == "diverged") & (rows["value"] > 0)].groupby("cell")["step"].min()
    first_broken = rows["cell"].map(broken.to_dict()).astype(float)  # NaN, hence never reached, where none is
    return rows[~(rows["step"] >= first_broken)]

"""The two files that `bench cost` leaves: every number, and how they were found."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from bench.cost.measuring import Row
from bench.cost.plan import CostPlan
from bench.cost.session import Measured
from bench.ground.atomic import write_json, write_text
from bench.ground.home import without_home
from bench.plan.memory import edited_layers


def write(folder: Path, plan: CostPlan, found: list[Measured], machine: str) -> None:
    """Write cost.csv, every measured and extrapolated number, and cost.json, how they were found."""
    rows = pd.DataFrame([asdict(row) for each in found for row in each.rows], columns=list(Row.__slots__))
    rows["step"] = rows["step"].astype("Int64")
    about: dict[str, Any] = {
        "model": without_home(plan.model),
        "random": plan.is_shape,
        "layers": plan.whole,
        "depth": plan.depth,
        "shallow": plan.shallow,
        "dtype": plan.dtype,
        "device": plan.device,
        "machine": machine,
        "predicted_gigabytes": plan.need / 1e9,
        "token_budget": plan.token_budget,
        **asdict(plan.load),
        "methods": {
            each.name: {"whole": edited_layers(each.whole), "measured": edited_layers(each.measured)}
            for each in plan.methods
        },
        "failures": {each.method: without_home(each.failure) for each in found if each.failure},
    }
    write_json(folder / "cost.json", about)
    write_text(folder / "cost.csv", rows.to_csv(index=False))

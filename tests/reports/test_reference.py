"""Packs that are kept with the code: whole, and their tables are those that are kept beside them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.store.packing import unpacked
from bench.store.results import load_results
from reports.numbers.aggregate import panels, summaries
from reports.numbers.measures import MAIN
from reports.parts.contents import display_name

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
PACKS = sorted((REFERENCE / "packs").glob("*.tar.zst"))
FIRST = "table1.tar.zst"


@pytest.mark.parametrize(
    "pack",
    [pytest.param(pack, id=pack.name, marks=() if pack.name == FIRST else pytest.mark.soak) for pack in PACKS],
)
def test_a_kept_pack_gives_the_kept_table(pack: Path) -> None:
    assert pack.stat().st_size <= 5 * 10**6
    with unpacked(pack) as folder:
        kept = REFERENCE / folder.name / "table1.csv"
        assert (folder / "report" / kept.name).read_bytes() == kept.read_bytes()
        (panel,) = panels(load_results(folder))
    table = pd.read_csv(kept, index_col="method")
    for measure in MAIN:
        found = {display_name(name): each.mean for name, each in summaries(panel, measure).items()}
        assert found == pytest.approx(table[measure.key].to_dict(), abs=1e-6)

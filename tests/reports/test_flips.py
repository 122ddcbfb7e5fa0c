"""Facts that one of two runs has right and the other wrong, named with the command that shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bench.store.results import Results
from reports.compare import compare_runs, comparison_text, write_comparison
from reports.parts.flips import flip_tables
from reports.parts.joining import Runs
from tests.reports.world import LEVELS, World, by_key, hand_made

CELLS = [{"cell": "c", "method": "memit"}]


def exact(fact: str, value: float, **more: Any) -> dict[str, Any]:
    return {
        "cell": "c", "metric": "efficacy_exact", "protocol": "greedy_exact", "fact": fact, "value": value, **more
    }  # fmt: skip


def runs(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> Runs:
    results: tuple[Results, Results] = (hand_made(first, CELLS), hand_made(second, CELLS))
    cells = results[0].cells.rename(columns={"cell": "cell_a"}).assign(cell_b="c")
    empty = pd.DataFrame()
    return Runs((Path("runs/a"), Path("runs/b b")), ("a", "b b"), results, cells, (empty, empty))


def test_flips_are_counted_and_named() -> None:
    before = [exact("x", 1.0), exact("y", 0.0), exact("z", 1.0), exact("z", 0.0, step=0)]
    after = [exact("x", 0.0), exact("y", 1.0), exact("z", 1.0), exact("w", 1.0)]
    tables = flip_tables(runs(before, after), [])
    assert tables is not None
    (row,) = by_key(tables[0]).values()
    assert (row["lost"].text, row["gained"].text, row["asked"].text) == ("1", "1", "token by token")
    assert row["show"].text == "bench show 'runs/b b' --method memit --fact x"
    found = [(line["fact"].text, line["now"].text) for line in by_key(tables[1], 9).values()]
    assert found == [("x", "wrong"), ("y", "right")]


def test_none_flipped() -> None:
    assert flip_tables(runs([exact("x", 1.0)], [exact("x", 1.0)]), []) is None
    assert flip_tables(runs([], []), []) is None


def test_the_comparison_names_them(tmp_path: Path) -> None:
    small: dict[str, Any] = {"methods": ("none", "memit"), "seeds": (0,), "languages": ("en",), "facts": 8}
    first = World(**small).write(tmp_path / "first")
    second = World(**small, levels={**LEVELS, "memit": (40, 30, 20)}).write(tmp_path / "second")
    comparison = compare_runs(first, second)
    assert f"bench show {second} --method memit --fact fact-0-en-" in comparison_text(comparison)
    write_comparison(comparison, tmp_path / "out")
    lines = (tmp_path / "out" / "flipped-facts.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 2

"""Two runs side by side: identical cells, changed methods, what only one run holds."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bench.config.cell import Cell, Order
from bench.ground.errors import BenchError
from bench.store.results import load_results
from reports.compare import Comparison, compare_runs, comparison_text, write_comparison
from reports.documents.tables import to_csv
from reports.numbers.aggregate import panels, per_seed
from reports.numbers.measures import EFFICACY, XTREME
from reports.numbers.rounding import told, tolerance
from reports.parts.tables import Table
from tests.reports.world import LEVELS, World

pytestmark = pytest.mark.xdist_group("compare")  # what most tests read is compared once

SMALL = {"methods": ("none", "rect", "memit"), "seeds": (0, 1, 2), "languages": ("en", "zh"), "facts": 8}


@dataclass
class Tuned(World):
    """A world in which MEMIT has another value of an option."""

    def cell(self, method: str, seed: int, model: str, order: Order = "cycle", edited: tuple[str, ...] = ()) -> Cell:
        cell = super().cell(method, seed, model, order, edited)
        if method != "memit":
            return cell
        changed = cell.method.model_copy(update={"options": {**cell.method.options, "lambda": 9.0}})
        return cell.model_copy(update={"method": changed})


def table(comparison: Comparison, name: str) -> list[dict[str, str]]:
    parts = (part for section in comparison.chapter.sections() for part in section.parts)
    found = next(part for part in parts if isinstance(part, Table) and part.name == name)
    return list(csv.DictReader(io.StringIO(to_csv(found))))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return World(**SMALL).write(tmp_path_factory.mktemp("before") / "run")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same code, but MEMIT is better by some points and has diverged once; one seed more, one method less."""
    levels = {**LEVELS, "memit": (90, 80, 60)}
    world = World(**{**SMALL, "methods": ("none", "memit"), "seeds": (0, 1, 2, 3)}, levels=levels)  # type: ignore[arg-type]
    return world.write(tmp_path_factory.mktemp("after") / "run")


@pytest.fixture(scope="module")
def changed(before: Path, after: Path) -> Comparison:
    return compare_runs(before, after)


def test_a_run_is_identical_to_itself(before: Path, tmp_path: Path) -> None:
    again = World(**SMALL).write(tmp_path / "run")  # type: ignore[arg-type]
    comparison = compare_runs(before, again)
    assert comparison.chapter.headline.startswith("9 cells in common, 9 of them identical bit for bit; 0 only in ")
    assert {row["scores"] for row in table(comparison, "cells")} == {"identical"}
    for row in table(comparison, "differences"):
        assert float(row["Difference"]) == 0
        assert (row["95 % CI"], row["p (Holm)"], row["identical"]) == ("–", "–", "3/3")
    assert "nan" not in comparison_text(comparison).lower()


def test_a_changed_method_stands_out(before: Path, after: Path, changed: Comparison) -> None:
    assert changed.chapter.headline.startswith("6 cells in common, 3 of them identical")
    rows = {(row["method"], row["measure"]): row for row in table(changed, "differences")}
    memit = rows["MEMIT", "Efficacy"]
    means = [per_seed(panels(load_results(folder))[0], EFFICACY) for folder in (before, after)]
    by_hand = np.mean([means[1]["memit", seed] - means[0]["memit", seed] for seed in (0, 1, 2)])
    assert float(memit["Difference (seeds)"]) == pytest.approx(by_hand, abs=1e-5)
    assert float(memit["Difference"]) == pytest.approx(by_hand, abs=1e-5)  # each fact has one seed here
    assert (memit["Facts"], memit["Seeds"], memit["identical"]) == (str(3 * 2 * 8), "3", "0/3")
    low, high = (float(part) for part in memit["95 % CI"].split(" to "))
    assert low < by_hand < high
    assert rows["Unedited", "Efficacy"]["identical"] == "3/3"
    scores = {row["method"]: row["scores"] for row in table(changed, "cells")}
    assert "rows differ, by" in scores["MEMIT"]


def test_rounding_is_told_from_a_change(before: Path, changed: Comparison, tmp_path: Path) -> None:
    """By 0.4 points over three seeds another processor moves a figure; a method that changed moves it further."""
    levels = {**LEVELS, "rect": tuple(level + 0.4 for level in LEVELS["rect"])}
    machine = World(**SMALL, levels=levels).write(tmp_path / "run")  # type: ignore[arg-type]
    rows = {(row["method"], row["measure"]): row["told"] for row in table(compare_runs(before, machine), "differences")}
    assert rows["MEMIT", "Efficacy"] == "none"
    assert rows["RECT", "Specificity"] == "rounding"
    rows = {(row["method"], row["measure"]): row["told"] for row in table(changed, "differences")}
    assert rows["MEMIT", "Efficacy"] == "beyond rounding"
    assert "rounding, at most" in comparison_text(changed)


def test_the_tolerance_shrinks_with_seeds() -> None:
    assert tolerance(XTREME, 1) == 2 * tolerance(XTREME, 4)
    assert tolerance(EFFICACY, 3) < tolerance(XTREME, 3)
    assert tolerance(XTREME, 3) < tolerance(XTREME, 3, "rect") == tolerance(XTREME, 3, "rect[keep=0.2]")
    assert (told(1.0, EFFICACY, 1), told(1.0, EFFICACY, 1, "rect")) == ("beyond rounding", "rounding")
    assert told(0.0, EFFICACY, 3) == "none"
    assert told(None, EFFICACY, 3) == ""


def test_swapped_runs_turn_the_sign(before: Path, after: Path, changed: Comparison) -> None:
    forth, back = (table(each, "differences") for each in (changed, compare_runs(after, before)))
    turned = {(row["method"], row["measure"]): row for row in back}
    for row in forth:
        other = turned[row["method"], row["measure"]]
        assert float(row["Difference"]) == pytest.approx(-float(other["Difference"]), abs=1e-9)
        assert row["p (Holm)"] == other["p (Holm)"]


def test_what_one_run_holds_alone_is_listed(changed: Comparison) -> None:
    alone = {(row["method"], row["seed"]) for row in table(changed, "only")}
    assert alone == {("rect", "0"), ("rect", "1"), ("rect", "2"), ("none", "3"), ("memit", "3")}


def test_other_settings_are_named_and_are_not_identical(before: Path, tmp_path: Path) -> None:
    tuned = Tuned(**SMALL).write(tmp_path / "run")  # type: ignore[arg-type]
    comparison = compare_runs(before, tuned)
    rows = [row for row in table(comparison, "cells") if row["method"] == "MEMIT"]
    assert {row["settings"] for row in rows} == {"method.options.lambda 3000.0 → 9.0"}
    assert {row["scores"] for row in rows} == {"identical"}  # the numbers are; the cells are not
    assert comparison.chapter.headline.startswith("9 cells in common, 6 of them identical")


def test_unfinished_cells_are_not_compared(before: Path, tmp_path: Path) -> None:
    status = {("memit", 0): "failed", ("memit", 1): "missing", ("rect", 2): "diverged"}
    half = World(**SMALL, status=status).write(tmp_path / "run")  # type: ignore[arg-type]
    comparison = compare_runs(before, half)
    rows = {(row["method"], row["measure"]): row for row in table(comparison, "differences")}
    assert rows["MEMIT", "Efficacy"]["Seeds"] == "1"
    assert rows["MEMIT", "Efficacy"]["95 % CI (seeds)"] == "–"
    assert rows["RECT", "Efficacy"]["Seeds"] == "3"
    states = [(row["status"], row["scores"]) for row in table(comparison, "cells") if row["method"] == "MEMIT"]
    assert states == [
        ("done / failed", "in one run only"),
        ("done / missing", "in one run only"),
        ("done", "identical"),
    ]


def test_other_questions_are_told(before: Path, tmp_path: Path) -> None:
    fewer = World(**{**SMALL, "facts": 5}).write(tmp_path / "run")  # type: ignore[arg-type]
    comparison = compare_runs(before, fewer)
    assert comparison.chapter.headline.startswith("9 cells in common, 0 of them identical")
    assert {row["scores"] for row in table(comparison, "cells")} == {"other questions: 96 and 60 rows"}
    rows = table(comparison, "differences")
    assert {row["Facts"] for row in rows} <= {str(3 * 2 * 5)}
    assert "only those count that both runs have edited" in comparison_text(comparison)


def test_nothing_in_common_is_one_line(before: Path, tmp_path: Path) -> None:
    other = World(methods=("memit",), seeds=(0,), facts=1).write(tmp_path / "run", model="another")
    with pytest.raises(BenchError, match=r"no cell in common: .*polyglot-tiny.*another"):
        compare_runs(before, other)


def test_files(changed: Comparison, tmp_path: Path) -> None:
    write_comparison(changed, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "compare.md", "compare.html", "differences.csv", "flipped.csv", "flipped-facts.csv", "cells.csv", "only.csv",
        "runs.csv",
    }  # fmt: skip
    text = (tmp_path / "compare.md").read_text(encoding="utf-8")
    assert text.startswith("# langedit-bench: ")
    assert "Holm-corrected over" in text

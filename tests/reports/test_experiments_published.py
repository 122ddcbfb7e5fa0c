"""Ours beside the published numbers: the difference, and whether it lies within the spread where one is known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.store.results import load_results
from reports.documents.document import read_report
from reports.experiments import published, table1
from reports.numbers import paper
from reports.numbers.aggregate import panels
from reports.numbers.measured import machines_of
from reports.parts.sections import Section
from reports.parts.tables import Table
from reports.render import default_folder
from tests.reports.world import LEVELS, World, by_key, hand_made, table_named

EFFICACY = ("efficacy", "generality", "specificity")


def given(values: dict[int, float], method: str = "alphaedit", **cell: str):  # type: ignore[no-untyped-def]
    """A method's efficacy by seed."""
    rows = [
        {"cell": f"c{seed}", "metric": metric, "value": value} for seed, value in values.items() for metric in EFFICACY
    ]
    cells = [
        {"cell": f"c{seed}", "method": method, "model": "llama3-8b", "data": "mzsre", "seed": seed, **cell}
        for seed in values
    ]
    return hand_made(rows, cells)


def told(results) -> dict[str, dict[str, object]]:  # type: ignore[no-untyped-def]
    found = published.section(panels(results))
    assert found is not None
    rows = by_key(table_named(found, "published-difference"), 5)
    return {key[4]: row for key, row in rows.items()}


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A published spread of efficacy, as someone might enter it."""
    real = paper.read

    def read(name: str) -> pd.DataFrame:
        table = real(name)
        if name == "table1.csv":
            table.loc[table["metric"] == "efficacy", "std"] = 0.5
        return table

    monkeypatch.setattr(paper, "read", read)


def test_the_difference_is_ours_minus_published() -> None:
    row = told(given({0: 0.80, 1: 0.82}))["Efficacy"]
    assert (row["paper"].text, row["method"].text) == ("Table 1", "AlphaEdit")
    assert row["ours"].mean == pytest.approx(81)
    assert row["published"].mean == 80.34
    assert row["difference"].mean == pytest.approx(0.66)
    assert (row["within"].text, row["within_ours"].text) == ("not known", "yes")
    assert told(given({0: 0.80, 1: 0.80}))["Efficacy"]["within_ours"].text == "no"


@pytest.mark.usefixtures("spread")
@pytest.mark.parametrize(("value", "within"), [(0.8084, "yes"), (0.7985, "yes"), (0.8086, "no"), (0.7983, "no")])
def test_it_lies_within_a_published_spread_or_not(value: float, within: str) -> None:
    found = told(given({0: value, 1: value}))
    assert found["Efficacy"]["published"].std == 0.5
    assert found["Efficacy"]["within"].text == within
    assert found["Generality"]["within"].text == "not known"
    section = published.section(panels(given({0: value, 1: value})))
    assert section is not None
    assert f"{int(within == 'yes')} of 1 with a published spread lie within it" in str(section.parts[0])


def test_what_is_not_measured_yet_is_a_dash_and_no_verdict(spread: None) -> None:
    results = given({0: 0.8, 1: 0.8})
    results.cells.loc[1, "status"] = "missing"
    row = told(results)["Efficacy"]
    assert (row["difference"].text, row["within"].text, row["within_ours"].text) == ("–", "–", "not known")


def test_a_number_stands_once_and_settings_of_ones_own_do_not() -> None:
    one = panels(given({0: 0.8}))
    assert len(list(published.beside([*one, *one]))) == len(paper.MEASURES)
    assert published.section(panels(given({0: 0.8}, data="cldr"))) is None
    assert published.section(panels(given({0: 0.8}, method="memit"))) is None


def test_the_package_has_no_published_spread_yet() -> None:
    """Then the report, docs/paper-run.md and the note below the table say so."""
    assert paper.read("table1.csv")["std"].isna().all()
    section = published.section(panels(given({0: 0.8})))
    assert section is not None and published.NO_SPREAD in table_named(section, "published-difference").notes


def test_parallel_facts_are_not_those_of_table_1() -> None:
    results = given({0: 0.8, 1: 0.81})
    assert table1.section(results, panels(results)[0]) is not None
    results.run["parallel"] = True
    assert table1.section(results, panels(results)[0]) is None


def test_a_report_of_several_runs_begins_with_it(tmp_path: Path) -> None:
    levels = {**LEVELS, "langedit-released": LEVELS["langedit"]}
    for name, data in (("paper.first", "mzsre"), ("paper.second", "cldr")):
        methods = ("none", "alphaedit", "langedit-released")
        world = World(methods=methods, levels=levels, data=data, seeds=(0,), languages=("en", "zh"), facts=2)
        world.write(tmp_path / name, "llama3-8b")
    folders = [tmp_path / "paper.first", tmp_path / "paper.second"]
    first = read_report(folders).items[0]
    assert isinstance(first, Section) and first.title == "Beside the published numbers"
    table = next(part for part in first.parts if isinstance(part, Table))
    assert {row[3].text for row in table.rows} == {"Unedited", "AlphaEdit", "LangEdit (released code)"}
    assert len(panels(load_results(folders[0]))) == 1
    assert default_folder(folders, ["paper"]) == tmp_path / "report-paper"
    assert default_folder(folders) == tmp_path / "report-paper.first+paper.second"


COST = "method,phase,seconds,gigabytes,step,edits,layers,extrapolated\n"


def cost(folder: Path, rows: str, about: str = '{"machine": "A GPU", "edits": 10, "model": "llama3-8b"}') -> None:
    folder.mkdir()
    (folder / "cost.json").write_text(about)
    (folder / "cost.csv").write_text(COST + rows)


def test_machines_are_those_that_were_measured(tmp_path: Path) -> None:
    steps = "memit,total,99,1,1,10,32,False\nmemit,total,20,1,2,10,32,False\nmemit,total,40,1,3,10,32,False\n"
    cost(tmp_path / "cost-a", steps + "memit,solve,1,1,2,10,32,False\n")
    cut = "rome,total,1,1,2,10,3,False\nrome,total,50,1,,10,32,True\n"
    cost(tmp_path / "cost-b", cut)
    found = machines_of(tmp_path)
    name = "A GPU, measured, 10 facts a step"
    assert found == {name: {("llama3-8b", "memit"): 3.0, ("llama3-8b", "rome"): 5.0}}
    assert machines_of(tmp_path / "cost-a") == {}


@pytest.mark.parametrize(
    ("about", "rows", "place"),
    [
        ('{"machine": "A"}', "", "cost.json"),
        ("[]", "", "cost.json"),
        ('{"machine": "A", "edits": 1, "model": "m"}', '"', "cost.csv"),
    ],
)
def test_what_bench_cost_has_not_written_is_one_error(tmp_path: Path, about: str, rows: str, place: str) -> None:
    from bench.ground.errors import BenchError

    cost(tmp_path / "cost-a", rows, about)
    with pytest.raises(BenchError, match=f"{place}: not what `bench cost` has written"):
        machines_of(tmp_path)

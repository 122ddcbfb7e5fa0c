"""Facts that one of two runs has right and the other wrong, named with the command that shows them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pandas as pd
import pytest

from bench.compute.recording import answer_rows
from bench.ground.rows import Reply
from bench.store.results import Results, load_results
from bench.store.shards import ANSWER_TABLE, ResultStore
from reports.compare import compare_runs, comparison_text, write_comparison
from reports.parts import flips
from reports.parts.flips import flip_section, flipped
from reports.parts.joining import Runs
from reports.parts.tables import Table
from tests.reports.test_answers import data_of
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


def tables(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> tuple[Table, Table]:
    both = runs(first, second)
    section = flip_section(both, flipped(both), [], "answers.html")
    assert section is not None
    counts, (each,) = section.parts[0], section.tables
    assert isinstance(counts, Table)
    return counts, each


def test_flips_are_counted_and_named() -> None:
    before = [exact("x", 1.0), exact("y", 0.0), exact("z", 1.0), exact("z", 0.0, step=0)]
    after = [exact("x", 0.0), exact("y", 1.0), exact("z", 1.0), exact("w", 1.0)]
    counts, each = tables(before, after)
    (row,) = by_key(counts).values()
    assert (row["lost"].text, row["gained"].text, row["asked"].text) == ("1", "1", "token by token")
    assert row["show"].text == "bench show 'runs/b b' --method memit --fact x"
    found = [(line["fact"].text, line["now"].text) for line in by_key(each, 9).values()]
    assert found == [("x", "wrong"), ("y", "right")]
    assert not any(cell.link for line in each.rows for cell in line)


@pytest.mark.parametrize(("metric", "protocol"), [(m, p) for m, p in flips.ASKED])
def test_a_fact_flips_in_every_way_of_asking(metric: str, protocol: str) -> None:
    one = {"metric": metric, "protocol": protocol}
    _, each = tables([exact("x", 1.0, **one)], [exact("x", 0.0, **one)])
    assert [line["asked"].text for line in by_key(each, 9).values()] == [flips.ASKED[metric, protocol]]


def test_the_last_step_counts() -> None:
    both = runs([exact("x", 1.0), exact("x", 0.0, step=0)], [exact("x", 1.0), exact("x", 1.0, step=0)])
    assert flipped(both).empty


def test_none_flipped() -> None:
    for first, second in (([exact("x", 1.0)], [exact("x", 1.0)]), ([], [])):
        both = runs(first, second)
        assert flip_section(both, flipped(both), [], "answers.html") is None


def test_a_document_shows_some_and_the_csv_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flips, "SHOWN", 3)
    many = [exact(f"x{i}", 1.0) for i in range(5)]
    both = runs(many, [{**each, "value": 0.0} for each in many])
    section = flip_section(both, flipped(both), [], "answers.html")
    assert section is not None
    shown, every = section.parts[1], section.tables[0]
    assert isinstance(shown, Table) and shown.name == every.name
    assert (len(shown.rows), len(every.rows)) == (3, 5)
    assert "The first 3 of 5" in shown.notes[-1]


def test_the_comparison_names_them(tmp_path: Path) -> None:
    small: dict[str, Any] = {"methods": ("none", "memit"), "seeds": (0,), "languages": ("en",), "facts": 8}
    first = World(**small).write(tmp_path / "first")
    second = World(**small, levels={**LEVELS, "memit": (40, 30, 20)}).write(tmp_path / "second")
    comparison = compare_runs(first, second)
    assert f"bench show {second} --method memit --fact fact-0-en-" in comparison_text(comparison)
    write_comparison(comparison, tmp_path / "out")
    lines = (tmp_path / "out" / "flipped-facts.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 2
    # neither run has kept an answer
    assert not (tmp_path / "out" / "answers.html").exists()
    assert "answers.html" not in (tmp_path / "out" / "compare.md").read_text(encoding="utf-8")


def test_they_lead_to_their_answers(tmp_path: Path) -> None:
    small: dict[str, Any] = {"methods": ("memit",), "seeds": (0,), "languages": ("en",), "facts": 8}
    folders = []
    for name, level in (("first", 80), ("second", 40)):
        world = World(**small, levels={**LEVELS, "memit": (level, 30, 20)})
        folders.append(world.write(tmp_path / name))
        scores = load_results(folders[-1]).scores
        last = scores[(scores["metric"] == "efficacy_exact") & (scores["step"] == scores["step"].max())]
        said = [
            Reply(row["fact"], "efficacy", "teacher_forced", "en", "en", f"Where is {row['fact']}?", " Oslo", (), "?",
                  f"said in {name}", 1, "target", row["value"])
            for row in last.to_dict("records")
        ]  # fmt: skip
        cell, step = str(last["cell"].iloc[0]), int(last["step"].iloc[0])
        ResultStore(folders[-1]).record(cell, step, ANSWER_TABLE, answer_rows(said), part="edits")
    comparison = compare_runs(*folders)
    write_comparison(comparison, tmp_path / "out")
    fact = min(comparison.flipped)
    link = f"answers.html#fact={quote_plus(fact)}&seed=0&kind=efficacy&asked=teacher_forced"
    assert f"[{fact}]({link})" in (tmp_path / "out" / "compare.md").read_text(encoding="utf-8")
    page = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    assert f'<a href="{escape(link)}">{fact}</a>' in page
    data = data_of((tmp_path / "out" / "answers.html").read_text(encoding="utf-8"))
    texts = data["texts"]
    assert {texts[question[2]] for question in data["questions"]} == comparison.flipped
    assert {f"said in {name}" for name in ("first", "second")} <= set(texts)

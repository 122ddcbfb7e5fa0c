"""The board's pages: nothing from outside, every link leads somewhere, and what a real browser makes of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from bench.cli.display import NoDisplay
from bench.compute.recording import answer_rows
from bench.ground.errors import BenchError
from bench.ground.progress import Unheard
from bench.ground.rows import Reply
from bench.store.results import load_results
from bench.store.shards import ANSWER_TABLE, ResultStore
from reports.board.columns import columns_of
from reports.board.data import Board
from reports.board.entries import entry_of, opened
from reports.board.site import write_site
from reports.board.standing import standing
from reports.numbers.f1 import is_f1
from tests.reports.board_world import Changed, told
from tests.reports.test_html import EVIL, Page, in_browser
from tests.reports.world import LEVELS

pytestmark = pytest.mark.xdist_group("board")  # its set-up takes long

METHODS = ("none", "ft", "memit", "prune", "alphaedit")
LEVELS_HERE = {**LEVELS, "prune": LEVELS["memit"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on one model, one of them longer; and one on a model with a nasty name, of which a cell kept answers."""
    folder = tmp_path_factory.mktemp("boards") / "runs"
    world = Changed(methods=METHODS, seeds=(0, 1), facts=8, levels=LEVELS_HERE, xtreme=True)
    told(world.write(folder / "short"), "xtreme", limit=64)
    Changed(methods=METHODS[:3], seeds=(0,), facts=9, languages=("en", "zh")).write(folder / "long")
    evil = Changed(methods=("memit", "ft"), seeds=(0,))
    store = ResultStore(evil.write(folder / "evil", model=EVIL))
    reply = Reply(
        "f", "efficacy", "teacher_forced", "en", "en", EVIL, " Paris", (), " Rome", " Paris", 2, "target", 1.0
    )
    store.record(evil.cell("memit", 0, EVIL).id(), 3, ANSWER_TABLE, answer_rows([reply]), part="edits")
    return folder


@pytest.fixture(scope="module")
def board(runs: Path) -> Board:
    return write_site(runs, runs.parent / "site", NoDisplay())


@pytest.fixture(scope="module")
def site(runs: Path, board: Board) -> Path:
    return runs.parent / "site"


@pytest.fixture(scope="module")
def page(site: Path) -> str:
    return (site / "index.html").read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="board">(.*?)</script>', page, re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


def test_it_needs_nothing_from_outside_and_nothing_becomes_markup(page: str) -> None:
    parsed = Page(page)
    assert parsed.open == []
    assert not parsed.all("link", "iframe", "object", "embed", "img")
    assert [script.get("type") for script in parsed.all("script")] == ["application/json", None, None]
    assert all("src" not in script for script in parsed.all("script"))
    without = page.replace('"http://www.w3.org/2000/svg"', "")  # a name, no address
    assert not re.search(r"url\((?!data:)|@import|https?://|innerHTML|document\.write", without)
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in parsed.all("meta"))
    assert EVIL in {column["model"] for column in data_of(page)["columns"]}


def test_every_link_leads_somewhere(site: Path, page: str) -> None:
    data = data_of(page)
    pages = [row["page"] for column in data["columns"] for row in column["rows"]]
    answers = [run["answers"] for run in data["runs"] if run["answers"]]
    assert len(set(pages)) == len(pages) == 10
    assert len(answers) == 1
    assert all((site / each).is_file() for each in (*pages, *answers))
    said = [row["answers"] for column in data["columns"] for row in column["rows"] if row["answers"]]
    assert said == [f"{answers[0]}#method=MEMIT"]
    assert {path.name for path in site.iterdir()} == {"index.html", "cells", "answers"}
    keys = {column["key"] for column in data["columns"]}
    for path in (site / "cells").iterdir():
        parsed = Page(path.read_text(encoding="utf-8"))
        assert len(parsed.all("script")) == 1
        links = [link["href"] or "" for link in parsed.all("a")]
        assert any(link.startswith("../index.html#column=") and link.partition("=")[2] in keys for link in links)
        outside = [link.partition("#")[0] for link in links if not link.startswith("#")]
        assert all((path.parent / unquote(link)).is_file() for link in outside)


def test_a_number_has_an_interval_n_protocol_and_rank(site: Path, page: str) -> None:
    column = next(column for column in data_of(page)["columns"] if len(column["rows"]) == 5)
    efficacy = column["measures"][0]
    assert (efficacy["title"], efficacy["protocol"]) == ("Efficacy", "teacher_forced")
    numbers = dict(zip((row["label"] for row in column["rows"]), efficacy["views"][""]["numbers"], strict=True))
    mean, low, high, n, deviation, seeds, planned, best, worst, note = numbers["AlphaEdit"]
    assert low < mean < high
    assert (n, seeds, planned, best, worst, note) == (32, 2, 2, 1, 1, "")
    assert deviation > 0
    assert numbers["MEMIT"][7:9] == numbers["PRUNE"][7:9] == [2, 3]
    assert numbers["Unedited"][7:9] == [None, None]
    assert efficacy["views"][""]["groups"] == [[2, 3]] or efficacy["views"][""]["groups"] == [[3, 2]]
    text = (site / column["rows"][4]["page"]).read_text(encoding="utf-8")
    assert f"{mean:.2f}" in text and f"{low:.2f} to {high:.2f}" in text
    assert "told apart" in text and "limit 64" in text


def test_how_far_it_is_goes_by_what_takes_the_time(runs: Path) -> None:
    class Heard(Unheard):
        steps: list[tuple[int, int, str]]

        def __init__(self) -> None:
            self.steps = []

        def step(self, done: int, total: int, note: str) -> None:
            self.steps.append((done, total, note))

    with opened(runs / "short") as run:
        entry = entry_of(run, runs / "short", "short", load_results(run))
    (column,), _ = columns_of([entry])
    heard = Heard()
    tests = sum(
        len(view.ranking.outcomes)
        for each in standing(column, heard)
        for view in each.views.values()
        if is_f1(each.measure)
    )
    assert heard.steps == [(done, tests, "testing F1") for done in range(tests)]
    assert tests > 1


def test_it_is_written_alike_twice_and_replaces_only_a_board(runs: Path, tmp_path: Path) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    shutil.copytree(runs / "evil", tmp_path / "some" / "evil")
    for name in ("site", "again"):
        write_site(tmp_path / "some", tmp_path / name, NoDisplay())
    assert (tmp_path / "site" / "answers").is_dir()
    assert contents(tmp_path / "site") == contents(tmp_path / "again")
    shutil.copytree(runs / "long", tmp_path / "one" / "long")
    write_site(tmp_path / "one", tmp_path / "site", NoDisplay())
    assert not (tmp_path / "site" / "answers").exists()
    assert len(list((tmp_path / "site" / "cells").iterdir())) == 3
    for name in ("cells", "index.html"):
        other = tmp_path / f"other-{name}"
        other.mkdir()
        (other / name).write_text("mine")
        with pytest.raises(BenchError, match="something else"):
            write_site(tmp_path / "one", other, NoDisplay())
        assert (other / name).read_text() == "mine"


CHOICES = """
const at = (wanted) => shownColumns(data, wanted).map((each) => `${each.column.model}/${each.column.length}`).sort();
const placed = (best, worst) => [1, 0, 2, 3, 4, 1, 1, best, worst, ""];
const two = {numbers: [placed(1, 1), placed(2, 2), null]};
console.log(JSON.stringify([
  at({measure: "score"}).length, at({measure: "score", language: "zh"}).length, at({measure: "xtreme_f1"}).length,
  at({measure: "xtreme_f1", language: "en"}).length, at({measure: "score", protocol: "langedit"}).length,
  at({measure: "score", length: "3", model: "polyglot-tiny"}).length,
  at({measure: "efficacy_exact", protocol: "greedy_exact"}).length,
  addressed("model=polyglot-tiny&language=zh&x=1&measure=none&cost=memory", data),
  front([[1, 5], [2, 4], [2, 9], [3, 9], [0.5, 1]]), spread([0, 1, 30, 95], 10, 100),
  powerTicks(-1, 1, 4), powerTicks(-0.1, 0.1, 4), ticks(0, 100, 5),
  widest(data.columns) === data.columns.findIndex((each) => each.rows.length === 5),
  isFirst(placed(1, 1), two), isFirst(placed(1, 2), two), isFirst(placed(2, 2), two), isFirst(placed(null, null), two),
  placesText([1, 0, 2, 3, 4, 1, 1, 2, 4, ""]), placesText([1, 0, 2, 3, 4, 1, 1, null, null, ""]),
]));
"""


def test_what_the_script_chooses(page: str) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    script = re.search(r'<script id="choosing">(.*?)</script>', page, re.DOTALL)
    assert script
    code = f"{script[1]}\nconst data = {json.dumps(data_of(page))};{CHOICES}"
    done = subprocess.run([node, "-e", code], check=True, capture_output=True, timeout=60)
    assert json.loads(done.stdout) == [
        3, 1, 1, 0, 0, 2, 3, {"model": "polyglot-tiny", "language": "zh", "cost": "memory"},
        [[0.5, 1], [1, 5], [2, 9]], [0, 10, 30, 95],
        [0.1, 0.3, 1, 3, 10], [0.8, 1, 1.2], [0, 20, 40, 60, 80, 100], True,
        True, False, False, False, "rank 2 to 4", "not ranked",
    ]  # fmt: skip


PRESSES = """
<script>
const byText = (text, place) => [...document.querySelectorAll(place)].find((each) => each.textContent.includes(text));
const efficacies = () => [...document.querySelectorAll("#full td:nth-child(2) a")].map((each) => Number(each.text));
const choose = (id, value) => {
  const select = document.getElementById(id);
  select.focus();
  select.value = value;
  select.dispatchEvent(new Event("change"));
  return document.activeElement.id;
};
const heads = () => [...document.querySelectorAll("#overview thead button")].map((each) => each.textContent);
const seen = {start: heads().length, title: document.title, address: location.hash,
  language: document.getElementById("language").value};
choose("model", "polyglot-tiny");
seen.filtered = heads().length;
seen.focus = choose("measure", "efficacy");
const columns = [...document.getElementById("column").options];
seen.column = choose("column", columns.find((each) => each.textContent.includes("en, de")).value);
const button = byText("Efficacy", "#full thead button");
seen.sorted = efficacies();
button.focus();
button.click();
seen.back = efficacies();
seen.sort = document.activeElement.closest("th").getAttribute("aria-sort");
const diagram = document.querySelector("svg.cd");
seen.members = diagram.querySelectorAll(".member").length;
seen.bars = diagram.querySelectorAll(".group").length;
seen.said = diagram.getAttribute("aria-label").includes("MEMIT") && diagram.getAttribute("role") === "img";
seen.front = document.querySelectorAll("svg.pareto .on").length > 0;
seen.points = document.querySelectorAll("svg.pareto .point").length;
seen.cell = byText("rank", "#full td small").parentElement.querySelector("a").getAttribute("href").startsWith("cells/");
choose("language", "de");
seen.german = heads().length;
choose("protocol", "langedit");
seen.none = document.getElementById("count").textContent.slice(0, 15);
seen.hash = location.hash.includes("language=de");
const theme = document.getElementById("theme");
theme.click();
seen.theme = document.documentElement.dataset.theme;
seen.wide = document.documentElement.scrollWidth <= innerWidth;
document.body.dataset.seen = JSON.stringify(seen);
</script>
"""


def test_a_real_browser_filters_sorts_and_draws(site: Path, page: str, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(page.replace("</body>", f"{PRESSES}</body>"), encoding="utf-8")
    told = in_browser(path)
    theme = told.pop("theme")
    assert theme in ("dark", "light")
    assert told.pop("sorted") == list(reversed(told.pop("back")))  # type: ignore[call-overload]
    assert told == {
        "start": 3, "title": "Leaderboard", "address": "", "language": "", "filtered": 2, "focus": "measure",
        "column": "column", "sort": "ascending", "members": 2, "bars": 1, "said": True, "front": True, "points": 4,
        "cell": True, "german": 1, "none": "no such numbers", "hash": True, "wide": True,
    }  # fmt: skip


OPENED = """
<script>
document.body.dataset.seen = JSON.stringify({
  columns: document.querySelectorAll("#overview thead button").length,
  language: document.getElementById("language").value,
});
</script>
"""


def test_a_real_browser_opens_what_is_addressed(page: str, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(page.replace("</body>", f"{OPENED}</body>"), encoding="utf-8")
    assert in_browser(path, "#language=zh") == {"columns": 1, "language": "zh"}

"""The page: nothing from outside, nothing unescaped, and tables that a real browser sorts."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure

from reports.documents.document import read_report
from reports.documents.html import to_report_html
from reports.parts.arranging import arranged
from reports.parts.sections import Chapter, Picture, Section
from reports.parts.tables import Cell, Column, Table
from reports.render import write_report
from tests.reports.world import LEVELS, World

pytestmark = pytest.mark.xdist_group("report")  # it is written once

EVIL = "<script>document.title = 'caught'</script>"

TABLE = Table(
    "small",
    (Column("method", "Method", "text"), Column("score", "Score"), Column("p", "p", "number")),
    (
        (Cell("ROME"), Cell(mean=9.5, std=1.0), Cell("0.020")),
        (Cell("FT"), Cell("– (1/3)"), Cell("–")),
        (Cell("MEMIT"), Cell(mean=100.0, std=0.5, rank="best", marks="*†"), Cell("< 0.001")),
        (Cell("AlphaEdit"), Cell(mean=-20.0), Cell("-0.5 to 1.2")),
    ),
    "Small.",
    ("A note.",),
)


@dataclass
class Page(HTMLParser):
    """Tags as a parser sees them."""

    text: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def page_of(*sections: Section) -> str:
    return to_report_html(arranged(Chapter("t", "h", sections)), Path())


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "report.html").read_text(encoding="utf-8")


def test_it_needs_nothing_from_outside(page: str) -> None:
    parsed = Page(page)
    assert parsed.open == []
    assert not parsed.all("link", "iframe", "object", "embed")
    assert all("src" not in attributes for attributes in parsed.all("script"))
    pictures = parsed.all("img")
    assert pictures
    assert all((attributes["src"] or "").startswith("data:image/svg+xml;base64,") for attributes in pictures)
    assert all(attributes["alt"] for attributes in pictures)
    assert not re.search(r"url\((?!data:)|@import|https?://", page)
    assert any("default-src 'none'" in (attributes.get("content") or "") for attributes in parsed.all("meta"))


def test_contents_lead_to_every_section(page: str) -> None:
    parsed = Page(page)
    there = [attributes["id"] for attributes in parsed.all("h2", "h3", "h4", "h5", "h6")]
    links = [attributes["href"] for attributes in parsed.all("a")]
    assert len(set(there)) == len(there) > 5
    assert links == ["#main", *(f"#{anchor}" for anchor in there)]


def test_captions_are_captions_and_chinese_is_chinese(page: str) -> None:
    assert "<figcaption>Figure 1. " in page
    assert "中文" in page
    font = re.search(r"data:font/otf;base64,([^)]+)\)", page)
    assert font is not None  # whatever fonts the reader has
    assert {ord(char) for char in "中文"} <= set(TTFont(io.BytesIO(base64.b64decode(font[1]))).getBestCmap())
    assert '<html lang="en">' in page
    assert '<meta charset="utf-8">' in page


def test_every_number_says_what_to_sort_by() -> None:
    values = re.findall(r'data-value="([^"]*)"', page_of(Section("s", (TABLE,))))
    assert [None if value == "" else float(value) for value in values] == [
        9.5, 0.02, None, None, 100.0, pytest.approx(0.001), -20.0, -0.5,
    ]  # fmt: skip
    assert float(values[5]) < 0.001


def test_headings_are_buttons_and_tables_have_names() -> None:
    parsed = Page(page_of(Section("s", (TABLE,))))
    assert [attributes["aria-sort"] for attributes in parsed.all("th")] == ["none"] * 3
    assert len(parsed.all("button")) == 1 + 3
    assert {attributes.get("aria-label") for attributes in parsed.all("div")} >= {"Table 1. Small."}


def test_no_text_becomes_markup(tmp_path: Path) -> None:
    figure = Figure(figsize=(2, 1))
    evil = Table(f"t{EVIL}", (Column("a", EVIL, "text"), Column("b", EVIL)), ((Cell(EVIL), Cell(EVIL)),), EVIL, (EVIL,))
    picture = Picture("safe", EVIL, f'" onerror="{EVIL}', figure)
    for name in ("safe.svg", "safe-2.svg"):
        (tmp_path / name).write_text("<svg/>")
    section = Section(EVIL, (evil, picture, EVIL, (EVIL, "&amp; <b>")))
    text = to_report_html(arranged(Chapter(EVIL, EVIL, (section, Chapter(EVIL, EVIL, (section,))))), tmp_path)
    parsed = Page(text)
    assert len(parsed.all("script")) == 1
    assert "&lt;script&gt;" in text
    assert "&amp;amp; &lt;b&gt;" in text
    assert not any("onerror" in attributes for _, attributes in parsed.tags)


def test_a_method_with_a_nasty_name_stays_text_from_end_to_end(tmp_path: Path) -> None:
    levels = {**LEVELS, EVIL: (50, 40, 30)}
    world = World(methods=("memit", EVIL), seeds=(0, 1), languages=("en", "zh"), facts=2, levels=levels)
    write_report(read_report([world.write(tmp_path / "run")]), tmp_path / "out", ("html", "md", "tex", "pdf"))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert len(Page(text).all("script")) == 1
    assert "&lt;script&gt;document.title" in text
    assert "<script>" not in (tmp_path / "out" / "report.md").read_text(encoding="utf-8").replace("\\<", "")


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

CLICKS = """
<script>
const table = document.querySelector("table"), heads = [...table.tHead.rows[0].cells], seen = [];
const state = () => [[...table.tBodies[0].rows].map((row) => row.cells[0].textContent).join(" "),
  heads.map((head) => head.getAttribute("aria-sort")).join(" ")];
for (const [column, times] of [[1, 3], [0, 2], [2, 2]]) {
  for (let i = 0; i < times; i++) {
    const button = heads[column].querySelector("button");
    button.focus();
    if (document.activeElement !== button) throw new Error("cannot be focused");
    button.click();
    seen.push(state());
  }
}
const before = document.documentElement.dataset.theme || "";
document.getElementById("theme").click();
document.body.dataset.seen = JSON.stringify({seen, before, after: document.documentElement.dataset.theme,
  title: document.title});
</script>
"""


def in_browser(path: Path, fragment: str = "") -> dict[str, object]:
    """What the page tells after clicks in a real browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        pytest.skip(f"no browser is installed; looked for {', '.join(BROWSERS)}")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={path.parent / 'profile'}"]
    done = subprocess.run(
        [browser, *options, "--dump-dom", path.as_uri() + fragment], check=False, capture_output=True, timeout=120
    )
    found = re.search(r'data-seen="([^"]*)"', done.stdout.decode())
    if not found:
        pytest.skip(f"{browser} does not start here: {done.stderr.decode()[-300:]}")
    told: dict[str, object] = json.loads(unescape(found[1]))
    return told


def test_a_real_browser_sorts(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page_of(Section(EVIL, (TABLE,))).replace("</body>", f"{CLICKS}</body>"), encoding="utf-8")
    told = in_browser(path)
    assert told["seen"] == [
        ["MEMIT ROME AlphaEdit FT", "none descending none"],
        ["AlphaEdit ROME MEMIT FT", "none ascending none"],  # what has no number stays at the end
        ["ROME FT MEMIT AlphaEdit", "none none none"],  # as it was
        ["AlphaEdit FT MEMIT ROME", "ascending none none"],
        ["ROME MEMIT FT AlphaEdit", "descending none none"],
        ["ROME MEMIT AlphaEdit FT", "none none descending"],
        ["AlphaEdit MEMIT ROME FT", "none none ascending"],
    ]
    assert told["after"] in ("dark", "light")
    assert told["after"] != told["before"]
    assert told["title"] == "t"

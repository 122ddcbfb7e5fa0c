"""No text becomes markup in any format of a report."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.ground.atomic import read_json
from bench.store.shards import ResultStore
from reports.documents.document import read_report
from reports.render import write_report
from tests.reports.world import World

EVIL = (
    "<script>alert(1)</script>",
    "\\input{/etc/passwd}",
    "a|b\\|c `x` [y](javascript:z) ![p](q.png)",
    '$\\frac{$ #read("/etc/passwd") #{}',
    "\x1b[2J\x00\x08\u202egnp.exe\u2066",
    "</td></style><img src=x onerror=y>\"'&lt;",
)


pytestmark = pytest.mark.xdist_group("hostile report")  # it is written once


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run whose methods, reasons of failure, facts, model, data and versions are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    levels = dict.fromkeys(("memit", *EVIL), (50, 40, 30))
    world = World(methods=("memit", *EVIL), seeds=(0, 1), facts=1, languages=("en",), levels=levels, data=EVIL[2])
    run, text = world.write(folder / "run", model=EVIL[0]), " ".join(EVIL)
    store = ResultStore(run)
    for method in EVIL:
        cell = world.cell(method, 1, EVIL[0])
        store.finish(cell.id(), "failed", f"Traceback\n{text}")
    for path in run.glob("*/cell.json"):
        record = read_json(path)
        record["environment"] |= {"device": text, "commit": text, "packages": {text: text}}
        count = {"lang": text, "read": 1, "exact": 1, "dropped": {text: 1}}
        path.write_text(json.dumps({**record, "environment": {**record["environment"], "alignment": [count]}}))
    out = folder / "out"
    write_report(read_report([run]), out)
    assert [path.name for path in folder.iterdir() if path.name not in ("run", "out")] == []
    return out


def test_no_text_becomes_html(hostile_report: Path) -> None:
    page = (hostile_report / "report.html").read_text(encoding="utf-8")
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(page)
    assert [tag for tag, _ in tags].count("script") == 1
    assert all(str(values["src"]).startswith("data:") for tag, values in tags if tag == "img")
    assert not [values for _, values in tags if any(name.startswith("on") for name in values)]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for picture in hostile_report.glob("*.svg"):
        ElementTree.parse(picture)
        assert "<script" not in picture.read_text(encoding="utf-8")


def test_no_text_becomes_markdown(hostile_report: Path) -> None:
    text = (hostile_report / "report.md").read_text(encoding="utf-8")
    plain = re.sub(r"\\.", "", text)
    assert not re.findall(r"<(?!/?ins>)", plain)
    assert "](javascript" not in plain and "`" not in plain
    assert not re.findall(r"(?m)\$|&\w+;", plain)
    for block in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE):
        counts = {re.sub(r"\\.", "", line).count("|") for line in block.splitlines()}
        assert len(counts) == 1, block


def test_no_text_becomes_latex(hostile_report: Path) -> None:
    commands = set(re.findall(r"\\[A-Za-z]+", (hostile_report / "report.tex").read_text(encoding="utf-8")))
    assert commands.isdisjoint({r"\input", r"\frac", r"\write", r"\include"})
    for path in hostile_report.glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        assert r"\textbackslash{}input\{/etc/passwd\}" in text or "input" not in text
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_no_control_character_reaches_a_report(hostile_report: Path) -> None:
    """They move a terminal's cursor, end a LaTeX run, and turn the order of letters."""
    for path in hostile_report.iterdir():
        if path.suffix in (".md", ".tex", ".csv", ".html", ".svg"):
            found = {char for char in path.read_text(encoding="utf-8") if unicodedata.category(char) == "Cc"}
            assert found <= {"\n", "\t"}, path
    assert (hostile_report / "report.pdf").read_bytes().startswith(b"%PDF")


# ---------------------------------------------------------------------------- no names of users

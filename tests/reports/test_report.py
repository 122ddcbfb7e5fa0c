"""The folder that `bench report` leaves behind."""

from __future__ import annotations

import io
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread
from pypdf import PageObject, PdfReader

from bench.ground.errors import BenchError
from bench.store.results import load_results
from reports.documents.document import read_report
from reports.documents.pdf import to_report_typst, write_pdf
from reports.documents.tables import to_markdown
from reports.numbers.aggregate import Panel, cells_of
from reports.parts import fonts, provenance
from reports.parts.arranging import arranged
from reports.parts.contents import language_cell, language_name
from reports.parts.sections import Chapter, Section
from reports.parts.tables import Cell, Column, Table
from reports.pictures import radar
from reports.render import build_report, report_text

pytestmark = pytest.mark.xdist_group("report")  # it is written once


def test_every_table_and_picture_has_its_files(report: Path) -> None:
    names = {path.name for path in report.iterdir()}
    stems = (
        "table1", "unfinished", "languages-efficacy", "languages-generality", "languages-specificity", "significance",
        "measures", "cost", "run", "options", "numbers",
    )  # fmt: skip
    assert {f"{stem}.{ending}" for stem in stems for ending in ("csv", "tex")} <= names
    assert {"languages.csv", "table1.md", "radar.png", "radar.svg"} <= names
    assert {"report.md", "report.tex", "report.html", "report.pdf"} <= names


def test_the_table_at_length_takes_the_place_of_the_shown_one(report: Path) -> None:
    header = (report / "significance.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "ci95_low" in header
    assert "95 \\% CI" in (report / "significance.tex").read_text(encoding="utf-8")


def test_only_the_formats_asked_for(small: Path, tmp_path: Path) -> None:
    build_report(small, tmp_path, formats=("csv",))
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".png", ".svg"}


def test_markdown_links_what_is_there(report: Path) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    assert re.search(r"\]\(radar\.png\)\n\n\*Figure 1\. .+\*\n", text)  # its caption below it
    assert set(re.findall(r"\]\(([^)]+\.png)\)", text)) <= {path.name for path in report.iterdir()}
    for word in ("diverged 1/3", "out of memory", "never run", "polyglot-tiny", "2.13.0", "中文", "Holm", "teacher"):
        assert word in text


def test_nothing_is_nan(report: Path) -> None:
    for path in report.iterdir():
        if path.suffix in (".csv", ".md", ".tex"):
            assert "nan" not in path.read_text(encoding="utf-8").lower(), path


@pytest.fixture(scope="module")
def pages(report: Path) -> list[str]:
    """The texts of the PDF."""
    return [page.extract_text() for page in PdfReader(report / "report.pdf").pages]


def test_pdf_has_pages_and_chinese(report: Path, pages: list[str]) -> None:
    text = "\n".join(pages)
    assert len(pages) >= 2
    assert "LangEdit" in text
    assert "中文" in text
    assert {round(float(side)) for side in PdfReader(report / "report.pdf").pages[0].mediabox[2:]} == {595, 842}


def test_pdf_compiles_without_a_warning(report: Path, gappy: Path, tmp_path: Path) -> None:
    for picture in report.glob("*.svg"):
        (tmp_path / picture.name).write_bytes(picture.read_bytes())
    assert write_pdf(to_report_typst(read_report([gappy])), tmp_path / "report.pdf") == []


def test_pdf_has_contents_captions_and_page_numbers(report: Path, pages: list[str]) -> None:
    contents = pages[0]
    assert re.search(r"Significance[ .]+\d", contents)
    for caption in ("Table 1. polyglot-tiny on cldr", "Figure 1. "):
        assert any(caption in page for page in pages)
    assert all(f"{i} / {len(pages)}" in page for i, page in enumerate(pages, start=1))
    assert PdfReader(report / "report.pdf").outline


def test_wide_tables_stay_on_the_page(tmp_path: Path) -> None:
    columns = (Column("method", "Method", "text"), *(Column(f"c{i}", f"Measure {i}") for i in range(14)))
    row = (Cell("AlphaEdit"), *(Cell(mean=10.0 * i, std=1.0) for i in range(14)))
    wide = Table("wide", columns, (row,) * 3, "Wide.")
    options = Table(
        "options", (columns[0], Column("text", "Text", "text")), ((Cell("m"), Cell("word " * 99)),), "Long."
    )
    report = arranged(Chapter("t", "", (Section("Wide tables", (wide, options)),)))
    assert write_pdf(to_report_typst(report), tmp_path / "t.pdf") == []
    pages = PdfReader(tmp_path / "t.pdf").pages
    sizes = {tuple(round(float(side)) for side in page.mediabox[2:]) for page in pages}
    assert sizes == {(595, 842), (842, 595)}  # upright, and turned for the wide one
    (turned,) = (page for page in pages if page.mediabox[2] > page.mediabox[3])
    assert "Wide tables" in turned.extract_text()  # a heading is on the page of its table
    for page in pages:
        found = starts(page)
        assert min(found) >= 48 - 1
        assert max(found) <= float(page.mediabox[2]) - 48


def starts(page: PageObject) -> list[float]:
    """Where the page's pieces of text begin, from its left edge."""
    found: list[float] = []

    def visit(text: str, outer: list[float], inner: list[float], *_: object) -> None:
        if text.strip():
            found.append(inner[4] * outer[0] + inner[5] * outer[2] + outer[4])

    page.extract_text(visitor_text=visit)
    return found


def test_without_the_font_codes_stand_in(monkeypatch: pytest.MonkeyPatch, small: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "PACKAGE", "no_such_package_of_fonts")
    build_report(small, tmp_path, formats=("pdf",))
    text = "\n".join(page.extract_text() for page in PdfReader(tmp_path / "report.pdf").pages)
    assert "中文" not in text
    assert "zh" in text
    assert fonts.DISTRIBUTION in text


@pytest.mark.parametrize(("code", "shown"), [("gu", "gu"), ("fr", "Français"), ("zh", "中文")])
def test_a_language_in_a_row_stands_as_in_a_header(code: str, shown: str, tmp_path: Path) -> None:
    columns = (Column("edited", "Edited", "text"), Column(code, language_name(code)))
    table = Table("map", columns, ((language_cell(code), Cell(mean=1.0)),), "Map.")
    source = to_report_typst(arranged(Chapter("t", "", (Section("Map", (table,)),))))
    assert write_pdf(source, tmp_path / "t.pdf") == []
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "t.pdf").pages)
    assert text.count(shown) == 2
    assert language_name(code) in to_markdown(table)


@pytest.mark.parametrize("count", [2, 13, 14, 25])
def test_a_legend_of_many_lines_stays_on_the_picture(count: int) -> None:
    lines = {f"mend[layers=RL,practice=e{i}]": (1.0, 2.0, 3.0) for i in range(count)}
    figure = radar.draw([radar.Chart(title, ("en", "de", "fr"), lines) for title in ("a", "b", "c")])
    figure.canvas.draw()
    (legend,), size = figure.legends, figure.bbox
    box = legend.get_window_extent()
    assert len(legend.get_texts()) == count
    assert size.x0 <= box.x0 and box.x1 <= size.x1 and size.y0 <= box.y0 and box.y1 <= size.y1
    titles = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(box.overlaps(drawn) for drawn in titles)


def test_charts_are_pictures(report: Path) -> None:
    picture = imread(io.BytesIO((report / "radar.png").read_bytes()))
    assert picture.shape[1] > 1000
    assert picture[..., :3].std() > 0.01
    assert (report / "radar.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_a_missing_axis_is_a_gap_not_a_zero(complete_panel: Panel) -> None:
    records = complete_panel.records
    lost = (records["method"] == "memit") & (records["edit_lang"] == "fr") & (records["seed"] == 1)
    chart = radar.charts(replace(complete_panel, records=records[~lost]))[0]
    values = dict(zip(chart.axes, chart.lines["memit"], strict=True))
    assert math.isnan(values["fr"])
    assert all(value > 0 for code, value in values.items() if code != "fr")
    drawn = radar.draw([chart]).axes[0].lines[list(chart.lines).index("memit")]
    assert math.isnan(drawn.get_ydata()[chart.axes.index("fr")])


def test_charts_share_one_scale_and_draw_the_unedited_model(complete_panel: Panel) -> None:
    figure = radar.draw(radar.charts(complete_panel))
    assert [axes.get_ylim() for axes in figure.axes] == [(0, 100)] * 3
    for axes in figure.axes:
        unedited = axes.lines[0]
        assert (unedited.get_label(), unedited.get_linestyle()) == ("Unedited", "--")
        looks = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in axes.lines]
        assert len({look[0] for look in looks}) == len({look[2] for look in looks}) == len(looks)
        assert axes.get_xticklabels()[5].get_text() == "中文"


def test_cost_leaves_out_what_followed_a_divergence(gappy: Path, gappy_panel: Panel) -> None:
    results = load_results(gappy)
    table = provenance.cost(results, cells_of(results.cells, gappy_panel.setting))
    rows = {row[0].text: dict(zip((c.key for c in table.columns), row, strict=True)) for row in table.rows}
    assert (rows["ROME"]["steps"].mean, rows["MEMIT"]["steps"].mean) == (8, 9)
    assert rows["MEMIT"]["seconds_total"].mean == pytest.approx(2.5)
    assert rows["MEMIT"]["peak_mib"].mean == 768
    assert rows["Unedited"]["seconds_values"].text == "–"


def test_alignment_counts_are_reported() -> None:
    count = {"lang": "de", "read": 10, "exact": 7, "casefold": 1, "closest": 1, "dropped": {"no subject": 1}}
    table = provenance.alignment([{"environment": {"alignment": [count]}}])
    assert [cell.text for cell in table.rows[0]] == ["de", "10", "7", "1", "–", "1", "–", "no subject 1"]
    searched = {"lang": "zh", "read": 9, "exact": 0, "framed": 7, "recurring": 0, "dropped": {}}
    table = provenance.alignment([{"environment": {"alignment": [searched]}}])
    row = dict(zip((column.title for column in table.columns), (cell.text for cell in table.rows[0]), strict=True))
    assert row["Before a function word"] == "7"
    assert "Alike in two records" not in row


def test_text_for_the_terminal(small: Path) -> None:
    text = report_text(read_report([small]))
    assert "Table 1. polyglot-tiny on cldr" in text
    assert "**" in text


def test_reports_of_equal_results_are_equal(gappy: Path, report: Path, tmp_path: Path) -> None:
    again = build_report(gappy, tmp_path, formats=("md", "csv", "tex", "html"))
    for path in again.iterdir():
        assert path.read_bytes() == (report / path.name).read_bytes(), path.name


def test_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such run folder"):
        build_report(tmp_path / "nothing")


def test_reports_never_load_torch() -> None:
    code = "import sys, reports.render; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_latex_is_balanced(report: Path) -> None:
    tex = (report / "report.tex").read_text(encoding="utf-8")
    assert re.findall(r"\\begin\{(\w+\*?)\}", tex).count("document") == 1
    opened: list[str] = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", tex):
        if what == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    plain = re.sub(r"\\[\\{}%&$#_]", "", tex)
    assert plain.count("{") == plain.count("}")
    assert r"\includegraphics" in tex
    assert tex.count(r"\toprule") == tex.count(r"\bottomrule") == tex.count(r"\midrule") > 8


@pytest.mark.parametrize("program", ["pdflatex", "xelatex", "tectonic"])
def test_latex_compiles(program: str, report: Path, tmp_path: Path) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    for path in (*report.glob("*.png"), report / "report.tex"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    options = [] if program == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([program, *options, "report.tex"], cwd=tmp_path, check=False, capture_output=True)
    if b".sty' not found" in done.stdout:
        pytest.skip(f"{program} lacks a package")
    assert done.returncode == 0, done.stdout[-2000:]
    assert len(PdfReader(tmp_path / "report.pdf").pages) >= 2

"""The folder that `bench report` leaves behind."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread
from pypdf import PdfReader

from bench.errors import BenchError
from bench.store import load_results
from reports import document, fonts, provenance, radar
from reports.aggregate import Panel, cells_of, panels
from reports.render import build_report, report_text, write_pdf
from tests.report.world import World


def test_files(report: Path) -> None:
    assert {path.name for path in report.iterdir()} == {
        "table1.csv", "table1.md", "table1.tex", "significance.csv", "languages.csv", "measures.csv", "cost.csv",
        "radar.png", "radar.svg", "report.md", "report.pdf",
    }  # fmt: skip


def test_only_the_formats_asked_for(complete: Path, tmp_path: Path) -> None:
    build_report(complete, tmp_path, formats=("csv",))
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".png", ".svg"}


def test_markdown_links_what_is_there(report: Path) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "](radar.png)" in text
    for word in ("diverged 1/3", "out of memory", "never run", "polyglot-tiny", "2.13.0", "中文", "Holm", "teacher"):
        assert word in text


def test_nothing_is_nan(report: Path) -> None:
    for path in report.iterdir():
        if path.suffix in (".csv", ".md", ".tex"):
            assert "nan" not in path.read_text(encoding="utf-8").lower(), path


def test_pdf_has_pages_and_chinese(report: Path) -> None:
    pages = PdfReader(report / "report.pdf").pages
    text = "\n".join(page.extract_text() for page in pages)
    assert len(pages) >= 2
    assert "LangEdit" in text
    assert "中文" in text
    assert {round(float(side)) for side in pages[0].mediabox[2:]} == {595, 842}


def test_pdf_compiles_without_a_warning(report: Path, gappy: Path, tmp_path: Path) -> None:
    results = load_results(gappy)
    found = document.findings(gappy, results, panels(results)[0], "radar")
    (tmp_path / "radar.svg").write_bytes((report / "radar.svg").read_bytes())
    assert write_pdf(document.to_report_typst("run", [found]), tmp_path / "report.pdf") == []


def test_without_the_font_codes_stand_in(monkeypatch: pytest.MonkeyPatch, complete: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "PACKAGE", "no_such_package_of_fonts")
    build_report(complete, tmp_path, formats=("pdf",))
    text = "\n".join(page.extract_text() for page in PdfReader(tmp_path / "report.pdf").pages)
    assert "中文" not in text
    assert "zh" in text
    assert fonts.DISTRIBUTION in text


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
    assert [cell.text for cell in table.rows[0]] == ["de", "10", "7", "1", "–", "1", "–", "–", "no subject 1"]


def test_text_for_the_terminal(complete: Path) -> None:
    text = report_text(complete)
    assert "Table 1. polyglot-tiny on cldr" in text
    assert "**" in text


def test_two_models_get_a_table_each(tmp_path: Path) -> None:
    for model in ("m/one", "m/two"):
        World(methods=("none", "memit"), facts=2).write(tmp_path / "run", model=model, plan=False)
    out = build_report(tmp_path / "run", tmp_path / "out")
    names = {path.name for path in out.iterdir()}
    assert {"table1-m-one.csv", "table1-m-two.csv", "radar-m-one.png", "report.pdf"} <= names
    assert "## m/two" in (out / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "world",
    [
        World(methods=("memit",), seeds=(0,), languages=("en",), facts=1),
        World(methods=("none",), seeds=(0, 1), languages=("en", "zh"), facts=1, extra=False),
        World(methods=("memit", "rome"), seeds=(0,), facts=1, status={("memit", 0): "failed", ("rome", 0): "failed"}),
    ],
    ids=["one of everything", "nothing but the unedited model", "all failed"],
)
def test_small_and_empty_runs_have_reports(world: World, tmp_path: Path) -> None:
    out = build_report(world.write(tmp_path / "run"), tmp_path / "out")
    assert len(PdfReader(out / "report.pdf").pages) >= 1
    assert "nan" not in (out / "report.md").read_text(encoding="utf-8").lower()


def test_default_folder_is_named_after_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, complete: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert build_report(complete, formats=()) == Path("reports/build/complete")


def test_reports_of_equal_results_are_equal(gappy: Path, report: Path, tmp_path: Path) -> None:
    again = build_report(gappy, tmp_path, formats=("md", "csv"))
    for path in again.glob("*.[mc]*"):
        assert path.read_bytes() == (report / path.name).read_bytes()


def test_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such run folder"):
        build_report(tmp_path / "nothing")


def test_reports_never_load_torch() -> None:
    code = "import sys, reports.render; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

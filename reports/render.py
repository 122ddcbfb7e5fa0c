"""Write a run's report into a folder: Table 1, charts, csv files, report.md and report.pdf."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import typst

from bench.atomic import replacing, write_text
from bench.store import load_results
from reports.aggregate import MAIN, Panel, panels
from reports.contents import table1
from reports.document import Findings, findings, to_report_markdown, to_report_typst
from reports.fonts import chinese_font
from reports.parts import Picture
from reports.significance import compare
from reports.style import write_figure
from reports.tables import to_csv, to_markdown, to_tex, to_text

BUILD = Path("reports/build")
FORMATS = ("md", "tex", "csv", "pdf")


def build_report(run_dir: Path, out: Path | None = None, formats: Sequence[str] = FORMATS) -> Path:
    """Write the report of a run.

    Args:
        run_dir: ``results/<run>``.
        out: folder to write to; ``reports/build/<run>`` if None.
        formats: of "md", "tex", "csv", "pdf"; the charts are always written.

    Returns:
        The folder.

    Raises:
        BenchError: no such run, or the folder cannot be written.
    """
    results = load_results(run_dir)
    title = f"langedit-bench: {run_dir.resolve().name}"
    out = out or BUILD / run_dir.resolve().name
    parts = panels(results)
    found = []
    for panel in parts:
        suffix = _suffix(panel, parts)
        found.append(findings(run_dir, results, panel, f"radar{suffix}"))
        for picture in (part for s in found[-1].sections for part in s.parts if isinstance(part, Picture)):
            write_figure(picture.figure, out / picture.stem)
        _write_tables(found[-1], out, suffix, formats)
    if "md" in formats:
        write_text(out / "report.md", to_report_markdown(title, found))
    if "pdf" in formats:
        write_pdf(to_report_typst(title, found), out / "report.pdf")
    return out


def report_text(run_dir: Path) -> str:
    """Table 1 of every setting of a run, for a terminal."""
    tables = [table1(panel, compare(panel, MAIN)) for panel in panels(load_results(run_dir))]
    return "\n".join(map(to_text, tables)).rstrip()


def write_pdf(source: str, path: Path) -> list[str]:
    """Compile typst source whose pictures lie beside `path`; fonts of the system are not used.

    Returns:
        The compiler's warnings.
    """
    font = chinese_font()
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[font.parent] if font else [])
    with replacing(path) as temporary:
        compiler = typst.Compiler(source.encode(), root=path.parent, font_paths=fonts)
        data, warnings = compiler.compile_with_warnings(format="pdf")
        temporary.write_bytes(cast("bytes", data))  # one document, hence no list
    return [warning.message for warning in warnings]


def _write_tables(found: Findings, out: Path, suffix: str, formats: Sequence[str]) -> None:
    writers = {"csv": to_csv, "md": to_markdown, "tex": to_tex}
    for name in (name for name in writers if name in formats):
        write_text(out / f"table1{suffix}.{name}", writers[name](found.table1))
    if "csv" in formats:
        for table in found.tables:
            write_text(out / f"{table.name}{suffix}.csv", to_csv(table))


def _suffix(panel: Panel, parts: Sequence[Panel]) -> str:
    """What tells this setting's files from the others'; "" if there is one setting only."""
    different = [
        value
        for name, value in panel.setting._asdict().items()
        if len({getattr(part.setting, name) for part in parts}) > 1
    ]
    return "".join(f"-{re.sub(r'[^A-Za-z0-9._]+', '-', value)}" for value in different)

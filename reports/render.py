"""Write reports into a folder: tables, charts and the documents in each format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.ground.atomic import write_text
from reports.documents.answers import write_answers
from reports.documents.document import first_tables, read_report
from reports.documents.html import to_report_html
from reports.documents.latex import to_report_tex
from reports.documents.markdown import to_report_markdown
from reports.documents.pdf import to_report_typst, write_pdf
from reports.documents.tables import to_csv, to_markdown, to_tex, to_text
from reports.numbers.names import run_names, slug
from reports.parts.sections import Chapter, Picture
from reports.parts.tables import Table
from reports.pictures.style import write_figure

FORMATS = ("md", "tex", "csv", "pdf", "html")


def default_folder(folders: Sequence[Path], names: Sequence[str] = ()) -> Path:
    """Where the report of some runs goes if nothing else is said: beside the first of them.

    Args:
        folders: of the runs.
        names: that they were asked for by, where several share one.
    """
    told = names if len(names) < len(folders) else run_names(folders)
    return folders[0].parent / f"report-{'+'.join(map(slug, told or run_names(folders)))}"


def build_report(folders: Path | Sequence[Path], out: Path | None = None, formats: Sequence[str] = FORMATS) -> Path:
    """Write the report of a run or of several.

    Args:
        folders: ``results/<run>``.
        out: folder to write to; `default_folder` if None.
        formats: of `FORMATS`; the charts are always written.

    Returns:
        The folder.

    Raises:
        BenchError: no such run, or the folder cannot be written.
    """
    runs = [folders] if isinstance(folders, Path) else list(folders)
    return write_report(read_report(runs), out or default_folder(runs), formats, runs)


def write_report(report: Chapter, out: Path, formats: Sequence[str] = FORMATS, answers_of: Sequence[Path] = ()) -> Path:
    """Write a report into the folder `out`.

    Args:
        report: what to write.
        out: the folder.
        formats: of `FORMATS`.
        answers_of: folders of runs whose answers stand on a page beside report.html.
    """
    if answers_of and "html" in formats:
        write_answers(answers_of, out)
    for picture in _pictures(report):
        write_figure(picture.figure, out / picture.stem)
    _write_tables(report, out, formats)
    if "md" in formats:
        write_text(out / "report.md", to_report_markdown(report))
    if "tex" in formats:
        write_text(out / "report.tex", to_report_tex(report))
    if "html" in formats:
        write_text(out / "report.html", to_report_html(report, out))
    if "pdf" in formats:
        write_pdf(to_report_typst(report), out / "report.pdf")
    return out


def report_text(report: Chapter) -> str:
    """The first table of every chapter, for a terminal."""
    return "\n".join(map(to_text, first_tables(report))).rstrip()


def _pictures(report: Chapter) -> list[Picture]:
    return [part for section in report.sections() for part in section.parts if isinstance(part, Picture)]


def _write_tables(report: Chapter, out: Path, formats: Sequence[str]) -> None:
    """Every table as csv and LaTeX, the main ones as Markdown, too."""
    for section in report.sections():
        shown = [part for part in section.parts if isinstance(part, Table)]
        if "csv" in formats:
            for table in {table.name: table for table in (*shown, *section.tables)}.values():
                write_text(out / f"{table.name}.csv", to_csv(table))
        if "tex" in formats:
            for table in shown:
                write_text(out / f"{table.name}.tex", to_tex(table))
    if "md" in formats:
        for table in first_tables(report):
            write_text(out / f"{table.name}.md", to_markdown(table))
